"""imsim: simulate and verify the sync, offline and idempotency algorithms of instant messaging.

The public names are loaded when they are first used (PEP 562), so that `import imsim`, and with it the protocol alone
in a phone's SDK, costs no pandas, matplotlib or simulator. Nothing but names and the version belongs here.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from imsim.history import History
    from imsim.scenario import Scenario, load
    from imsim.sim.foreign import DeviceCommand
    from imsim.study.explain import explain
    from imsim.study.run import Run, simulate
    from imsim.verify.search import Case, check, replay
    from imsim.verify.verdict import Verdict

__all__ = [
    "Case",
    "DeviceCommand",
    "History",
    "Run",
    "Scenario",
    "Verdict",
    "__version__",
    "check",
    "explain",
    "load",
    "replay",
    "simulate",
]

__version__ = "0.1.0"

_HOME: Final = {
    "Case": "imsim.verify.search",
    "DeviceCommand": "imsim.sim.foreign",
    "History": "imsim.history",
    "Run": "imsim.study.run",
    "Scenario": "imsim.scenario",
    "Verdict": "imsim.verify.verdict",
    "check": "imsim.verify.search",
    "explain": "imsim.study.explain",
    "load": "imsim.scenario",
    "replay": "imsim.verify.search",
    "simulate": "imsim.study.run",
}


def __getattr__(name: str) -> object:
    """Load a public name from its module, once."""
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    value: object = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
