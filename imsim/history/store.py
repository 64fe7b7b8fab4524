"""Where the packed rows of one history live: in memory, or past a limit all in an anonymous file.

The file has no name (where the system allows it), so a run that is killed leaves nothing behind. What does
not belong here: names, and what a row means.
"""

from __future__ import annotations

import hashlib
import tempfile
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Final, Protocol

from imsim.errors import InternalError, WorldError
from imsim.history.schema import ROW, dtype

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

__all__ = ["RowCall", "Store", "recorder"]

_BLOCK_ROWS: Final = 1024  # small, because a search makes a history a case
_READ_ROWS: Final = 16_384


class RowCall(Protocol):
    """The hot call, `Writer.row`: packed numbers, names already interned, nothing checked but the widths."""

    def __call__(  # noqa: PLR0913, PLR0917 - the columns of a row
        self,
        t: float,
        node: int,
        incarnation: int,
        event: int,
        conversation: int,
        message: int,
        epoch: int,
        seq: int,
        op: int = 0,
        attempt: int = 0,
        size: int = 0,
        detail: int = 0,
    ) -> None:
        """Record one fact.

        Raises:
            struct.error: a number does not fit its column.
            WorldError: the spill file cannot be written.
        """


def recorder(append: Callable[[bytes], None]) -> tuple[RowCall, Callable[[], None]]:
    """The hot call, and the call that hands over what it still holds; full blocks go to `append`.

    Measured (ns a row with the call, which alone costs 70): pack_into a block 245, a list of packed rows
    joined by the thousand 272, bytearray += 280, tuples 303 and the collector's time, BufferedWriter 321.
    """
    block = bytearray(_BLOCK_ROWS * ROW.size)
    full, step, pack_into = len(block), ROW.size, ROW.pack_into
    end = 0

    def settle() -> None:
        nonlocal end
        rows = bytes(memoryview(block)[:end])
        end = 0
        append(rows)

    def row(  # noqa: PLR0913, PLR0917 - the columns of a row
        t: float,
        node: int,
        incarnation: int,
        event: int,
        conversation: int,
        message: int,
        epoch: int,
        seq: int,
        op: int = 0,
        attempt: int = 0,
        size: int = 0,
        detail: int = 0,
    ) -> None:
        nonlocal end
        pack_into(
            block, end, t, node, incarnation, event, 0, conversation, message, epoch, seq, op, attempt, size, detail
        )  # fmt: skip
        end += step
        if end == full:
            settle()

    return row, settle


class Store:
    """The packed rows of one history: chunks in memory, or all of them in an anonymous file.

    Its own object, so that the hot call holds it without a reference cycle through the writer: where the
    collector is off, a cycle would keep every history of a search alive.
    """

    __slots__ = ("_chunks", "_closed", "_directory", "_file", "_hash", "_held", "_sealed", "_spill_bytes", "rows")

    def __init__(self, spill_bytes: int, directory: Path | str | None) -> None:
        self.rows = 0
        self._chunks: list[bytes] = []
        self._held = 0  # bytes in _chunks
        self._spill_bytes = spill_bytes
        self._directory = directory
        self._file: IO[bytes] | None = None
        self._hash = hashlib.sha256()  # of what was spilled; what is in memory is only hashed when asked
        self._sealed = False
        self._closed = False

    def append(self, chunk: bytes) -> None:
        """Take whole rows, and spill if there are too many by now."""
        if not chunk:
            return
        if self._sealed:
            raise InternalError("a fact was recorded after the history was finished")
        self.rows += len(chunk) // ROW.size
        self._chunks.append(chunk)
        self._held += len(chunk)
        if self._file is not None or self._held > self._spill_bytes:
            self._spill()

    def seal(self) -> None:
        """Take no more rows."""
        if self._sealed:
            raise InternalError("a history was finished twice")
        self._sealed = True
        if self._file is not None:
            with _spilling():
                self._file.flush()

    def _spill(self) -> None:
        with _spilling():
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._directory)  # noqa: SIM115 - lives with the history
            for chunk in self._chunks:
                self._file.write(chunk)
                self._hash.update(chunk)
        self._chunks.clear()
        self._held = 0

    def chunks(self) -> Iterator[bytes]:
        """Whole rows, in order.

        Not views: where an error ends `struct.iter_unpack` over one, and is kept, CPython 3.11 crashes while it
        collects the garbage.
        """
        self._refuse_if_closed()
        if self._file is None:
            return iter(tuple(self._chunks))  # `read` may join the chunks meanwhile
        starts = range(0, self.rows, _READ_ROWS)
        return (self.read(start, min(start + _READ_ROWS, self.rows)) for start in starts)

    def read(self, start: int, stop: int) -> bytes:
        """The packed rows from `start` up to `stop`."""
        self._refuse_if_closed()
        if self._file is None:
            whole = self._whole()
            return whole[start * ROW.size : stop * ROW.size]
        self._file.seek(start * ROW.size)
        return self._file.read((stop - start) * ROW.size)

    def digest(self) -> str:
        """SHA-256 of all rows, in hexadecimal."""
        self._refuse_if_closed()
        digest = self._hash.copy()
        for chunk in self._chunks:
            digest.update(chunk)
        return digest.hexdigest()

    def array(self) -> npt.NDArray[np.void]:
        """All rows, read-only."""
        import numpy as np

        self._refuse_if_closed()
        if self._file is None:
            return np.frombuffer(self._whole(), dtype())
        return np.memmap(self._file, dtype(), mode="r", shape=(self.rows,))

    def _whole(self) -> bytes:
        if len(self._chunks) != 1:
            self._chunks[:] = [b"".join(self._chunks)]  # replaced, so that the rows are not in memory twice
        return self._chunks[0]

    def close(self) -> None:
        """Remove the file and forget the rows."""
        self._sealed = self._closed = True
        self._chunks.clear()
        self._remove_file()

    def __del__(self) -> None:
        self._remove_file()

    def _remove_file(self) -> None:
        if self._file is not None:
            with suppress(OSError):  # what could not be written is not wanted any more
                self._file.close()

    def _refuse_if_closed(self) -> None:
        if self._closed:  # an empty answer would be a verdict about nothing
            raise InternalError("a history was read after it was closed")


@contextmanager
def _spilling() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WorldError(f"the history's spill file cannot be written: {error.strerror or error}") from error
