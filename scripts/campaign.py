"""What takes longer than a commit may wait for: thousands of seeds, and whole traces. `make campaign`.

Each part is a list of small jobs whose results go, one line a job, into `.imsim/campaign/PART.jsonl`; a campaign
that was stopped goes on where it was, and `--fresh` begins again. A part is bounded by its number of jobs and by
`--minutes`. The exit code is 1 if a promise was broken anywhere, 3 if something was cut short by the time, else 0.

    python scripts/campaign.py                 # every part
    python scripts/campaign.py seeds --minutes 5
"""

# ruff: noqa: T201, INP001 - a command prints, and is no package
from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import time
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from imsim.verify.zoo import FLAWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FOLDER = Path(".imsim/campaign")
STRATEGIES = ("push", "poll", "long_poll", "hybrid", "adaptive")
SMALL_MODELS = ("enterprise", "education", "ecommerce")


def _run(model: str, overrides: list[str], seed: int) -> dict[str, Any]:
    """One run in this process, as its JSON object."""
    from imsim.scenario import load
    from imsim.study.run import simulate

    result: dict[str, Any] = json.loads(simulate(load(model, overrides), seed=seed).to_json())
    return result


def _brief(result: dict[str, Any]) -> dict[str, Any]:
    keys = ("verdict", "delivered", "expected", "lost", "duplicates_shown", "retries", "events", "history_sha256")
    return {key: result[key] for key in keys}


def seeds(job: int) -> dict[str, Any]:
    """tiny.toml with every strategy in turn: one seed a job."""
    strategy = STRATEGIES[job % len(STRATEGIES)]
    return {"strategy": strategy, **_brief(_run("tiny", [f"sync.strategy={strategy}"], job))}


def twice(job: int) -> dict[str, Any]:
    """The same seed twice: the same bytes, or the first row that differs."""
    from imsim.history.parting import parting
    from imsim.scenario import load
    from imsim.study.run import simulate

    one, two = (simulate(load("tiny"), seed=job) for _ in range(2))
    brief = _brief(json.loads(one.to_json()))
    if one.history.sha256 == two.history.sha256:
        return brief
    part = parting(one.history, two.history)
    return {**brief, "verdict": "violated", "parting": "only in the numbers of names" if part is None else str(part)}


