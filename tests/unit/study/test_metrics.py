"""Figures: each counted by hand in a small run."""

from __future__ import annotations

import pytest

from imsim.history import Event
from imsim.history.counters import Counters, DeviceCounters
from imsim.study.metrics import Quantiles, measure
from imsim.verify.evidence import Evidence


def measured(history, counters=None):
    return measure(Evidence(history), counters)


def test_a_run_in_which_nothing_was_sent_has_no_figures(chat):
    figures = measured(chat.end())

    assert (figures.messages, figures.deliveries, figures.expected, figures.lost) == (0, 0, 0, 0)
    assert figures.latency_ms == figures.catch_up_s == Quantiles()
    assert (figures.requests_per_device, figures.wakes_per_device_day, figures.queue_depth) == (None, None, None)


def test_a_delivery_is_a_pair_of_message_and_device_the_senders_own_included(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2)
    figures = measured(chat.send("bob/pc", "bob-1", 3).show("bob-1", 3, "bob/pc", "alice/phone").end())

    assert (figures.messages, figures.deliveries, figures.expected, figures.lost) == (2, 5, 6, 1)


def test_operations_are_no_deliveries(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2)
    figures = measured(chat.operate(Event.EDITED, "alice-2", "alice-1", 3).end())

    assert (figures.messages, figures.deliveries, figures.expected) == (1, 3, 3)


def test_cancelled_messages_and_retired_devices_expect_nothing(chat):
    chat.submit("alice/phone", "alice-1").say("alice/phone", Event.CANCELLED, message="alice-1")
    chat.send("alice/phone", "alice-2", 2).show("alice-2", 2)
    figures = measured(chat.say("bob/pc", Event.DISCONNECTED, detail="retired").end())

    assert (figures.messages, figures.deliveries, figures.expected, figures.lost) == (2, 2, 2, 0)


def test_what_was_trimmed_is_neither_delivered_nor_lost(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2, "alice/phone", "bob/phone")
    chat.say("log", Event.TRIMMED, conversation="chat", seq=3)
    figures = measured(chat.say("bob/pc", Event.MISSING, conversation="chat", seq=1, op=2).end())

    assert (figures.deliveries, figures.expected, figures.lost, figures.trimmed) == (2, 3, 0, 1)


@pytest.mark.parametrize("seq", [0, 2])
def test_an_accepted_message_that_is_nowhere_is_lost_on_every_device(new_chat, seq):
    chat = new_chat().submit("alice/phone", "alice-1").submit("alice/phone", "alice-2", kind="edit")
    chat.say("server-1", Event.JOINED, conversation="other", seq=1, detail="bob")
    chat.accept("alice-1", seq).accept("alice-2", seq)

    figures = measured(chat.end())

    assert (figures.deliveries, figures.expected, figures.lost) == (0, 3, 3)


def test_duplicates_and_retries_are_rows(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2).show("alice-1", 2, "bob/pc")
    chat.say("bob/pc", Event.SUPPRESSED, message="alice-1").say("bob/pc", Event.SUPPRESSED, message="alice-1")
    chat.say("alice/phone", Event.RETRIED, message="alice-1", attempt=2)
    figures = measured(chat.end())

    assert (figures.duplicates_shown, figures.duplicates_suppressed, figures.retries) == (1, 2, 1)
    assert figures.deliveries == 3


def test_latency_runs_from_submit_to_the_first_row_of_each_other_device(chat):
    chat.send("alice/phone", "alice-1", 2)  # submitted 4 s before the first row
    chat.show("alice-1", 2, "alice/phone", "bob/phone", "bob/pc")
    chat.say("bob/pc", Event.WIPED).say("bob/pc", Event.INSTALLED, detail="bob/pc#1").show("alice-1", 2, "bob/pc")

    latency = measured(chat.end()).latency_ms

    assert latency.p50 == 5500  # of 5 s and 6 s; neither the own device nor the second install
    assert latency.p99 == pytest.approx(5990)


def test_catch_up_is_measured_after_a_time_offline_only(chat):
    chat.send("alice/phone", "alice-1", 2).say("bob/pc", Event.CONNECTED).show("alice-1", 2)
    chat.say("bob/pc", Event.DISCONNECTED).send("alice/phone", "alice-2", 3)
    chat.say("bob/pc", Event.CONNECTED).show("alice-2", 3, "bob/pc", "alice/phone", "bob/phone")

    assert measured(chat.end()).catch_up_s == Quantiles(p50=1.0, p95=1.0, p99=1.0)


def test_costs_are_means_a_device_and_a_day(chat):
    counters = Counters(
        events=7,
        seconds=43_200.0,
        queue_depth=4,
        devices={
            "bob/pc": DeviceCounters(bytes_up=100, bytes_down=300, wakes=3, joules=5.0),
            "bob/phone": DeviceCounters(bytes_up=100, wakes=1),
        },
    )

    history = chat.say("bob/pc", Event.SPENT, op=10).say("bob/phone", Event.SPENT, op=20).end()
    figures = measured(history, counters)

    assert (figures.events, figures.queue_depth) == (7, 4)
    assert (figures.requests_per_device, figures.bytes_per_device) == (15.0, 250.0)
    assert figures.wakes_per_device_day == 4.0  # 4 in 2 devices' half days
    assert figures.joules_per_device_day == 10.0  # 5 J in the half day of the one that was measured
