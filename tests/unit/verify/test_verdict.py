"""The verdict itself: outcomes, what is told of them, and when an absence proves nothing yet."""

from __future__ import annotations

import pytest

from imsim.errors import AlgorithmError
from imsim.history import Event, Writer
from imsim.verify.evidence import Evidence
from imsim.verify.finding import Property
from imsim.verify.verdict import Outcome, judge, weigh


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
    assert verdict.lines()[0] == "holds: 13 facts, 15 properties"
    assert verdict.lines()[1].startswith("not exercised: a retry, ")
    assert len(verdict.lines()) == 2


def test_a_violation_is_told_with_its_rows_and_is_not_ok(chat):
    verdict = judge(chat.send("alice/phone", "<b>", 2).show("<b>", 2, "alice/phone", "bob/pc").end())

    with pytest.raises(AlgorithmError, match=r"violated: 12 facts, 15 properties; no loss: 1\nno loss: <b> was"):
        verdict.assert_ok()
    assert "\n    row 6: 6.000000s server-1 committed conversation=chat message=<b> seq=2\n" in str(verdict)
    assert "&lt;b&gt; was acknowledged" in verdict._repr_html_()


def test_a_violation_says_whether_only_the_end_of_the_run_proves_it(chat):
    missing = chat.send("alice/phone", "alice-1", 2).show("alice-1", 2, "alice/phone", "bob/pc")
    verdict = judge(missing.show("alice-1", 2, "bob/pc").end())

    absences = {violation.property: violation.absence for violation in verdict.violations}

    assert absences == {Property.NO_LOSS: True, Property.NO_DUPLICATE: False}


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
    ("bound", "outcome"), [(None, Outcome.VIOLATED), (3.0, Outcome.VIOLATED), (4.5, Outcome.UNKNOWN)]
)
def test_an_absence_is_judged_after_the_stated_staleness(chat, bound, outcome):
    history = chat.send("alice/phone", "alice-1", 2).end()  # the last disturbance is the submission, 4 s before the end

    verdict = judge(history, worst_staleness=bound)

    assert verdict.outcome is outcome
    if outcome is Outcome.UNKNOWN:
        assert verdict.reason.startswith(
            "the run ended 4.000 s after the last disturbance, and its settings may need 4.500 s"
        )


@pytest.mark.parametrize("event", [Event.CRASHED, Event.HEALED, Event.RESUMED])
def test_a_later_disturbance_begins_the_wait_anew(chat, event):
    history = chat.send("alice/phone", "alice-1", 2).say("server-1", event).end()

    assert judge(history, worst_staleness=1.5).outcome is Outcome.UNKNOWN
    assert judge(history, worst_staleness=0.5).outcome is Outcome.VIOLATED


# ------------------------------------------------------------------------------------------ what was committed late


def _late(chat, committed_before_the_end):
    """A message that nobody shows, committed long after its submission and that long before the end."""
    chat.submit("alice/phone", "alice-1").resolve("alice/phone", "alice-1", 2)
    chat.t += 100.0
    chat.commit("alice-1", 2)
    chat.t += committed_before_the_end - 1.0
    return chat.end()


def test_what_was_committed_too_late_to_be_learnt_is_unknown(chat):
    verdict = judge(_late(chat, 9.0), worst_staleness=10.0)

    assert verdict.outcome is Outcome.UNKNOWN
    assert verdict.reason == (
        "the run ended less than 10.000 s after the commit of what is not there, and 3 things were still to happen"
    )


def test_what_should_have_been_learnt_is_violated(chat):
    verdict = judge(_late(chat, 10.0), worst_staleness=10.0)

    assert (verdict.outcome, verdict.counts, verdict.reason) == (Outcome.VIOLATED, {Property.NO_LOSS: 3}, "")


def test_a_late_commit_excuses_nothing_that_was_committed_before(chat):
    chat.send("bob/phone", "bob-1", 1).show("bob-1", 1, "alice/phone", "bob/pc")

    verdict = judge(_late(chat, 5.0), worst_staleness=10.0)

    assert (verdict.outcome, verdict.counts) == (Outcome.VIOLATED, {Property.NO_LOSS: 1})
    assert "bob-1" in verdict.violations[0].sentence
    assert verdict.reason.endswith("and 3 things were still to happen")


@pytest.mark.parametrize(("before", "outcome"), [(9.0, Outcome.UNKNOWN), (10.0, Outcome.VIOLATED)])
def test_a_sender_may_learn_late_of_a_late_commit(chat, before, outcome):
    chat.submit("alice/phone", "alice-1")
    chat.t += 100.0
    chat.commit("alice-1", 2).show("alice-1", 2)
    chat.t += before - 4.0

    assert judge(chat.end(), worst_staleness=10.0).outcome is outcome


@pytest.mark.parametrize(("before", "outcome"), [(9.0, Outcome.UNKNOWN), (10.0, Outcome.VIOLATED)])
def test_devices_may_learn_late_of_a_mark_that_was_committed_late(chat, before, outcome):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2)
    chat.submit("bob/phone", "alice-1+read-bob", kind="read").resolve("bob/phone", "alice-1+read-bob")
    chat.say("bob/phone", Event.READ, conversation="chat", seq=2)
    chat.t += 100.0
    chat.commit("alice-1+read-bob", 1, kind="read", conversation="~bob")
    chat.t += before - 1.0

    assert judge(chat.end(), worst_staleness=10.0).outcome is outcome


def test_what_the_settings_can_need_is_granted_after_the_last_disturbance(chat):
    evidence = Evidence(chat.send("alice/phone", "alice-1", 2).end())  # the submission is 4 s before the end

    assert weigh(evidence, worst_staleness=1.0, patience=4.0).outcome is Outcome.VIOLATED
    verdict = weigh(evidence, worst_staleness=1.0, patience=5.0)
    assert verdict.outcome is Outcome.UNKNOWN
    assert verdict.reason.startswith(
        "the run ended 4.000 s after the last disturbance, and its settings may need 5.000"
    )


def test_an_interrupted_run_proves_violations_only(chat, new_chat):
    whole = Evidence(chat.send("alice/phone", "alice-1", 2).show("alice-1", 2).history())
    verdict = weigh(whole, interrupted=True)
    assert (verdict.outcome, verdict.reason) == (Outcome.UNKNOWN, "the run was interrupted")

    doubled = new_chat().send("alice/phone", "alice-1", 2).show("alice-1", 2, "bob/pc", "bob/pc")
    assert weigh(Evidence(doubled.history()), interrupted=True).counts == {Property.NO_DUPLICATE: 1}
