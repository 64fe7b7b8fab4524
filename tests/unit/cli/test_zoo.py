"""imsim zoo, and `--flaw` of the commands that run cases."""

from __future__ import annotations

import json

import pytest

from imsim import cli


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def imsim(capsys):
    """Run the command in this process: its exit code, standard output and standard error."""

    def call(*arguments):
        with pytest.raises(SystemExit) as stop:
            cli.main(arguments)
        out, err = capsys.readouterr()
        return stop.value.code, out, err

    return call


def test_a_bug_is_hunted_and_told_with_what_each_strategy_needed(imsim):
    code, out, _ = imsim("zoo", "poison-message", "--jobs", "1", "--budget", "20s")
    assert code == 0
    assert "poison-message: no loss, by no fault\n" in out
    assert "all 1 in" in out
    assert "imsim replay .imsim/zoo/poison-message.toml --flaw poison-message\n" in out
    assert "found: 1 of 1, 1 by at most 5 faults\n" in out
    assert "the correct algorithms: 0 false alarms in" in out


def test_json_is_a_list_with_an_entry_of_the_correct_algorithms(imsim, tmp_path):
    code, out, _ = imsim("zoo", "poison-message", "--jobs", "1", "--budget", "20s", "--json")
    told, correct = json.loads(out)
    assert code == 0
    assert told["id"] == "poison-message"
    assert told["found"] is True
    assert (told["property"], told["cases"], told["deviations"]) == ("no loss", 1, 0)
    assert (tmp_path / told["case"]).read_text(encoding="utf-8").startswith('case.breaks = "no loss"')
    assert correct["id"] == "correct"
    assert correct["cases"] >= 5
    assert correct["false_alarms"] == 0


def test_a_bug_that_is_not_found_is_told_and_ends_with_1(imsim):
    code, out, _ = imsim("zoo", "early-cursor", "--jobs", "1", "--budget", "10ms")
    assert code == 1
    assert "early-cursor: NOT FOUND\n" in out
    assert "found: 0 of 1" in out


def test_a_name_that_is_none_is_refused(imsim):
    code, out, err = imsim("zoo", "early-curser")
    assert (code, out) == (2, "")
    assert "early-curser: no such flaw (did you mean 'early-cursor'?)" in err


def test_a_bug_is_planted_in_a_search_a_replay_and_a_test(imsim, tmp_path):
    code, out, _ = imsim("check", "tiny", "--flaw", "early-cursor", "--jobs", "1", "--runs", "60", "--json")
    (failure,) = json.loads(out)["failures"]
    assert code == 1
    assert failure["property"] == "no loss"
    case = failure["case"]
    assert imsim("replay", case, "--flaw", "early-cursor")[0] == 1
    assert imsim("replay", case)[0] == 0
    code, out, _ = imsim("export", case, "--pytest", "--flaw", "early-cursor")
    assert code == 0
    assert "from imsim.verify.zoo import flaw\n" in out
    with pytest.raises(Exception, match="no loss"):
        _run_exported(out)


def _run_exported(text):
    made: dict[str, object] = {}
    exec(compile(text, "exported", "exec"), made)  # noqa: S102 (what was just exported)
    next(one for name, one in made.items() if name.startswith("test_"))()
