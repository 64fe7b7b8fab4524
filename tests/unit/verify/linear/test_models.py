"""Each model: a history that it allows, and the smallest ones that it does not."""

from __future__ import annotations

import pytest

from imsim.errors import ConfigError
from imsim.verify.linear.check import check_linearizable
from imsim.verify.linear.choice import chosen, fitting, starting
from imsim.verify.linear.model import Model
from imsim.verify.linear.models import MODELS
from imsim.verify.linear.operation import UNKNOWN, Operation
from imsim.verify.verdict import Outcome


def sequence(*calls):
    """Operations one after the other: function, value, result, and maybe a key."""
    return [
        Operation(
            process=0,
            function=f,
            value=value,
            result=result,
            key=key[0] if key else None,
            call=2 * n,
            returned=2 * n + 1,
        )
        for n, (f, value, result, *key) in enumerate(calls)
    ]


GOOD = {
    "register": [("read", None, None), ("write", 3, UNKNOWN), ("read", None, 3)],
    "cas-register": [("write", 1, UNKNOWN), ("cas", (1, 2), True), ("cas", (1, 3), False), ("read", None, 2)],
    "kv": [
        ("put", "a", UNKNOWN, "x"),
        ("append", "b", UNKNOWN, "x"),
        ("get", None, "ab", "x"),
        ("get", None, None, "y"),
    ],
    "counter": [("add", 2, UNKNOWN), ("inc", None, UNKNOWN), ("dec", None, UNKNOWN), ("read", None, 2)],
    "mutex": [("acquire", None, UNKNOWN), ("release", None, UNKNOWN), ("acquire", None, UNKNOWN)],
    "set": [("add", 1, UNKNOWN), ("contains", 1, True), ("remove", 1, UNKNOWN), ("read", None, frozenset())],
    "queue": [
        ("enqueue", 1, UNKNOWN),
        ("enqueue", 2, UNKNOWN),
        ("dequeue", None, 1),
        ("dequeue", None, 2),
        ("dequeue", None, None),
    ],
    "sequencer": [("next", None, 1), ("next", None, UNKNOWN), ("read", None, 2), ("next", None, 3)],
    "idempotent-store": [
        ("get", None, None, "k"),
        ("put", "a", "a", "k"),
        ("put", "b", "a", "k"),
        ("get", None, "a", "k"),
    ],
}

BAD = [
    ("register", "stale", [("write", 1, UNKNOWN), ("write", 2, UNKNOWN), ("read", None, 1)]),
    ("register", "out of nowhere", [("read", None, 7)]),
    ("register", "true is not one", [("write", 1, UNKNOWN), ("read", None, True)]),
    ("cas-register", "it was the value", [("write", 1, UNKNOWN), ("cas", (1, 2), False)]),
    ("cas-register", "it was not the value", [("write", 1, UNKNOWN), ("cas", (2, 3), True)]),
    ("kv", "lost append", [("append", "a", UNKNOWN, "x"), ("append", "b", UNKNOWN, "x"), ("get", None, "b", "x")]),
    ("kv", "wrong order", [("append", "a", UNKNOWN, "x"), ("append", "b", UNKNOWN, "x"), ("get", None, "ba", "x")]),
    ("kv", "back after delete", [("put", "a", UNKNOWN, "x"), ("delete", None, UNKNOWN, "x"), ("get", None, "a", "x")]),
    ("kv", "of another key", [("put", "a", UNKNOWN, "x"), ("get", None, "a", "y")]),
    ("counter", "lost increment", [("inc", None, UNKNOWN), ("inc", None, UNKNOWN), ("read", None, 1)]),
    ("mutex", "held twice", [("acquire", None, UNKNOWN), ("acquire", None, UNKNOWN)]),
    ("mutex", "released by nobody", [("release", None, UNKNOWN)]),
    ("set", "lost element", [("add", 1, UNKNOWN), ("read", None, frozenset())]),
    ("set", "twice in a read", [("add", 1, UNKNOWN), ("read", None, (1, 1))]),
    ("set", "still there", [("add", 1, UNKNOWN), ("remove", 1, UNKNOWN), ("contains", 1, True)]),
    ("queue", "out of order", [("enqueue", 1, UNKNOWN), ("enqueue", 2, UNKNOWN), ("dequeue", None, 2)]),
    ("queue", "twice", [("enqueue", 1, UNKNOWN), ("dequeue", None, 1), ("dequeue", None, 1)]),
    ("queue", "not empty", [("enqueue", 1, UNKNOWN), ("dequeue", None, None)]),
    ("sequencer", "twice", [("next", None, 1), ("next", None, 1)]),
    ("sequencer", "skipped", [("next", None, 1), ("next", None, 3)]),
    ("sequencer", "back", [("next", None, 1), ("next", None, 2), ("read", None, 1)]),
    ("idempotent-store", "second effect", [("put", "a", "a", "k"), ("put", "b", "b", "k")]),
    ("idempotent-store", "forgotten", [("put", "a", "a", "k"), ("get", None, None, "k")]),
    ("idempotent-store", "two answers", [("put", None, "a", "k"), ("put", None, "b", "k")]),
]


