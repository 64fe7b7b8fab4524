"""Reports: every promise is there, nothing undecided looks kept, and a file appears whole or not at all."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import msgspec
import pytest

import imsim
from imsim.errors import ConfigError
from imsim.protocol.device import Device
from imsim.protocol.inbox import Inbox
from imsim.study.report import of_run, of_search, write
from imsim.verify import search
from imsim.verify.finding import Property
from imsim.verify.verdict import Outcome

PROMISES = [promise.value for promise in Property]


@pytest.fixture(scope="module")
def holding():
    return of_run(imsim.simulate(imsim.load("tiny")))


@pytest.fixture
def broken(monkeypatch):
    monkeypatch.setattr(Inbox, "knows", lambda *_: False)
    return of_run(imsim.simulate(imsim.load("tiny")))


@pytest.fixture
def open_():
    return of_run(imsim.simulate(imsim.load("tiny", ["network.loss=0.9", "settle=2s"])))


def written(report, tmp_path, ending):
    path = tmp_path / f"report{ending}"
    write(report, path)
    return path.read_text()


def suite_of(report, tmp_path):
    return ET.fromstring(written(report, tmp_path, ".xml")).find("testsuite")  # noqa: S314 (our own)


def test_junit_has_a_case_for_every_promise(holding, tmp_path):
    suite = suite_of(holding, tmp_path)
    assert [case.get("name") for case in suite.iter("testcase")] == PROMISES
    assert {word: suite.get(word) for word in ("tests", "failures", "errors", "skipped")} == {
        "tests": str(len(PROMISES)), "failures": "0", "errors": "0", "skipped": "0",
    }  # fmt: skip
    assert (suite.get("name"), suite.find("properties/property").attrib) == (
        "imsim run tiny", {"name": "seed", "value": "1"},
    )  # fmt: skip


def test_a_broken_promise_is_a_failure_with_the_rows_that_prove_it(broken, tmp_path):
    suite = suite_of(broken, tmp_path)
    (failure,) = suite.findall("testcase[@name='no duplicate shown']/failure")
    assert failure.get("message").startswith("no duplicate shown: ")
    assert "shown incarnation=1" in failure.text
    assert int(suite.get("failures")) == len(suite.findall("testcase/failure")) > 0


def test_what_could_not_be_decided_is_an_error(open_, tmp_path):
    suite = suite_of(open_, tmp_path)
    assert open_.outcome is Outcome.UNKNOWN
    assert suite.get("errors") == suite.get("tests")
    assert "the run ended" in suite.find("testcase/error").get("message")


def test_json_and_markdown_tell_the_same(broken, holding, tmp_path):
    told = json.loads(written(broken, tmp_path, ".json"))
    assert (told["title"], told["seed"], told["verdict"]) == ("imsim run tiny", 1, "violated")
    verdicts = {promise["promise"]: promise["verdict"] for promise in told["promises"]}
    assert list(verdicts) == PROMISES
    assert verdicts["no duplicate shown"] == "violated"
    text = written(broken, tmp_path, ".md")
    assert text.startswith("# imsim run tiny: violated\n")
    assert "| no duplicate shown | violated |" in text
    assert "## no duplicate shown\n\n```text\nno duplicate shown: " in text
    assert "## " not in written(holding, tmp_path, ".md")


class Forgetful(Device):
    """Raises where a person takes something back."""

    def recall(self, conversation, target, *, now, wall):
        raise LookupError(target)


def test_a_search_that_ended_at_a_failure_says_nothing_of_the_other_promises(tmp_path):
    found = search.check(imsim.load("tiny"), device=Forgetful, runs=20, jobs=1)
    report = of_search(found, model="tiny", seed=1, again=["see it again: so"])
    suite = suite_of(report, tmp_path)
    (failure,) = suite.iter("failure")
    assert failure.text.splitlines()[-1] == "see it again: so"
    assert (suite.get("failures"), suite.get("skipped")) == ("1", str(len(PROMISES)))
    assert "| no loss | not decided |" in written(report, tmp_path, ".md")


def test_a_search_that_met_too_little_is_an_error_of_every_promise(tmp_path):
    found = search.check(imsim.load("tiny"), runs=1, jobs=1, seed=3)
    report = of_search(found, model="tiny", seed=3, promises=("order",))
    assert (found.outcome, report.outcome) == (Outcome.UNKNOWN, Outcome.UNKNOWN)
    (case,) = suite_of(report, tmp_path).iter("testcase")
    assert (case.get("name"), "never met" in case.find("error").text) == ("order", True)
    assert "at 95 % at most 300.00% of such cases do" in written(report, tmp_path, ".md")


def test_no_character_breaks_a_file(holding, tmp_path):
    odd = msgspec.structs.replace(holding, title="a\u0007<b>&\udc80")
    assert suite_of(odd, tmp_path).get("name") == "a?<b>&?"
    assert json.loads(written(odd, tmp_path, ".json"))["title"].startswith("a\u0007<b>&")


@pytest.mark.parametrize(
    ("name", "said"), [("r.html", "expected a file name"), ("no/r.md", "cannot be written: No such")]
)
def test_a_file_that_cannot_be_written_is_told_and_leaves_nothing(holding, tmp_path, name, said):
    with pytest.raises(ConfigError, match=said):
        write(holding, tmp_path / name)
    assert list(tmp_path.iterdir()) == []
