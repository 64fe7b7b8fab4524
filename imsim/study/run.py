"""One run of a scenario: the world is built, runs, and is judged; what it leaves behind is a `Run`.

    run = simulate(load("models/tiny.toml"), seed=7)
    run.verdict ; run.metrics ; run.messages ; run.deliveries ; run.timeline(message="alice-3")

Wall-clock time and memory are measured here and nowhere below, so they can never reach what a run does. What does not
belong here: what a world does (imsim/sim/), what is promised (imsim/verify/), comparing runs.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import math
import resource
import sys
import time
from typing import TYPE_CHECKING, Unpack

import msgspec

from imsim.errors import ConfigError, nearest
from imsim.history import History, Level
from imsim.history.counters import Counters
from imsim.scenario import Scenario
from imsim.sim.algorithms import Algorithms, Instead
from imsim.sim.deviations import Deviation
from imsim.study import table
from imsim.study.metrics import Metrics, measure
from imsim.verify.verdict import Verdict, weigh_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pandas as pd

    from imsim.study.diagram import Diagram
    from imsim.verify.evidence import Evidence

__all__ = ["Run", "judged", "simulate"]

_MEGABYTE = 1 << 20
_LARGE = 1_000_000
"""Facts of a run whose world weighs more than a collection costs."""


class Run(msgspec.Struct, frozen=True, kw_only=True, eq=False, dict=True):
    """What one run leaves behind.

    Attributes:
        scenario, seed, deviations: what was asked.
        history: what happened.
        verdict: whether the promises were kept.
        metrics: the figures.
        counters: what the world counted.
        interrupted: whether somebody ended it before its time; its verdict never says then that everything holds.
        wall_s, verdict_s: seconds that the world and the judging took.
        peak_rss_mb: the most memory that this process ever held, in MiB.
    """

    scenario: Scenario
    seed: int
    history: History
    verdict: Verdict
    metrics: Metrics
    counters: Counters
    interrupted: bool = False
    wall_s: float
    verdict_s: float
    peak_rss_mb: float
    deviations: tuple[Deviation, ...] = ()

    @functools.cached_property
    def messages(self) -> pd.DataFrame:
        """One row a submission: who, where, what became of it, and how fast it was."""
        from imsim.study.frames import messages

        return messages(self._evidence)

    @functools.cached_property
    def deliveries(self) -> pd.DataFrame:
        """One row a delivery that is expected: a message and a device that may read it, the sender's own included."""
        from imsim.study.frames import deliveries

        return deliveries(self._evidence)

    def timeline(self, *, message: str | None = None, node: str | None = None) -> pd.DataFrame:
        """The facts about one message or node, or both, or all, in the order in which they happened.

        Raises:
            ConfigError: the run has no such message or node.
        """
        for kind, name, names in (("message", message, self.history.messages), ("node", node, self.history.nodes)):
            if name is not None and names.find(name) is None:
                raise ConfigError(f"this run has no {kind} {name!r}{nearest(name, names.names)}")
        from imsim.study.frames import timeline

        return timeline(self.history, message=message, node=node)

    def diagram(
        self,
        *,
        message: str | None = None,
        since: float = 0.0,
        until: float = math.inf,
        everything: bool = False,
    ) -> Diagram:
        """A space-time diagram: nodes side by side, frames as arrows between them, what went wrong, and when.

        It shows what the first violation and the deviations are about; if there are neither, all that happened. Arrows
        need a run at level `frames`. In a notebook it is a picture; `print` it in a terminal.

        Args:
            message: only what is about this message, its edits and recalls.
            since: the beginning of a window of time, in seconds.
            until: its end.
            everything: leave nothing out.

        Raises:
            ConfigError: there is no such message, there is nothing to draw, or too much.
        """
        from imsim.study.diagram import diagram

        return diagram(
            self.history,
            violations=self.verdict.violations,
            deviations=self.deviations,
            message=message,
            since=since,
            until=until,
            everything=everything,
            title=f"{self.scenario.name or 'a scenario'}, seed {self.seed}",
        )

    def to_json(self) -> str:
        """The figures and the verdict as one JSON object on one line."""
        figures = self.metrics
        return msgspec.json.encode({
            "scenario": self.scenario.name,
            "seed": self.seed,
            "messages": figures.messages,
            "delivered": figures.deliveries,
            "expected": figures.expected,
            "lost": figures.lost,
            "trimmed": figures.trimmed,
            "duplicates_shown": figures.duplicates_shown,
            "duplicates_suppressed": figures.duplicates_suppressed,
            "retries": figures.retries,
            "latency_ms": figures.latency_ms,
            "catch_up_s": figures.catch_up_s,
            "events": figures.events,
            "wall_s": round(self.wall_s, 3),
            "verdict_s": round(self.verdict_s, 3),
            "peak_rss_mb": round(self.peak_rss_mb, 1),
            "history_sha256": self.history.sha256,
            "verdict": self.verdict.outcome.word,
            **({"kills": self.counters.kills} if self.counters.kills else {}),
            **({"interrupted": True} if self.interrupted else {}),
        }).decode()  # fmt: skip

    @functools.cached_property
    def _evidence(self) -> Evidence:
        from imsim.verify.evidence import Evidence

        return Evidence(self.history)

    def __repr__(self) -> str:
        return (
            f"Run({self.scenario.name!r}, seed={self.seed}, {self.verdict.outcome.word}, {len(self.history):,} facts)"
        )

    def _repr_html_(self) -> str:
        return table.html(table.figures(self)) + self.verdict._repr_html_()


