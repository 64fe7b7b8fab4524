"""History: what happened, in columns.

A run leaves behind one thing: rows, a fact each, packed into 44 bytes as they come. Both worlds write
them, a user's own logs can be read into them, and properties, frames and reports read nothing else.

Why packed: a run of a million facts must cost neither the collector's time (a tuple a fact is traced
again and again) nor the memory of a million objects. Names are interned, so a row is thirteen numbers
of fixed width, which NumPy maps without a copy. Past `spill_bytes` the rows move into an anonymous file.

    schema.py    what the columns and events mean         writer.py   recording facts
    store.py     where the packed bytes live              rows.py     reading them: History, Row
    files.py     saving and loading; lines.py and parquet.py are the two formats
    parting.py   where two histories first part

What does not belong here: deciding whether a fact is good or bad (verify/).
"""

from imsim.history.rows import History, Row
from imsim.history.schema import COLUMNS, LEVEL_OF, ROW, Event, Level, Names, dtype
from imsim.history.store import RowCall
from imsim.history.writer import Writer

__all__ = ["COLUMNS", "LEVEL_OF", "ROW", "Event", "History", "Level", "Names", "Row", "RowCall", "Writer", "dtype"]
