"""`imsim verify`: exit codes, one JSON object a file, and mistakes in one plain line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from imsim import cli
from imsim.history import Event, Writer

HOLDS = "INFO  jepsen.util - 0 :invoke :write 1\nINFO  jepsen.util - 0 :ok :write 1\n"
VIOLATED = HOLDS + "INFO  jepsen.util - 1 :invoke :read nil\nINFO  jepsen.util - 1 :ok :read 2\n"
SEQUENCER = "{:process 0 :type :invoke :f :next}{:process 0 :type :ok :f :next :value 5}"


@pytest.fixture(autouse=True)
def _files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    adds = [f"{{:process {n} :type :invoke :f :add :value {2**n}}}\n" for n in range(40)]
    adds += [f"{{:process {n} :type :ok :f :add :value {2**n}}}\n" for n in range(40)]
    hard = "".join(adds) + "{:process 0 :type :invoke :f :read}{:process 0 :type :ok :f :read :value -1}"
    for name, text in {"good": HOLDS, "bad": VIOLATED, "odd": "hello", "hard": hard, "next": SEQUENCER}.items():
        Path(name).write_text(text, encoding="utf-8")


@pytest.fixture
def verify(capsys):
    def call(*arguments):
        with pytest.raises(SystemExit) as stop:
            cli.main(["verify", *arguments])
        return stop.value.code, *capsys.readouterr()

    return call


HARD = ("hard", "--model", "counter", "--budget", "50ms")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("good",), 0),
        (("bad",), 1),
        (("good", "bad", "good"), 1),
        (("odd",), 2),
        (HARD, 3),
        (("next", "--initial", "4"), 0),
        (("next",), 1),
    ],
)
def test_the_exit_code_is_the_verdict(verify, arguments, code):
    assert verify(*arguments)[0] == code


@pytest.mark.parametrize(
    ("files", "code"), [(("bad", "odd"), 1), (("odd", "bad", "odd"), 1), (("good", "odd", "good"), 2)]
)
def test_a_file_that_cannot_be_read_keeps_no_other_from_being_judged(verify, files, code):
    found, out, err = verify(*files)
    assert found == code
    assert out.count(": operations") == 0
    assert sum(line.startswith(("good: holds", "bad: violated")) for line in out.splitlines()) == len(
        files
    ) - files.count("odd")
    assert err.count("imsim: odd: its format cannot be told") == files.count("odd") == err.count("\n")


def test_a_violation_is_told_in_plain_words(verify):
    _, out, _ = verify("bad")
    assert out.splitlines() == [
        "bad: violated: 2 operations of jepsen-log, cas-register",
        "  cannot be placed: process 1: read -> 2 (line 4)",
        "  the last that could: process 0: write 1 (line 2)",
        "  possible then: 1",
        "  these cannot all be true, whatever else happened:",
        "      process 1: read -> 2 (line 4)",
    ]


def test_json_is_one_object_a_file_on_a_line(verify):
    code, out, err = verify("bad", "good", "--json")
    bad, good = map(json.loads, out.splitlines())
    assert (code, err) == (1, "")
    assert bad.pop("seconds") >= 0
    assert bad == {
        "file": "bad",
        "verdict": "violated",
        "operations": 2,
        "format": "jepsen-log",
        "model": "cas-register",
        "first_unplaceable": {"process": 1, "type": "ok", "f": "read", "value": 2, "index": 3, "line": 4},
        "last_placed": {"process": 0, "type": "ok", "f": "write", "value": 1, "index": 1, "line": 2},
        "possible": [1],
    }
    assert good.keys() == {"file", "verdict", "seconds", "operations", "format", "model"}


def test_what_is_unknown_says_why(verify):
    code, out, _ = verify(*HARD, "--json")
    told = json.loads(out)
    assert (code, told["verdict"], told["reason"]) == (3, "unknown", "the history could not be decided in 0.05 s")


def test_imsims_own_facts_are_judged_by_what_users_were_promised(verify):
    writer = Writer()
    for device in ("alice/phone", "bob/phone"):
        writer.fact(0.0, device, Event.INSTALLED, detail="1")
    writer.fact(1.0, "bob/phone", Event.SHOWN, conversation="team", message="ghost", seq=1)
    writer.fact(2.0, "world", Event.HEALED, detail="end")
    writer.finish().write(Path("facts.jsonl"))
    code, out, _ = verify("facts.jsonl")
    assert code == 1
    assert out.startswith("facts.jsonl: violated: 4 facts of imsim-jsonl\n  nothing out of nowhere: ")
    _, _, err = verify("facts.jsonl", "--model", "kv")
    assert err == "imsim: facts.jsonl: --model kv: imsim-jsonl is judged without a model\n"


def test_a_model_of_ones_own(verify):
    Path("my.py").write_text(
        "class Any:\n    init = None\n    step = staticmethod(lambda s, o: [s])\n", encoding="utf-8"
    )
    assert verify("bad", "--model", "my.py:Any")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("bad", "--model", "regster"), "--model regster: no such model (did you mean 'register'?)"),
        (("bad", "--model", "mutex"), "bad: line 1: write: no such operation; mutex has acquire, release"),
        (("bad", "--format", "xml"), "--format xml: no such format; there are auto, imsim-jsonl"),
        (("bad", "--budget", "soon"), "--budget soon: expected a duration such as 60s or 5m"),
        (("hard",), "hard: it calls add, read, which counter and set can judge; name one with --model"),
        (("none",), "none: cannot be read: No such file or directory"),
        ((), "FILE is missing; see: imsim verify --help"),
    ],
)
def test_a_mistake_is_one_line(verify, arguments, says):
    code, out, err = verify(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"imsim: {says}")


SKEW = """[
{"process": 1, "status": "ok", "call": 0, "return": 3, "ops": [["append", "x", 1]]},
{"process": 2, "status": "ok", "call": 4, "return": 5, "ops": [["r", "x", []]]}
]"""


def test_transactions_are_judged_by_what_they_rule_out(verify):
    Path("lists").write_text(SKEW, encoding="utf-8")
    code, out, _ = verify("lists", "--json")
    told = json.loads(out)
    assert (code, told["anomalies"], told["rules_out"]) == (1, ["G-single-realtime"], ["strict-serializable"])
    code, out, _ = verify("lists")
    assert out.splitlines() == [
        "lists: violated: 2 transactions of list-append",
        "  rules out strict-serializable and whatever is stronger",
        "  G-single-realtime: 1",
        "  G-single-realtime: A cycle: 1 did not see the 1 that 0 appended to 'x'; 0 ended before 1 was called.",
        "      A device saw what was sent later, and missed what was sent before it.",
    ]
    Path("lists").write_text(SKEW.replace('"r", "x", []', '"r", "x", [1]'), encoding="utf-8")
    code, out, _ = verify("lists", "--json")
    told = json.loads(out)
    assert (code, told["verdict"], told["anomalies"], told["rules_out"]) == (0, "holds", [], [])


def test_a_value_that_is_appended_twice_names_the_file(verify):
    Path("lists").write_text(SKEW.replace('"r", "x", []', '"append", "x", 1'), encoding="utf-8")
    code, _, err = verify("lists")
    assert code == 2
    assert err == "imsim: lists: transactions 0 and 1 both append 1 to 'x': nobody could tell whose was read\n"
