"""imsim zoo, and `--flaw` of the commands that run cases."""

from __future__ import annotations

import json

import msgspec
import pytest

from imsim.verify import zoo
from imsim.verify.search import Case
from imsim.verify.zoo import Hunted, Tally


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def hunted(monkeypatch):
    """Have the hunt say this; what a hunt really finds is tested where it is (verify/zoo/test_hunt.py)."""
    case = zoo.flaw("early-cursor").case
    tallies = {
        "random": Tally(found=False, cases=1300, seconds=60.0, false_alarms=0),
        "all": Tally(found=True, cases=480, seconds=4.4, false_alarms=0),
    }
    usual = Hunted(
        id="early-cursor", breaks="no loss", tallies=tallies, case=case, replays=13, flawed="violated", correct="holds"
    )

    def say(**changes):
        told = msgspec.structs.replace(usual, **changes)
        monkeypatch.setattr(zoo, "hunt_all", lambda flaws, **_how: [told for _ in flaws])

    say()
    return say


def test_a_bug_is_told_with_what_each_strategy_needed(imsim, hunted, tmp_path):
    code, out, _ = imsim("zoo", "early-cursor")
    assert code == 0
    assert out.splitlines() == [
        "seed 1",
        "early-cursor: no loss, by 1 fault",
        "    cases: random not in 1,300, all 480 in 4.4 s",
        "    crash before the 1st write of alice-1 at bob/phone",
        "    imsim replay .imsim/zoo/early-cursor.toml --flaw early-cursor",
        "found: 1 of 1, 1 by at most 5 faults",
        "the correct algorithms: 0 false alarms in 1,780 cases",
    ]
    text = (tmp_path / ".imsim/zoo/early-cursor.toml").read_text(encoding="utf-8")
    assert Case.from_toml(text) == zoo.flaw("early-cursor").case


def test_json_is_a_list_with_an_entry_of_the_correct_algorithms(imsim, hunted):
    code, out, _ = imsim("zoo", "early-cursor", "--json")
    assert code == 0
    assert json.loads(out) == [
        {
            "id": "early-cursor",
            "found": True,
            "property": "no loss",
            "cases": 480,
            "seconds": 4.4,
            "deviations": 1,
            "case": ".imsim/zoo/early-cursor.toml",
            "replays": 13,
            "strategies": {
                "random": {"found": False, "cases": 1300, "seconds": 60.0},
                "all": {"found": True, "cases": 480, "seconds": 4.4},
            },
        },
        {"id": "correct", "cases": 1780, "false_alarms": 0},
    ]


def test_all_are_hunted_where_none_is_named_and_what_is_missing_is_said(imsim, hunted):
    code, out, _ = imsim("zoo")
    assert code == 0
    assert f"found: {len(zoo.FLAWS)} of {len(zoo.FLAWS)}" in out
    assert "lease-shorter-than-work: not in the zoo yet: nothing is done under a lock" in out


def test_a_bug_that_is_not_found_is_told_and_ends_with_1(imsim, hunted):
    hunted(case=None, breaks="", flawed="", correct="")
    code, out, _ = imsim("zoo", "early-cursor")
    assert code == 1
    assert "early-cursor: NOT FOUND\n" in out
    assert "found: 0 of 1, 0 by at most 5 faults" in out
    (told, _) = json.loads(imsim("zoo", "early-cursor", "--json")[1])
    assert (told["found"], told["deviations"], told["case"]) == (False, None, None)


def test_a_case_that_the_correct_algorithms_break_as_well_is_no_find(imsim, hunted):
    hunted(correct="violated")
    code, out, _ = imsim("zoo", "early-cursor")
    assert code == 1
    assert "NOT SURE: replayed, the flawed variant is violated and the correct one violated" in out
    assert "the correct algorithms: 1 false alarms in 1,780 cases" in out


def test_a_false_alarm_ends_with_1(imsim, hunted):
    hunted(tallies={"all": Tally(found=True, cases=480, seconds=4.4, false_alarms=1)})
    code, out, _ = imsim("zoo", "early-cursor")
    assert code == 1
    assert "    FALSE ALARM: all\n" in out
    assert "found: 1 of 1" in out
    assert "the correct algorithms: 1 false alarms in 480 cases" in out


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
