"""What a run or a search came to, as a file for other programs: JUnit XML, JSON or Markdown.

Every promise is one test case, whatever was tried. Broken is a failure, and what could not be decided an error, since a
reader that counts failures and errors must not take it for kept; a search that ends at its first failure says nothing
about the other promises, and these are skipped. No time of day is in a report, so equal runs differ in nothing but how
long they took.

What does not belong here: what a terminal shows (imsim/cli/), pictures (diagram/).
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any, Final

import msgspec

from imsim.errors import ConfigError, nearest
from imsim.history.files import replacing
from imsim.study.table import figures
from imsim.verify.finding import Property
from imsim.verify.search.trial import CONTRACT
from imsim.verify.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from imsim.study.run import Run
    from imsim.verify.search import Failure, Found

__all__ = ["ENDINGS", "Report", "of_run", "of_search", "write"]

_NO_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML file may hold, however it is spelled (XML 1.0, section 2.2)."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one promise.

    Attributes:
        promise: its name.
        outcome: of this promise alone; None where nobody looked any further.
        told: how it was broken, or why nothing is known, line by line.
    """

    promise: str
    outcome: Outcome | None
    told: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """The outcome as people spell it."""
        return "not decided" if self.outcome is None else self.outcome.word


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a run or a search came to.

    Attributes:
        title: what was done, as a person types it.
        seed: its seed.
        seconds: how long it took.
        outcome: of all promises together.
        promises: each of them.
        figures: labels and values.
        notes: what else a person should know.
    """

    title: str
    seed: int
    seconds: float
    outcome: Outcome
    promises: tuple[Kept, ...]
    figures: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()

    def counted(self, outcome: Outcome | None) -> int:
        """How many promises ended so."""
        return sum(kept.outcome is outcome for kept in self.promises)


def of_run(run: Run) -> Report:
    """The report of one run."""
    verdict = run.verdict
    rest = Kept(promise="", outcome=Outcome.UNKNOWN, told=(verdict.reason,)) if verdict.reason else _HOLDS
    goals = f"not exercised: {', '.join(verdict.not_exercised)}" if verdict.not_exercised else ""
    return Report(
        title=f"imsim run {run.scenario.name}",
        seed=run.seed,
        seconds=run.wall_s + run.verdict_s,
        outcome=verdict.outcome,
        promises=tuple(
            Kept(promise=promise.value, outcome=Outcome.VIOLATED, told=_violations(run, promise))
            if promise in verdict.counts
            else msgspec.structs.replace(rest, promise=promise.value)
            for promise in Property
        ),
        figures=figures(run),
        notes=tuple(note for note in (verdict.reason, goals) if note),
    )


_HOLDS: Final = Kept(promise="", outcome=Outcome.HOLDS)


def _violations(run: Run, promise: Property) -> tuple[str, ...]:
    told = [violation for violation in run.verdict.violations if violation.property is promise]
    more = run.verdict.counts[promise] - len(told)
    lines = [line for violation in told for line in str(violation).splitlines()]
    return (*lines, f"and {more:,} more") if more else tuple(lines)


def of_search(
    found: Found, *, model: str, seed: int, promises: Sequence[str] = (), again: Sequence[str] = ()
) -> Report:
    """The report of a search.

    Args:
        found: what it found.
        model: the model's name.
        seed: its seed.
        promises: the promises that counted, by default all.
        again: for each failure, how it can be seen again.
    """
    failures = {failure.case.breaks: (failure, how) for failure, how in zip(found.failures, again, strict=True)}
    rest = _HOLDS
    if failures:
        rest = Kept(promise="", outcome=None, told=("the search ended at its first failure",))
    elif found.outcome is Outcome.UNKNOWN:
        rest = Kept(promise="", outcome=Outcome.UNKNOWN, told=found.lines())
    names = promises or [*(promise.value for promise in Property), CONTRACT]
    return Report(
        title=f"imsim check {model}",
        seed=seed,
        seconds=found.seconds,
        outcome=found.outcome,
        promises=tuple(
            Kept(promise=name, outcome=Outcome.VIOLATED, told=_story(*failures[name]))
            if name in failures
            else msgspec.structs.replace(rest, promise=name)
            for name in names
        ),
        figures=(("cases", f"{found.cases:,}"), ("different decisions", f"{found.coverage.distinct:,}")),
        notes=() if failures else found.lines()[1:],
    )


def _story(failure: Failure, again: str) -> tuple[str, ...]:
    case = failure.smallest
    story = failure.story if failure.shrunk is None else failure.shrunk.story
    return (story, f"seed {case.seed}:", *(f"    {line}" for line in str(case).splitlines()), again)


# ---------------------------------------------------------------------------------------------- as a file


def write(report: Report, path: Path) -> None:
    """Write a report by the ending of its file: whole, or not at all.

    Raises:
        ConfigError: another ending, or the file cannot be written.
    """
    spell = ENDINGS.get(path.suffix)
    if spell is None:
        near = nearest(path.suffix, ENDINGS)
        raise ConfigError(f"{path}: expected a file name that ends in {', '.join(ENDINGS)}, got {path.suffix!r}{near}")
    try:
        with replacing(path) as file:
            file.write(spell(report).encode("utf-8", "replace"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror or error}") from error


def _junit(report: Report) -> str:
    counts = {
        "tests": len(report.promises),
        "failures": report.counted(Outcome.VIOLATED),
        "errors": report.counted(Outcome.UNKNOWN),
        "skipped": report.counted(None),
    }
    attributes = {word: str(count) for word, count in counts.items()} | {"time": f"{report.seconds:.3f}"}
    root = ET.Element("testsuites", attributes)
    suite = ET.SubElement(root, "testsuite", {"name": report.title, **attributes})
    properties = ET.SubElement(suite, "properties")
    for name, value in (("seed", str(report.seed)), *report.figures):
        ET.SubElement(properties, "property", {"name": name, "value": value})
    for kept in report.promises:
        case = ET.SubElement(suite, "testcase", {"classname": report.title, "name": kept.promise, "time": "0"})
        tag = _TAGS.get(kept.outcome)
        if tag is not None:
            told = "\n".join(kept.told)
            ET.SubElement(case, tag, {"message": told.partition("\n")[0]}).text = told
    ET.SubElement(suite, "system-out").text = "\n".join(report.notes)
    ET.indent(root)
    return _NO_XML.sub("?", f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n')


_TAGS: Final = {Outcome.VIOLATED: "failure", Outcome.UNKNOWN: "error", None: "skipped"}


def _json(report: Report) -> str:
    told: dict[str, Any] = {
        "title": report.title,
        "seed": report.seed,
        "seconds": round(report.seconds, 3),
        "verdict": report.outcome.word,
        "promises": [{"promise": kept.promise, "verdict": kept.word, "told": kept.told} for kept in report.promises],
        "figures": dict(report.figures),
        "notes": report.notes,
    }
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def _markdown(report: Report) -> str:
    lines = [f"# {report.title}: {report.outcome.word}", "", f"Seed {report.seed}, {report.seconds:.1f} s."]
    lines += ["", "| promise | |", "|---|---|"]
    lines += [f"| {kept.promise} | {kept.word} |" for kept in report.promises]
    for kept in report.promises:
        if kept.outcome is Outcome.VIOLATED:
            lines += ["", f"## {kept.promise}", "", "```text", *kept.told, "```"]
    lines += ["", "| figure | |", "|---|--:|"]
    lines += [f"| {label} | {value} |" for label, value in report.figures]
    lines += [line for note in report.notes for line in ("", note)]
    return "\n".join(lines) + "\n"


ENDINGS: Final[dict[str, Callable[[Report], str]]] = {".xml": _junit, ".json": _json, ".md": _markdown}
"""How each kind of file is written."""