@pytest.mark.parametrize("name", MODELS)
def test_what_the_model_allows_holds(name):
    assert check_linearizable(sequence(*GOOD[name]), MODELS[name]).outcome is Outcome.HOLDS


@pytest.mark.parametrize(
    ("name", "calls"), [(name, calls) for name, _, calls in BAD], ids=[f"{n}: {w}" for n, w, _ in BAD]
)
def test_what_it_does_not_allow_is_violated_by_its_last_operation(name, calls):
    operations = sequence(*calls)
    found = check_linearizable(operations, MODELS[name])
    assert found.outcome is Outcome.VIOLATED
    assert found.obstacle.unplaceable == operations[-1]


def test_every_model_has_an_example_of_each_kind():
    assert set(GOOD) == {name for name, *_ in BAD} == set(MODELS)


def test_an_unknown_first_effect_is_learnt_from_a_later_answer():
    calls = [("put", None, UNKNOWN, "k"), ("get", None, "a", "k"), ("put", None, "a", "k")]
    assert check_linearizable(sequence(*calls), MODELS["idempotent-store"]).outcome is Outcome.HOLDS
    assert (
        check_linearizable(sequence(*calls, ("get", None, "b", "k")), MODELS["idempotent-store"]).obstacle is not None
    )


class Dice:
    """A user's own model: a throw gives any number, and a read the last one."""

    init = 0

    @staticmethod
    def step(state, operation):
        if operation.function == "throw":
            return range(1, 7)
        return [state] if operation.result in (UNKNOWN, state) else []


@pytest.mark.parametrize(
    ("seen", "outcome"), [((4, 4), Outcome.HOLDS), ((4, 5), Outcome.VIOLATED), ((9, 9), Outcome.VIOLATED)]
)
def test_a_users_model_may_be_nondeterministic(seen, outcome):
    model = chosen(f"{__file__}:Dice")
    calls = [("throw", None, UNKNOWN), *(("read", None, number) for number in seen)]
    assert check_linearizable(sequence(*calls), model).outcome is outcome


def test_states_that_cannot_be_hashed_have_a_hash_of_their_own():
    model = Model(name="log", init=[], step=lambda log, each: [[*log, each.value]], hash=len)
    assert check_linearizable(sequence(("say", 1, UNKNOWN), ("say", 2, UNKNOWN)), model).outcome is Outcome.HOLDS


def test_a_model_that_raises_says_at_which_operation():
    with pytest.raises(ConfigError, match=r"the model counter cannot do process 0: add 'x': TypeError"):
        check_linearizable(sequence(("add", "x", UNKNOWN)), MODELS["counter"])


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("regster", "no such model \\(did you mean 'register'\\?\\); there are register, cas-register, kv"),
        ("nowhere.py:X", "cannot be imported: FileNotFoundError"),
        ("json:nothing", "json has no nothing"),
        ("json:dumps", "expected an object with `init` and `step\\(state, operation\\)`"),
    ],
)
def test_a_model_that_is_none_is_refused(name, says):
    with pytest.raises(ConfigError, match=says):
        chosen(name)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ({"read", "write"}, "register"),
        ({"read", "cas"}, "cas-register"),
        ({"acquire"}, "mutex"),
        ({"enqueue", "dequeue"}, "queue"),
        ({"read", "inc"}, "counter"),
        ({"put", "append"}, "kv"),
        ({"contains", "add"}, "set"),
        ({"next"}, "sequencer"),
    ],
)
def test_the_only_model_that_fits_is_taken(words, name):
    assert fitting(words, "f") is MODELS[name]


@pytest.mark.parametrize("words", [{"read"}, {"add", "read"}, {"put", "get"}, {"fly"}, set()])
def test_where_none_or_several_fit_one_has_to_be_named(words):
    with pytest.raises(ConfigError, match=r"f: it calls .*, which .* can judge; name one with --model"):
        fitting(words, "f")


@pytest.mark.parametrize(
    ("name", "given", "state"),
    [
        ("register", "0", 0),
        ("register", "nil", None),
        ("register", "text", "text"),
        ("register", "[1, [2]]", (1, (2,))),
        ("counter", "-3", -3),
        ("set", "[1, 2]", frozenset((1, 2))),
        ("queue", "[1, 2]", (1, 2)),
        ("mutex", "true", True),
    ],
)
def test_the_first_state_is_json_or_text(name, given, state):
    assert starting(MODELS[name], given).init == state


@pytest.mark.parametrize(("name", "given"), [("counter", "many"), ("counter", "true"), ("set", "1"), ("mutex", "1")])
def test_a_first_state_of_another_kind_is_refused(name, given):
    with pytest.raises(ConfigError, match=f"--initial {given}: {name} begins with"):
        starting(MODELS[name], given)