def simulate(
    scenario: Scenario,
    *,
    seed: int = 1,
    deviations: Sequence[Deviation] = (),
    level: Level | None = None,
    on_progress: Callable[[float, float], bool | None] | None = None,
    **instead: Unpack[Instead],
) -> Run:
    """Run a scenario in the simulated world, and judge it.

    Args:
        scenario: what is asked.
        seed: answers everything that is left to chance, an integer >= 0; the same seed gives the same history.
        deviations: where the world is to do something else than the seed says.
        level: how much is recorded, by default what the scenario says.
        on_progress: told now and then how many of how many seconds of the scenario have passed; a true answer ends the
            run there, and what there is until then is judged.
        instead: what runs instead of the real algorithms, such as `device=MyDevice` (`imsim.sim.algorithms`).

    Raises:
        ConfigError: the seed is negative, or the scenario asks for what there is not, such as a trace file that is
            not here.
        AlgorithmError: the algorithm under test broke its contract.
    """
    from imsim.sim.world import World  # networkx and simpy, which only a simulation needs

    if seed < 0:
        raise ConfigError(f"seed: expected an integer >= 0, got {seed}")
    algorithms = Algorithms(**instead)
    with _collector_off():
        begin = time.perf_counter()
        end = World(scenario, seed=seed, deviations=deviations, level=level, algorithms=algorithms).run(on_progress)
        wall_s = time.perf_counter() - begin
        if len(end.history) > _LARGE:
            gc.collect()  # the world is a web of cycles, and need not lie beside what judging a large run takes
        return judged(
            scenario,
            seed=seed,
            history=end.history,
            counters=end.counters,
            wall_s=wall_s,
            converged=end.converged,
            interrupted=end.interrupted,
            grace=end.grace,
            deviations=deviations,
        )


def judged(  # noqa: PLR0913 (all that either world leaves behind)
    scenario: Scenario,
    *,
    seed: int,
    history: History,
    counters: Counters,
    wall_s: float,
    converged: bool = False,
    interrupted: bool = False,
    grace: float = 0.0,
    deviations: Sequence[Deviation] = (),
) -> Run:
    """What a world left behind after `wall_s` seconds, judged and measured: either world ends here.

    Where it ended because all devices were quiet and held everything (`converged`), nothing more would have come.
    What ran instead of the scenario's own strategy may need `grace` seconds besides.
    """
    from imsim.verify.evidence import Evidence

    begin = time.perf_counter()
    evidence = Evidence(history)
    verdict = weigh_run(evidence, scenario, converged=converged, interrupted=interrupted, grace=grace)
    verdict_s = time.perf_counter() - begin
    return Run(
        scenario=scenario,
        seed=seed,
        history=history,
        verdict=verdict,
        metrics=measure(evidence, counters),
        counters=counters,
        interrupted=interrupted,
        wall_s=wall_s,
        verdict_s=verdict_s,
        peak_rss_mb=_peak_rss_mb(),
        deviations=tuple(deviations),
    )


@contextlib.contextmanager
def _collector_off() -> Iterator[None]:
    """No cycle collection: a world is millions of objects that all stay, and looking again and again finds nothing."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _peak_rss_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / _MEGABYTE if sys.platform == "darwin" else peak / 1024  # bytes there, KiB here
