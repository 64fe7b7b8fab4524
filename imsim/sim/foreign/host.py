"""The talk with one running program: numbered lines, each answered before the next one is said.

There is one program for each command in each process of imsim. It is started when it is first needed and lives until
the process ends or it breaks the contract; then the next world starts it anew. A program that never greeted is no
device with a flaw but a mistyped command, and nothing is searched.
"""

from __future__ import annotations

import atexit
import shlex
from typing import Final, TypeVar

from imsim.errors import AlgorithmError, ConfigError
from imsim.sim.foreign.lines import Answer, Greeting, LineError, decode, encode
from imsim.sim.foreign.program import Program, ProgramError

__all__ = ["PROTOCOL", "Host", "host_of"]

PROTOCOL: Final = 1
"""The version of what the lines say."""

A = TypeVar("A", bound=Answer)


class Host:
    """A program that is running.

    Args:
        command: how it is started.
        limit: seconds that it may take to answer.

    Raises:
        ConfigError: it cannot be started.
    """

    def __init__(self, command: str, limit: float) -> None:
        self._key = command, limit
        self._number = 0
        self._asked = ""
        self._program = Program(shlex.split(command), limit)

    def begin(self) -> None:
        """A world begins: the program forgets its devices, and lines are numbered anew, so that a case says the same.

        Raises:
            AlgorithmError: it does not answer; the program is ended.
        """
        self._number = 0
        self.ask(Answer, "begin")

    def ask(self, kind: type[A], do: str, device: str = "", **more: object) -> A:
        """Say a line, and take the answer, which is of this kind.

        Raises:
            AlgorithmError: none comes, or another; the program is ended.
        """
        self._number += 1
        self._asked = ", ".join(
            word for word in (device, f"at {more['now']} s" if "now" in more else "", f"told {do}") if word
        )
        names = {"n": self._number, "do": do, "device": device} if device else {"n": self._number, "do": do}
        try:
            line = self._program.ask(encode({**names, **more}))
        except ProgramError as error:
            raise self._broken(error) from None
        try:
            answer = decode(line, kind)
        except LineError as error:
            raise self.broken(f"its answer makes no sense: {error}", line) from None
        if answer.n != self._number:
            raise self.broken(f"it answered line {answer.n} instead of line {self._number}", line)
        return answer

    def broken(self, how: str, said: bytes | None = None) -> AlgorithmError:
        """The program broke the contract and is ended: what to raise."""
        return self._broken(self._program.end(how, said))

    def close(self) -> None:
        """End the program."""
        _HOSTS.pop(self._key, None)
        self._program.close()

    def _broken(self, error: ProgramError) -> AlgorithmError:
        _HOSTS.pop(self._key, None)
        return AlgorithmError(f"{self._key[0]}: {self._asked}: {error}")


_HOSTS: Final[dict[tuple[str, float], Host]] = {}
"""The programs that run for this process."""
_GREETED: Final[set[str]] = set()
"""The commands whose programs greeted, so that they are known to be devices."""


def host_of(command: str, limit: float) -> Host:
    """The program of a command, running and greeted.

    Raises:
        ConfigError: it cannot be started, does not greet, or speaks another version.
        AlgorithmError: it greeted an earlier world, and does not greet this one.
    """
    key = command, limit
    host = _HOSTS.get(key)
    if host is None:
        host = Host(command, limit)
        try:
            greeting = host.ask(Greeting, "hello", protocol=PROTOCOL)
        except AlgorithmError as error:
            if command in _GREETED:
                raise
            raise ConfigError(str(error)) from None
        if greeting.protocol != PROTOCOL:
            host.close()
            raise ConfigError(f"{command}: speaks version {greeting.protocol} of the device protocol, not {PROTOCOL}")
        _GREETED.add(command)
        _HOSTS[key] = host
    return host


@atexit.register
def _end_all() -> None:
    for host in list(_HOSTS.values()):
        host.close()
