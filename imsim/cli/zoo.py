"""`imsim zoo`: hunt the planted bugs, and let the correct algorithms go through the same cases.

What does not belong here: the bugs, and how they are hunted (imsim/verify/zoo/).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter

from imsim.cli.options import EXIT_CODES, FLAG, Whole, app
from imsim.cli.screen import Screen, reader_may_leave

if TYPE_CHECKING:
    from imsim.verify.zoo import Hunted

__all__ = ["zoo"]

_FOLDER: Final = Path(".imsim/zoo")
"""Where the shrunk cases are written."""
_BY: Final = "all"
"""The strategy by which a bug counts as found."""


@app.command(sort_key=1.5, help_epilogue=EXIT_CODES, usage="Usage: imsim zoo [OPTIONS] [NAMES...]")
def zoo(
    *names: Annotated[str, Parameter(name="NAMES")],
    budget: Annotated[str, Parameter(metavar="DURATION")] = "60s",
    seed: Whole = 1,
    jobs: Whole | None = None,
    json_: Annotated[bool, Parameter(name="--json"), FLAG] = False,
) -> int:
    """Hunt bugs that real systems had, planted in the real algorithms, and see that the correct ones are not accused.

    Args:
        names: Which bugs; by default all (docs/zoo.md).
        budget: How long each strategy may look for each bug, on one core.
        seed: The same seed gives the same cases.
        jobs: How many bugs are hunted at once; by default one a core.
        json_: Print one JSON list on one line, and nothing else.
    """
    from imsim.scenario.values import seconds_of
    from imsim.verify.zoo import FLAWS, MISSING, flaw, hunt_all

    seconds = seconds_of("--budget", budget)
    flaws = [flaw(name) for name in names] or list(FLAWS)
    screen = Screen(quiet=json_)
    screen.line(f"seed {seed}")
    told: list[Hunted] = []
    for hunted in hunt_all(flaws, budget=seconds, seed=seed, jobs=jobs):
        if hunted.case is not None:
            hunted.case.write(_file(hunted))
        for line in _lines(hunted):
            screen.line(line)
        told.append(hunted)
    missing = {} if names else MISSING
    for line in (*_summary(told), *(f"{name}: not in the zoo yet: {why}" for name, why in missing.items())):
        screen.line(line)
    if json_:
        with reader_may_leave():
            print(json.dumps([*map(_as_json, told), _correct(told)], ensure_ascii=False))
    return int(not all(hunted.found and not hunted.false_alarms for hunted in told))


def _file(hunted: Hunted) -> Path:
    return _FOLDER / f"{hunted.id}.toml"


# ---------------------------------------------------------------------------------------------- what is printed


def _lines(hunted: Hunted) -> list[str]:
    """One bug: what became of it, what each strategy needed, and its smallest case."""
    needed = ", ".join(
        f"{name} {tally.cases:,} in {tally.seconds:.1f} s" if tally.found else f"{name} not in {tally.cases:,}"
        for name, tally in hunted.tallies.items()
    )
    accused = [name for name, tally in hunted.tallies.items() if tally.false_alarms]
    below = [f"    cases: {needed}", *([f"    FALSE ALARM: {', '.join(accused)}"] if accused else [])]
    if hunted.case is None:
        return [f"{hunted.id}: NOT FOUND", *below]
    size = len(hunted.case.deviations)
    faults = "no fault" if not size else f"{size} fault{'s' if size > 1 else ''}"
    head = f"{hunted.id}: {hunted.breaks}, by {faults}"
    if not hunted.found:
        head += f"; NOT SURE: replayed, the flawed variant is {hunted.flawed} and the correct one {hunted.correct}"
    again = f"    imsim replay {_file(hunted)} --flaw {hunted.id}"
    return [head, *below, *(f"    {one}" for one in hunted.case.deviations), again]


def _summary(told: list[Hunted]) -> list[str]:
    found = sum(hunted.found for hunted in told)
    small = sum(hunted.case is not None and len(hunted.case.deviations) <= 5 for hunted in told)  # noqa: PLR2004
    correct = _correct(told)
    return [
        f"found: {found} of {len(told)}, {small} by at most 5 faults",
        f"the correct algorithms: {correct['false_alarms']} false alarms in {correct['cases']:,} cases",
    ]


def _as_json(hunted: Hunted) -> dict[str, Any]:
    tally = hunted.tallies[_BY]
    return {
        "id": hunted.id,
        "found": hunted.found,
        "property": hunted.breaks,
        "cases": tally.cases,
        "seconds": tally.seconds,
        "deviations": None if hunted.case is None else len(hunted.case.deviations),
        "case": None if hunted.case is None else str(_file(hunted)),
        "replays": hunted.replays,
        "strategies": {
            name: {"found": each.found, "cases": each.cases, "seconds": each.seconds}
            for name, each in hunted.tallies.items()
        },
    }


def _correct(told: list[Hunted]) -> dict[str, Any]:
    cases = sum(tally.cases for hunted in told for tally in hunted.tallies.values())
    return {"id": "correct", "cases": cases, "false_alarms": sum(hunted.false_alarms for hunted in told)}
