"""A program that answers lines: started once, asked one line at a time, and ended when it does not answer.

Asking is lockstep: a line is written, and one line is waited for. So there are three ways to go wrong, and each ends
the program: it does not answer in time, it is gone, or it says something else. What it wrote to standard error
meanwhile is read along, lest it wait for somebody to do so, and its end is quoted then.

It runs in a process group of its own: whoever interrupts imsim at a terminal does not interrupt the program between two
lines, which would look like its own fault, and what a script starts ends with the script.

What does not belong here: what the lines say (lines.py).
"""

from __future__ import annotations

import collections
import contextlib
import os
import re
import select
import signal
import subprocess
import time
from typing import Final

from imsim.errors import ConfigError

__all__ = ["Program", "ProgramError"]

_CHUNK: Final = 1 << 16
_LONGEST: Final = 1 << 24
"""Bytes of the longest line that is taken for one."""
_SAID: Final = 200
"""Characters of a line that are quoted."""
_TAIL: Final = 3
"""Lines of standard error that are quoted."""
_KEPT: Final = 100
"""Lines of standard error in which the cause is looked for."""
_CAUSE: Final = re.compile(rb"(?=\S).*(error|exception|panic)", re.IGNORECASE)
"""How a cause begins that is not among the last lines: many languages say where it came from below it."""
_MORE: Final = "does it flush its output? --device-limit, or limit=…, grants more"
"""What whoever waits for a program should know."""
_GRACE: Final = 0.5
"""Seconds that a program which closed its output has to end."""


class ProgramError(Exception):
    """The program did not answer; the message says what it did instead."""


class Program:
    """A running program.

    Args:
        words: the command, as a list.
        limit: seconds that an answer may take.

    Attributes:
        limit: the same, for the next answer.

    Raises:
        ConfigError: it cannot be started.
    """

    def __init__(self, words: list[str], limit: float) -> None:
        try:
            self._process = subprocess.Popen(  # noqa: S603 (the command is the user's own)
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                process_group=0,
            )
        except OSError as error:
            raise ConfigError(f"{' '.join(words)}: cannot be started: {error.strerror or error}") from error
        self.limit = limit
        self._in, self._out, self._err = (
            stream.fileno() for stream in (self._process.stdin, self._process.stdout, self._process.stderr) if stream
        )
        os.set_blocking(self._in, False)
        self._heard = bytearray()
        self._tail: collections.deque[bytes] = collections.deque(maxlen=_KEPT)
        self._unfinished = b""
        self._poll = select.poll()
        for stream in (self._out, self._err):
            self._poll.register(stream, select.POLLIN)

    def ask(self, line: bytes) -> bytes:
        """Write a line, and wait for the line that answers it.

        Raises:
            ProgramError: none comes; the program is ended.
        """
        deadline = time.monotonic() + self.limit
        self._say(line, deadline)
        while (end := self._heard.find(b"\n")) < 0:
            if len(self._heard) > _LONGEST:
                raise self.end(f"it said a line of more than {_LONGEST:,} bytes")
            self._listen(deadline)
        answer = bytes(self._heard[:end])
        del self._heard[: end + 1]
        return answer

    def end(self, why: str, said: bytes | None = None) -> ProgramError:
        """End it; what to raise, which quotes the line that it said last and the end of its standard error."""
        self.close()
        quoted = "" if said is None else f": {_quoted(said)}"
        lines = [line for line in (*self._tail, self._unfinished) if line.strip()]
        causes = [line for line in lines[:-_TAIL] if _CAUSE.match(line)]
        heard = " | ".join(_quoted(line) for line in (*causes[-1:], *lines[-_TAIL:]))
        return ProgramError(f"{why}{quoted}" + (f"; on standard error: {heard}" if heard else ""))

    def close(self) -> None:
        """End it and whatever it started, and read the rest of its standard error."""
        process = self._process
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        with contextlib.suppress(OSError):
            os.set_blocking(self._err, False)
            while chunk := os.read(self._err, _CHUNK):
                self._keep(chunk)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()

    # ------------------------------------------------------------------------------------------ inside

    def _say(self, line: bytes, deadline: float) -> None:
        rest = memoryview(line)
        while rest:
            try:
                rest = rest[os.write(self._in, rest) :]
            except BlockingIOError:  # the pipe is full: a program that reads no line may have to say something first
                self._listen(deadline, writing=True)
            except OSError:
                raise self._gone() from None

    def _listen(self, deadline: float, *, writing: bool = False) -> None:
        """Wait for something to read (or for room to write), and read it."""
        left = deadline - time.monotonic()
        if writing:
            self._poll.register(self._in, select.POLLOUT)
        try:
            ready = [stream for stream, _ in self._poll.poll(max(0.0, left) * 1000.0)]
        finally:
            if writing:
                self._poll.unregister(self._in)
        if not ready:
            how = f"it did not answer within {self.limit:g} s ({_MORE})"
            raise self.end(how + "; without an end of line it said" * bool(self._heard), bytes(self._heard) or None)
        if self._err in ready:
            self._hear_errors()
        if self._out in ready:
            chunk = os.read(self._out, _CHUNK)
            if not chunk:
                raise self._gone()
            self._heard += chunk

    def _hear_errors(self) -> None:
        chunk = os.read(self._err, _CHUNK)
        if chunk:
            self._keep(chunk)
        else:
            self._poll.unregister(self._err)

    def _keep(self, chunk: bytes) -> None:
        *lines, self._unfinished = (self._unfinished + chunk)[-_CHUNK:].split(b"\n")
        self._tail.extend(line for line in lines if line.strip())

    def _gone(self) -> ProgramError:
        try:
            code = self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            return self.end("it closed its standard output", bytes(self._heard) or None)
        how = f"it died of signal {-code}" if code < 0 else f"it ended with exit code {code}"
        return self.end(how, bytes(self._heard) or None)


def _quoted(line: bytes) -> str:
    text = line.decode("utf-8", "replace").strip()
    return text if len(text) <= _SAID else text[:_SAID] + "…"
