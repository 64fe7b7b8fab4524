"""Parquet: for big runs and for tables, a column a key, names and events as dictionaries.

The header sits in the file's metadata. A table without it, such as a user's own log saved by pandas, is read
too: `t`, `node` and `event` are needed, an absent or null value elsewhere is zero or empty. What does not
belong here: the meaning of a fact (docs/history.md).
"""

from __future__ import annotations

from functools import partial
from typing import IO, TYPE_CHECKING, Any, Final, NoReturn

import msgspec

from imsim.errors import ConfigError
from imsim.history.header import KEYS, REQUIRED, TABLES, header_of, missing_key, started, unknown_key
from imsim.history.schema import (
    COLUMNS,
    FORMAT,
    LEVEL_OF,
    WIDEST,
    Event,
    checked_number,
    checked_time,
    dtype,
    event_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa
    from pyarrow import parquet

    from imsim.history.rows import History
    from imsim.history.writer import Writer

__all__ = ["read_parquet", "write_parquet"]

_METADATA_KEY: Final = "imsim-history"
_BATCH_ROWS: Final = 65_536


def write_parquet(history: History, file: IO[bytes]) -> None:
    """Save the rows and the header."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import parquet

    rows = history.array()
    names = {column: pa.array(getattr(history, table).names) for column, table in TABLES.items()}
    names["event"] = pa.array(["", *(event.word for event in Event)])
    types = {column: pa.from_numpy_dtype(rows.dtype[column]) for column in KEYS}
    types |= {column: pa.dictionary(pa.int32(), pa.string()) for column in names}
    schema = pa.schema(list(types.items()))
    with parquet.ParquetWriter(file, schema) as writer:
        for start in range(0, len(rows), _BATCH_ROWS):
            block = rows[start : start + _BATCH_ROWS]
            arrays = [
                pa.DictionaryArray.from_arrays(block[column].astype(np.int32), names[column])
                if column in names
                else pa.array(np.ascontiguousarray(block[column]))
                for column in KEYS
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
        writer.add_key_value_metadata({_METADATA_KEY: msgspec.json.encode(header_of(history))})


def read_parquet(file: IO[bytes], path: Path) -> History:
    """Load a history, or a user's own table.

    Raises:
        ConfigError: it is no Parquet file, or holds what the schema does not allow.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(file)
        writer = _started(table)
        first = 0
        for batch in table.iter_batches(_BATCH_ROWS):
            writer.extend(_packed(batch, first, writer))
            first += batch.num_rows
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path}: expected a whole Parquet file, got something else ({str(error).splitlines()[0]})"
        ) from None
    return writer.finish()


def _started(table: parquet.ParquetFile) -> Writer:
    keys = table.schema_arrow.names
    for key in keys:
        if key not in KEYS:
            unknown_key(key, KEYS)
        if keys.count(key) > 1:
            raise ConfigError(f"{key}: expected one column, got {keys.count(key)}")
    for key in REQUIRED:
        if key not in keys:
            missing_key(key)
    stored = (table.metadata.metadata or {}).get(_METADATA_KEY.encode())
    if stored is None:
        return started({"format": FORMAT})
    try:
        header = msgspec.json.decode(stored, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"metadata {_METADATA_KEY}: expected a JSON object, got something else ({error})") from None
    return started(header)


def _packed(batch: pa.RecordBatch, first: int, writer: Writer) -> bytes:
    """The packed rows of `batch`, whose first row is number `first` of the file."""
    import numpy as np

    rows = np.zeros(batch.num_rows, dtype())
    for column in COLUMNS:
        if column not in batch.schema.names:
            continue
        values = _Column(column, batch.column(column), first)
        if values.all_null:
            continue
        if column == "t":
            rows[column] = values.times()
        elif column == "event":
            rows[column] = values.numbers_of(event_of)
        elif column in TABLES:
            rows[column] = values.numbers_of(getattr(writer, TABLES[column]).index)
        else:
            rows[column] = values.integers()
    for number in np.unique(rows["event"]):
        writer.level = max(writer.level, LEVEL_OF[Event(number)])
    return rows.tobytes()


class _Column:
    """One column of a batch, to be turned into numbers; its errors name the row."""

    __slots__ = ("_column", "_first", "_values")

    def __init__(self, column: str, values: pa.Array, first: int) -> None:
        self._column = column
        self._values = values
        self._first = first
        if column in REQUIRED and values.null_count:
            row = values.is_null().index(True).as_py()
            self._refuse(row, missing_key, column)

    @property
    def all_null(self) -> bool:
        """Whether there is nothing in it, in which case it has no type either."""
        return bool(self._values.null_count == len(self._values))

    def times(self) -> npt.NDArray[np.float64]:
        """The values as seconds."""
        import numpy as np
        import pyarrow as pa

        if not (pa.types.is_floating(self._values.type) or pa.types.is_integer(self._values.type)):
            self._wrong_type("seconds as numbers")
        seconds: npt.NDArray[np.float64] = self._values.to_numpy(zero_copy_only=False).astype(np.float64)
        good = (seconds >= 0) & (seconds < np.inf)
        if not good.all():
            row = int(good.argmin())
            self._refuse(row, checked_time, float(seconds[row]))
        return seconds

    def integers(self) -> npt.NDArray[np.integer[Any]]:
        """The values as integers that fit their column, null being 0."""
        import pyarrow as pa

        if not pa.types.is_integer(self._values.type):
            self._wrong_type(f"integers from 0 to {WIDEST[self._column]}")
        numbers: npt.NDArray[np.integer[Any]] = self._values.fill_null(0).to_numpy(zero_copy_only=False)
        good = (numbers >= 0) & (numbers <= WIDEST[self._column])
        if not good.all():
            row = int(good.argmin())
            self._refuse(row, partial(checked_number, self._column), numbers[row].item())
        return numbers

    def numbers_of(self, number_of: Callable[[str], int]) -> npt.NDArray[np.integer[Any]]:
        """The texts as numbers by `number_of`, which is asked in the order of first appearance."""
        import numpy as np
        import pyarrow as pa

        values = self._values
        if pa.types.is_dictionary(values.type):
            values = values.cast(values.type.value_type)  # a dictionary's own order is not that of appearance
        if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
            self._wrong_type("texts")
        coded = values.fill_null("").dictionary_encode()
        codes: npt.NDArray[np.int32] = coded.indices.to_numpy(zero_copy_only=False)
        numbers = np.zeros(len(coded.dictionary), np.uint32)
        for code, text in enumerate(coded.dictionary.to_pylist()):
            try:
                numbers[code] = number_of(text)
            except ConfigError:
                self._refuse(int((codes == code).argmax()), number_of, text)
        return numbers[codes]

    def _refuse(self, row: int, check: Callable[[Any], object], value: object) -> None:
        """Let `check` refuse `value`, and add the row to its message."""
        try:
            check(value)
        except ConfigError as error:
            raise ConfigError(f"row {self._first + row}: {error}") from None

    def _wrong_type(self, allowed: str) -> NoReturn:
        raise ConfigError(f"{self._column}: expected {allowed}, got a column of {self._values.type}")
