"""The verdict itself: outcomes, what is told of them, and when an absence proves nothing yet."""

from __future__ import annotations

import pytest

from imsim.errors import AlgorithmError
from imsim.history import Event, Writer
from imsim.verify.finding import Property
from imsim.verify.verdict import Outcome, judge


def test_outcomes_are_exit_codes_and_words():
    assert [(outcome.value, outcome.word) for outcome in Outcome] == [
        (0, "holds"),
        (1, "violated"),
        (2, "could not run"),
        (3, "unknown"),
    ]


def test_a_run_in_which_everything_holds_is_ok(chat):
    verdict = judge(chat.send("alice/phone", "alice-1", 2).show("alice-1", 2).end())

    verdict.assert_ok()
    assert verdict.lines()[0] == "holds: 13 facts, 6 properties"
    assert verdict.lines()[1].startswith("not exercised: a retry, ")
    assert len(verdict.lines()) == 2


def test_a_violation_is_told_with_its_rows_and_is_not_ok(chat):
    verdict = judge(chat.send("alice/phone", "<b>", 2).show("<b>", 2, "alice/phone", "bob/pc").end())

    with pytest.raises(AlgorithmError, match=r"violated: 12 facts, 6 properties; no loss: 1\nno loss: <b> was"):
        verdict.assert_ok()
    assert "\n    row 6: 6.000000s server-1 committed conversation=chat message=<b> seq=2\n" in str(verdict)
    assert "&lt;b&gt; was acknowledged" in verdict._repr_html_()


def test_of_many_violations_the_first_are_told_and_all_are_counted(chat):
    for number in range(30):
        chat.send("alice/phone", f"alice-{number}", number + 2)

    verdict = judge(chat.end())

    assert verdict.counts == {Property.NO_LOSS: 90}
    assert len(verdict.violations) == 10
    assert "and 80 more" in verdict.lines()


def test_no_facts_are_no_verdict():
    verdict = judge(Writer().finish())

    assert verdict.outcome is Outcome.UNKNOWN
    assert verdict.outcome.value == 3


def test_what_did_not_happen_proves_nothing_in_a_run_that_was_cut_short(chat):
    verdict = judge(chat.send("alice/phone", "alice-1", 2).history())

    assert verdict.outcome is Outcome.UNKNOWN
    assert not verdict.violations
    assert verdict.reason == (
        "the history does not say that its run came to the end, and 3 things were still to happen"
    )
    with pytest.raises(AlgorithmError, match="unknown"):
        verdict.assert_ok()


def test_what_did_happen_is_proven_in_a_run_that_was_cut_short_too(chat):
    verdict = judge(chat.send("alice/phone", "alice-1", 2).show("alice-1", 2, "bob/pc", "bob/pc").history())

    assert verdict.outcome is Outcome.VIOLATED
    assert verdict.counts == {Property.NO_DUPLICATE: 1}


def test_a_run_that_was_cut_short_with_nothing_open_holds(chat):
    assert judge(chat.send("alice/phone", "alice-1", 2).show("alice-1", 2).history()).outcome is Outcome.HOLDS


@pytest.mark.parametrize(
    ("bound", "outcome"), [(None, Outcome.VIOLATED), (4.0, Outcome.VIOLATED), (4.5, Outcome.UNKNOWN)]
)
def test_an_absence_is_judged_after_the_stated_staleness(chat, bound, outcome):
    history = chat.send("alice/phone", "alice-1", 2).end()  # the last disturbance is the submission, 4 s before the end

    verdict = judge(history, worst_staleness=bound)

    assert verdict.outcome is outcome
    if outcome is Outcome.UNKNOWN:
        assert verdict.reason.startswith(
            "the run ended 4.000 s after the last disturbance, and its strategies may need 4.500 s"
        )


@pytest.mark.parametrize("event", [Event.CRASHED, Event.HEALED, Event.RESUMED])
def test_a_later_disturbance_begins_the_wait_anew(chat, event):
    history = chat.send("alice/phone", "alice-1", 2).say("server-1", event).end()

    assert judge(history, worst_staleness=1.5).outcome is Outcome.UNKNOWN
    assert judge(history, worst_staleness=0.5).outcome is Outcome.VIOLATED
