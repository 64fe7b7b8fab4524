"""Client ids, and what people call them."""

from __future__ import annotations

import pytest

from imsim.history import Writer
from imsim.protocol.frames import Entry, Message
from imsim.sim.decisions import Decisions, name_hash
from imsim.sim.naming import Naming


@pytest.fixture
def naming():
    return Naming(Decisions(1, recording=True), Writer())


def entry(client_id):
    return Entry("team", 1, 2, client_id, "alice", 0.0, Message("hi"))


def test_an_entry_goes_by_the_workloads_name(naming):
    given = naming.give("a1b2-0", "alice-1", "team")
    assert naming.of(entry("a1b2-0")) is given
    assert naming.of_id("a1b2-0", "team") is given
    assert (given.name, given.subject) == ("alice-1", name_hash("alice-1"))
    assert naming.word("a1b2-0") == "alice-1"


def test_what_has_no_other_name_goes_by_its_id(naming):
    named = naming.of(entry("@team"))
    assert named.name == "@team"
    assert naming.of_id("@team", "team") is named
    assert naming.word("nobody") == "nobody"


def test_numbers_are_those_of_the_history():
    writer = Writer()
    naming = Naming(Decisions(1), writer)
    one, other = naming.give("a-0", "alice-1", "team"), naming.give("a-1", "alice-2", "pair")
    assert [writer.messages.name(named.index) for named in (one, other)] == ["alice-1", "alice-2"]
    assert [writer.conversations.name(named.conversation) for named in (one, other)] == ["team", "pair"]


def test_a_thing_that_is_no_entry_has_a_subject_and_no_message(naming):
    asked = naming.other("team[3..9]", "team")
    assert asked.index == 0
    assert asked.subject == name_hash("team[3..9]")
    assert naming.other("bob/phone").conversation == 0