def models(job: int) -> dict[str, Any]:
    """The shipped models, ten seeds each."""
    model = SMALL_MODELS[job % len(SMALL_MODELS)]
    return {"model": model, **_brief(_run(model, [], job // len(SMALL_MODELS) + 1))}


def campus(job: int) -> dict[str, Any]:
    """The whole message trace over the cellular traces."""
    result = _run("campus", [], job + 1)
    return {**_brief(result), **{key: result[key] for key in ("wall_s", "verdict_s", "peak_rss_mb")}}


def cases(job: int) -> dict[str, Any]:
    """A hundred random cases of the correct algorithms: tiny.toml, and the small scenarios of the mutants, in turn."""
    from imsim.scenario import load, loads
    from imsim.verify.search import check

    mutants = _of_the_tests("mutants")
    name = ["tiny", *mutants.SCENARIOS][job % (1 + len(mutants.SCENARIOS))]
    scenario = load("tiny") if name == "tiny" else loads(mutants.BASE, mutants.SCENARIOS[name])
    found = check(scenario, runs=100, seed=job, jobs=1, shrink_seconds=0)
    broken = [{"promise": failure.case.breaks, "case": str(failure.case)} for failure in found.failures]
    verdict = "violated" if broken else "holds"
    return {"scenario": name, "cases": found.cases, "unknown": len(found.unknown), "broken": broken, "verdict": verdict}


def exhaustive(job: int) -> dict[str, Any]:
    """Some of all cases of one user who writes one message, with up to two deviations: 36,457 in a hundred jobs."""
    import msgspec

    from imsim.scenario import load

    steps = [{"at": 1.0, "from": "alice", "to": "team", "device": "phone"}]
    changes = {"traffic.steps": steps, "faults.events": [], "duration": "2s", "devices.kinds": ["phone"]}
    return _share(
        msgspec.structs.replace(load("tiny", {**changes, "sync.strategy": "push"}), without=("bob",)), job, 100
    )


def pairs(job: int) -> dict[str, Any]:
    """Some of the cases of tiny.toml with up to two deviations: 3,248,389 in ten thousand jobs, each of many places."""
    from imsim.scenario import load

    return _share(load("tiny"), job, 10_000)


def _share(scenario: Any, job: int, jobs: int) -> dict[str, Any]:  # noqa: ANN401 (a Scenario)
    from imsim.sim.algorithms import REAL
    from imsim.verify.search.exhaustive import Exhaustive
    from imsim.verify.search.simpler import with_a_dull_network

    source = Exhaustive.of(with_a_dull_network(scenario), seed=1, algorithms=REAL, depth=2, largest=20)
    told = [one for index in range(job, source.count, jobs) for one in source.tell(index, (index,))]
    broken = [{"case": str(one.case), "promises": one.failures} for one in told if one.failures]
    unknown = sum(one.unknown for one in told)
    return {"cases": len(told), "unknown": unknown, "broken": broken, "verdict": "violated" if broken else "holds"}


def linearizable(job: int) -> dict[str, Any]:
    """A thousand small histories, judged as by trying every order."""
    from imsim.verify.linear.check import check_linearizable
    from imsim.verify.verdict import Outcome

    small = _of_the_tests("small_histories")
    for seed in range(1000 * job, 1000 * (job + 1)):
        model, operations = small.small_history(Random(seed))
        if (check_linearizable(operations, model).outcome is Outcome.HOLDS) is not small.by_trying(model, operations):
            return {"verdict": "violated", "seed": seed}
    return {"verdict": "holds"}


def transactions(job: int) -> dict[str, Any]:
    """A thousand small histories of transactions, judged as by trying every serial order, at three levels."""
    from imsim.verify.transactions.anomalies import Model
    from imsim.verify.transactions.check import check_transactions

    words = [model.word for model in Model]
    small = _of_the_tests("small_transactions")
    for seed in range(1000 * job, 1000 * (job + 1)):
        history = small.small_transactions(Random(seed))
        ruled_out = check_transactions(history).rules_out
        for level in small.LEVELS:
            allowed = all(words.index(model) > words.index(level) for model in ruled_out)
            if allowed is not small.by_trying(history, level):
                return {"verdict": "violated", "seed": seed, "level": level}
    return {"verdict": "holds"}


def zoo(job: int) -> dict[str, Any]:
    """One bug of the zoo, hunted by every strategy."""
    from imsim.verify.zoo import hunt

    hunted = hunt(FLAWS[job])
    verdict = "holds" if hunted.found and not hunted.false_alarms else "violated"
    size = None if hunted.case is None else len(hunted.case.deviations)
    needed = {name: [tally.found, tally.cases, tally.seconds] for name, tally in hunted.tallies.items()}
    return {"id": hunted.id, "deviations": size, "false_alarms": hunted.false_alarms, **needed, "verdict": verdict}


def _of_the_tests(name: str) -> Any:  # noqa: ANN401 (a module)
    root = str(Path(__file__).resolve().parents[1])
    if root not in sys.path:
        sys.path.insert(0, root)
    return importlib.import_module(f"tests.{name}")


PARTS: dict[str, tuple[Callable[[int], dict[str, Any]], int]] = {
    "seeds": (seeds, 10_000),
    "twice": (twice, 10_000),
    "models": (models, 30),
    "campus": (campus, 1),
    "cases": (cases, 1_000),
    "exhaustive": (exhaustive, 100),
    "pairs": (pairs, 10_000),
    "linearizable": (linearizable, 500),
    "transactions": (transactions, 100),
    "zoo": (zoo, len(FLAWS)),
}


def main() -> int:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help=f"which parts: {', '.join(PARTS)}; none: all")
    parser.add_argument("--minutes", type=float, default=30.0, help="for each part at most (30)")
    parser.add_argument("--fresh", action="store_true", help="forget what was done before")
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    return max(_part(name, options.minutes * 60.0, fresh=options.fresh) for name in options.parts or PARTS)


def _part(name: str, seconds: float, *, fresh: bool) -> int:
    work, count = PARTS[name]
    path = FOLDER / f"{name}.jsonl"
    if fresh:
        path.unlink(missing_ok=True)
    done = {row["job"]: row for row in _rows(path)}
    begin = time.monotonic()
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool, path.open("a") as out:
        running: dict[Future[dict[str, Any]], int] = {}
        todo = iter([job for job in range(count) if job not in done])
        while True:
            while len(running) < 2 * (os.cpu_count() or 1) and time.monotonic() - begin < seconds:
                job = next(todo, None)
                if job is None:
                    break
                running[pool.submit(work, job)] = job
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                job = running.pop(future)
                done[job] = {"job": job, **future.result()}
                out.write(json.dumps(done[job]) + "\n")
                out.flush()
    return _tell(name, count, done, time.monotonic() - begin)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        for line in path.read_text().splitlines():
            if line.endswith("}"):  # the last line of a campaign that was killed may be torn
                yield json.loads(line)


def _tell(name: str, count: int, done: dict[int, dict[str, Any]], seconds: float) -> int:
    broken = [row for row in done.values() if row["verdict"] != "holds"]
    delivered = sum(row.get("delivered", 0) for row in done.values())
    print(
        f"{name}: {len(done)} of {count} jobs, {delivered:,} deliveries, {len(broken)} not holding, {seconds:.0f} s now"
    )
    for row in broken[:10]:
        print(f"  {json.dumps(row)}")
    if broken:
        return 1
    return 0 if len(done) == count else 3


if __name__ == "__main__":
    sys.exit(main())
