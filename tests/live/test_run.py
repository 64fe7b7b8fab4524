"""A model with real processes: the same history, the same judge, and two kills."""

from __future__ import annotations

import asyncio
import json
import signal

import pytest

from imsim import cli
from imsim.errors import ConfigError
from imsim.history import Event, History
from imsim.live.run import live_history
from imsim.scenario import load
from imsim.study.run import judged
from imsim.verify.verdict import Outcome

pytestmark = pytest.mark.live


def test_tiny_holds_with_real_processes_of_which_two_are_killed():
    scenario = load("tiny")
    outcome = live_history(scenario)
    history, run = outcome.history, judged(scenario, seed=1, **outcome._asdict())

    assert str(run.verdict).startswith("holds"), run.verdict
    assert run.verdict.outcome is Outcome.HOLDS
    assert run.counters.kills == 2
    assert (run.metrics.messages, run.metrics.deliveries, run.metrics.expected) == (6, 18, 18)
    assert {row.node for row in history.filter(event=Event.CRASHED)} == {"server-1", "bob/phone"}
    assert '"kills":2' in run.to_json()
    assert {row.node for row in history.filter(event=Event.SPENT) if row.op > 9} == {
        "alice/phone",
        "alice/pc",
        "bob/phone",
    }
    views = {(row.message, row.detail) for row in history.filter(event=Event.VIEWED)}
    assert len(views) == 2, "all three devices read the same of what was edited and of what was recalled"
    down, up = (history.filter(event=event)[0].t for event in (Event.CRASHED, Event.RESTARTED))
    written = [fact.message for fact in history.filter(event=Event.SUBMITTED) if down < fact.t < up]
    assert written == ["bob-2"]  # while the server is away, and all 18 deliveries were made


@pytest.fixture
def _listening():
    """Ctrl-C is heard also where whoever started the tests in the background has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_listening")
def test_ctrl_c_keeps_what_there_is_and_leaves_no_process_behind(tmp_path, monkeypatch, capsys):
    processes = []

    async def interrupted(supervisor):
        processes.extend(process.process for process in (supervisor._server, *supervisor._devices.values()))
        signal.raise_signal(signal.SIGINT)
        await asyncio.sleep(0)

    monkeypatch.setattr("imsim.live.run._Supervisor._do_all", interrupted)
    with pytest.raises(SystemExit) as stop:
        cli.main(["run", "tiny", "--live", "--json", "--history", str(tmp_path / "facts.jsonl")])

    out, err = capsys.readouterr()
    assert stop.value.code == cli.Exit.INTERRUPTED
    assert err.startswith("imsim: interrupted after ")
    kept = History.read(tmp_path / "facts.jsonl")
    found = json.loads(out)
    assert (found["verdict"], found["interrupted"], found["history_sha256"]) == ("unknown", True, kept.sha256)
    assert len(kept.filter(event=Event.CONNECTED)) == 3
    assert not kept.filter(event=Event.HEALED)
    assert [process.returncode for process in processes] == [-signal.SIGKILL] * 4


def test_a_model_without_a_list_of_steps_is_refused():
    with pytest.raises(ConfigError, match=r"--live: traffic\.kind: expected list, got daily"):
        live_history(load("enterprise"))
