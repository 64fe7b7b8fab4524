"""What a person runs instead of the real algorithms: a device of theirs, class or program, or a bug of the zoo.

Code comes from the command line only, never from a file that somebody was sent.
"""

from __future__ import annotations

import importlib
import shlex
import sys
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from imsim.errors import ConfigError, nearest

if TYPE_CHECKING:
    from imsim.protocol.contract import DeviceFactory
    from imsim.sim.algorithms import Instead
    from imsim.sim.foreign import DeviceCommand

__all__ = ["DeviceLimit", "DeviceName", "DeviceProgram", "FlawName", "as_typed", "instead"]

DeviceName = Annotated[str | None, Parameter(name="--device", metavar="MODULE:CLASS")]
DeviceProgram = Annotated[str | None, Parameter(name="--device-cmd", metavar="COMMAND")]
DeviceLimit = Annotated[str | None, Parameter(name="--device-limit", metavar="DURATION")]
FlawName = Annotated[str | None, Parameter(name="--flaw", metavar="NAME")]


def instead(device: str | None, command: str | None, limit: str | None, flaw: str | None = None) -> Instead:
    """What `--device`, `--device-cmd` and `--flaw` name, as keywords of `imsim.check`; empty if none is given.

    Raises:
        ConfigError: there is no such class, program or flaw, or both a class and a program are given, or a time limit
            that is none, or is for no program.
    """
    found = _device(device, command, limit)
    if flaw is not None:
        from imsim.verify import zoo

        try:
            found["swaps"] = zoo.flaw(flaw).swaps
        except ConfigError as error:
            raise ConfigError(f"--flaw: {error}") from error
    return found


def _device(device: str | None, command: str | None, limit: str | None) -> Instead:
    if device is not None and command is not None:
        raise ConfigError("--device-cmd: a device is either a class or a program, and --device names a class already")
    if limit is not None and command is None:
        raise ConfigError("--device-limit: it is for a program, and no --device-cmd names one")
    if command is not None:
        return {"device": _program(command, limit)}
    return {} if device is None else {"device": _named(device)}


def _program(command: str, limit: str | None) -> DeviceCommand:
    from imsim.scenario.values import seconds_of
    from imsim.sim.foreign import DeviceCommand

    given = {} if limit is None else {"limit": seconds_of("--device-limit", limit)}
    try:
        return DeviceCommand(command, **given)
    except ConfigError as error:
        raise ConfigError(f"--device-cmd: {error}") from error


def as_typed(device: str | None, command: str | None, limit: str | None, flaw: str | None) -> str:
    """The same options again, as they are typed behind a command; empty if none is given."""
    given = {"device": device, "device-cmd": command, "device-limit": limit, "flaw": flaw}
    return "".join(f" --{option} {shlex.quote(value)}" for option, value in given.items() if value is not None)


def _named(name: str) -> DeviceFactory:
    """The class that a person names, or the object that makes devices."""
    module, colon, kind = name.partition(":")
    if not (module and colon and kind):
        raise ConfigError(f"--device {name}: expected MODULE:CLASS, such as my_sdk:MyDevice")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        found: Any = importlib.import_module(module)
    except Exception as error:
        raise ConfigError(f"--device {name}: cannot be imported: {error}") from error
    if not hasattr(found, kind):
        raise ConfigError(f"--device {name}: {module} has no class {kind!r}{nearest(kind, vars(found))}")
    device: DeviceFactory = getattr(found, kind)
    if not callable(getattr(device, "load", None)):
        raise ConfigError(f"--device {name}: no device: it has no load")
    return device
