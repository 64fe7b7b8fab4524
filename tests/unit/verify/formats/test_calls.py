"""The formats of calls and answers: what each event means, and what is refused with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from imsim.errors import ConfigError
from imsim.verify.files import check_file
from imsim.verify.formats import jepsen_edn, jepsen_log, jepsen_txn, porcupine_kv
from imsim.verify.formats.events import paired
from imsim.verify.linear.models import MODELS
from imsim.verify.linear.operation import UNKNOWN, Operation, Status
from imsim.verify.transactions.transaction import Transaction
from imsim.verify.verdict import Outcome

PATH = Path("h.log")


def log(*lines):
    return "".join(f"INFO  jepsen.util - {line}\n" for line in lines)


def operations(format_, text, model="cas-register"):
    events = format_.read_events(text, PATH)
    return paired(events, MODELS[model], PATH, nil_is_unrecorded=format_ is jepsen_edn)


def test_a_line_of_the_log_is_an_event():
    text = log("3\t:invoke\t:cas\t[1 4]", "0 :invoke :read nil", "0 :ok :read nil", "3\t:ok\t:cas\t[1 4]")
    read, cas = operations(jepsen_log, text)
    assert cas == Operation(process=3, function="cas", value=(1, 4), result=True, call=0, returned=3, index=3, line=4)
    assert (read.function, read.value, read.result, read.call, read.returned) == ("read", None, None, 1, 2)


def test_in_the_log_nil_was_read_and_in_edn_it_was_not_recorded(tmp_path):
    """etcd's logs say nil of a key that is not there; Jepsen's histories of a cas-register hold what was not kept."""
    said = (
        (
            "h.log",
            log("0 :invoke :write 1", "0 :ok :write 1", "0 :invoke :read nil", "0 :ok :read nil"),
            Outcome.VIOLATED,
        ),
        ("h.edn", EDN.replace("[1 2]", "[3 2]"), Outcome.HOLDS),
    )
    for name, text, outcome in said:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        assert check_file(path, model="cas-register").outcome is outcome
        if name == "h.edn":
            assert check_file(path, model="cas-register", initial="7").outcome is outcome


@pytest.mark.parametrize(
    ("call", "end", "result", "status"),
    [
        (":cas [1 2]", ":fail :cas [1 2]", False, Status.OK),
        (":cas [1 2]", ":info :cas :timed-out", UNKNOWN, Status.INFO),
        (":cas [1 2]", ":fail :cas :timed-out", UNKNOWN, Status.INFO),
        (":write 1", ":info :write :timed-out", UNKNOWN, Status.INFO),
        (":write 1", ":fail :write :timed-out", UNKNOWN, Status.INFO),
        (":write 1", ":fail :write 1", UNKNOWN, Status.FAIL),
        (":read nil", ":fail :read :timed-out", UNKNOWN, Status.FAIL),
        (":read nil", ":info :read :timed-out", UNKNOWN, Status.FAIL),
    ],
)
def test_how_an_operation_of_the_log_ended(call, end, result, status):
    (operation,) = operations(jepsen_log, log(f"0 :invoke {call}", f"0 {end}"))
    assert (operation.result, operation.status) == (result, status)


def test_an_operation_without_an_end_stays_open():
    (operation,) = operations(jepsen_log, log("0 :invoke :write 1"))
    assert (operation.status, operation.returned, operation.line) == (Status.INFO, None, 1)


def test_other_loggers_and_the_nemesis_are_no_part_of_the_log():
    text = "2015-01-01 INFO  jepsen.core - Running test\n\n" + log(":nemesis :info :start nil", "0 :invoke :write 1")
    (operation,) = operations(jepsen_log, "2015 INFO jepsen.core - x\n" + text)
    assert operation.line == 5


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (log("0 :invoke :write 1", "0 :o"), r"line 2: expected a line such as 'INFO  jepsen.util - 3 :invoke"),
        ("hello\n", r"line 1: expected a line such as .*, got 'hello'"),
        (log("0 :invoke :cas [1 2"), r"line 1: expected one value, got '\[1 2'"),
        (log("0 :invoke :cas 1 2"), "line 1: expected one value, got '1 2'"),
        (log("0 :ok :write 1"), "line 1: an answer to process 0, which has not called"),
        (
            log("0 :invoke :write 1", "0 :invoke :read nil"),
            "line 2: process 0 calls read before the answer to its write of line 1",
        ),
        (
            log("0 :invoke :write 1", "0 :ok :read 1"),
            "line 2: process 0 called write 'write' in line 1, and the answer is about 'read'",
        ),
        (
            log("0 :invoke :wriet 1"),
            r"line 1: wriet: no such operation \(did you mean 'write'\?\); cas-register has read, write, cas",
        ),
    ],
)
def test_what_is_wrong_in_a_log_is_named_with_its_line(text, says):
    with pytest.raises(ConfigError, match=f"^h.log: {says}"):
        operations(jepsen_log, text)


EDN = """; by hand
{:process 0, :type :invoke, :f :write, :value 3}
{:process :nemesis, :type :info, :f :start, :value nil}
{:process 0, :type :ok, :f :write, :value 3}
{:process 1 :type :invoke :f :cas :value [3 4]}
{:process 1 :type :fail :f :cas :value [3 4] :error :no}
{:process 2 :type :invoke :f :read :value nil}
{:process 2 :type :ok :f :read :value nil}
{:process 3 :type :invoke :f :cas :value [1 2]}
{:process 3 :type :info :f :cas :value [1 2]}
"""


def test_edn_has_jepsens_meaning():
    write, failed, read, open_ = operations(jepsen_edn, EDN)
    assert (write.value, write.result, write.call, write.returned, write.index, write.line) == (3, UNKNOWN, 0, 2, 2, 4)
    assert failed.status is Status.FAIL
    assert read.result is UNKNOWN
    assert (open_.status, open_.value) == (Status.INFO, (1, 2))


def test_the_same_history_as_a_vector_and_as_a_list():
    stream = operations(jepsen_edn, EDN)
    for opened, closed in ("[]", "()"):
        assert operations(jepsen_edn, f"{opened}{EDN}{closed}") == stream


def test_an_index_of_its_own_is_kept():
    text = "{:type :invoke :f :acquire :process 1 :index 5} {:type :ok :f :acquire :process 1 :index 7}"
    (operation,) = operations(jepsen_edn, text, "mutex")
    assert operation.index == 7


def test_what_was_read_already_when_it_was_called_is_no_argument():
    text = "{:process 0 :type :invoke :f :read :value 2} {:process 0 :type :ok :f :read :value 2}"
    (read,) = operations(jepsen_edn, text, "register")
    assert (read.value, read.result) == (None, 2)


def test_an_argument_and_what_came_back_are_told_apart():
    text = "{:process 0 :type :invoke :f :contains :value 2} {:process 0 :type :ok :f :contains :value true}"
    (asked,) = operations(jepsen_edn, text, "set")
    assert (asked.value, asked.result) == (2, True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{:process 0 :type :invok :f :read}", r"line 1: :type: expected :invoke, :ok, :fail or :info, got :invok"),
        ("\n{:process 0 :f :read}", "line 2: :type: expected .*, got None"),
        ("[1 2]", r"line 1: expected a map such as \{:process 0, :type :invoke, …\}, got 1"),
        ("{:process 0 :type :invoke :f 7}", "line 1: :f: expected a keyword, got 7"),
        ("{:process 0 :type :invoke :f :write :value {:a 1}}", "line 1: :value: a map is no value that a model knows"),
        ("{:process 0 :type :invoke", r"line 1: \{ is never closed"),
    ],
)
def test_what_is_wrong_in_edn_is_named_with_its_line(text, says):
    with pytest.raises(ConfigError, match=f"^h.log: {says}"):
        operations(jepsen_edn, text)


KV = """{:process 0, :type :invoke, :f :append, :key "k", :value "x"}
{:process 0, :type :ok, :f :append, :key "k", :value "x"}
{:process 1, :type :invoke, :f :get, :key "k", :value nil}
{:process 1, :type :ok, :f :get, :key "k", :value "x"}
"""


def test_porcupines_operations_have_keys():
    append, get = operations(porcupine_kv, KV, "kv")
    assert (append.key, append.value, get.key, get.result) == ("k", "x", "k", "x")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (":append", ":add", "line 1: :f: expected :put, :append or :get, got :add"),
        (', :key "k"', "", "line 1: :key: expected a string, got None"),
        (':value "x"', ":value 7", "line 1: :value: expected a string, got 7"),
        (':get, :key "k", :value "x"', ':get, :key "k", :value nil', "line 4: :value: expected a string"),
        (
            ':ok, :f :get, :key "k"',
            ':ok, :f :get, :key "j"',
            "line 4: process 1 called get of key 'k' in line 3, and the answer is about 'j'",
        ),
    ],
)
def test_what_is_wrong_in_porcupines_is_named_with_its_line(old, new, says):
    with pytest.raises(ConfigError, match=f"^h.log: {says}"):
        operations(porcupine_kv, KV.replace(old, new), "kv")


TXN = """{:process 0, :type :invoke, :f :txn, :value [[:append 5 1] [:r 6 nil]]}
{:process 0, :type :ok, :f :txn, :value [[:append 5 1] [:r 6 nil]]}
{:process 1, :type :invoke, :f :txn, :value [[:r 5 nil]]}
"""


def test_elles_transactions_are_read_from_edn():
    events = jepsen_edn.read_events(TXN, PATH)
    assert jepsen_txn.are_transactions(events)
    assert not jepsen_txn.are_transactions(jepsen_edn.read_events(EDN, PATH))
    assert jepsen_txn.transactions_of(events, PATH) == [
        Transaction(process=0, status="ok", call=0, return_=1, ops=[("append", 5, 1), ("r", 6, [])]),
        Transaction(process=1, status="info", call=2, return_=None, ops=[("r", 5, None)]),
    ]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "[:append 5 1] [:r 6 nil]",
            "[:w 5 1]",
            r"line 2: :value: expected \[:append key value\] or .*, got \('w', 5, 1\)",
        ),
        ("[[:append 5 1] [:r 6 nil]]", "7", "line 2: :value: expected a vector of appends and reads, got 7"),
    ],
)
def test_what_is_wrong_in_a_transaction_is_named_with_its_line(old, new, says):
    events = jepsen_edn.read_events(TXN.replace(old, new), PATH)
    with pytest.raises(ConfigError, match=f"^h.log: {says}"):
        jepsen_txn.transactions_of(events, PATH)
