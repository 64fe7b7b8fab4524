"""Ctrl-C: the first keeps what there is, whole; the second ends everything at once and leaves nothing half-written."""

from __future__ import annotations

import contextlib
import json
import signal
from pathlib import Path

import pytest

from imsim import cli
from imsim.cli.interrupt import Interrupt
from imsim.cli.screen import Screen
from imsim.history import Event, History
from imsim.study import run


@pytest.fixture
def interrupted(monkeypatch, tmp_path, capsys):
    """Run tiny, whose user presses Ctrl-C that many times when half of it is over."""
    monkeypatch.chdir(tmp_path)

    def call(times, *arguments):
        @contextlib.contextmanager
        def progress(_screen, _what):
            left = iter(range(times))

            def tell(now, end):
                if now >= end / 2:
                    for _ in left:
                        signal.raise_signal(signal.SIGINT)

            yield tell

        monkeypatch.setattr(Screen, "progress", progress)
        with pytest.raises(SystemExit) as stop:
            cli.main(["run", "tiny", *arguments])
        return stop.value.code, *capsys.readouterr()

    return call


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_the_first_one_keeps_what_there_is(interrupted, ending):
    code, out, err = interrupted(1, "--json", "--history", f"facts.{ending}")

    assert code == cli.Exit.INTERRUPTED
    assert err == "imsim: interrupted after 30 s of the scenario; this is what there was until then\n"
    kept = History.read(f"facts.{ending}")
    assert kept.sha256 == json.loads(out)["history_sha256"]
    assert 20 < kept.row(-1).t <= 30
    assert all(row.detail != "end" for row in kept.filter(event=Event.HEALED))
    assert [path.name for path in Path().iterdir()] == [f"facts.{ending}"]


def test_what_there_is_is_shown(interrupted):
    code, out, _ = interrupted(1)

    assert code == cli.Exit.INTERRUPTED
    assert out.startswith("seed 1\n")
    assert "deliveries" in out
    assert "\nunknown: " in out
    assert "properties; the run was interrupted" in out
    assert "not exercised: " in out


def test_nothing_is_promised_of_a_run_in_which_nothing_was_open(interrupted):
    _, out, _ = interrupted(1, "--json", "--set", "traffic.steps=[{at=1,from='alice',to='team'}]")

    found = json.loads(out)
    assert (found["delivered"], found["expected"]) == (3, 3)
    assert (found["verdict"], found["interrupted"]) == ("unknown", True)


def test_one_that_comes_when_everything_is_over_changes_nothing(monkeypatch, capsys):
    def late(*_, **__):
        signal.raise_signal(signal.SIGINT)
        return verdict(*_, **__)

    verdict = run.weigh_run
    monkeypatch.setattr(run, "weigh_run", late)
    with pytest.raises(SystemExit) as stop:
        cli.main(["run", "tiny", "--json"])

    out, err = capsys.readouterr()
    assert (stop.value.code, json.loads(out)["verdict"], err) == (0, "holds", "")


def test_the_second_one_ends_it_at_once(interrupted):
    code, out, err = interrupted(2, "--json", "--history", "facts.jsonl")

    assert (code, out, err) == (cli.Exit.INTERRUPTED, "", "imsim: interrupted\n")
    assert not list(Path().iterdir())


def test_afterwards_everything_is_as_it_was(interrupted):
    before = signal.getsignal(signal.SIGINT)
    interrupted(1)
    interrupted(2)

    assert signal.getsignal(signal.SIGINT) is before


def test_nobody_interrupted_a_run_that_was_not():
    with Interrupt() as interrupt:
        pass

    assert not interrupt.asked
