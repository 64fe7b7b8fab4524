"""Evidence: what is read of a history, wherever its rows are, and what is too wide to be read."""

from __future__ import annotations

import pytest

from imsim.errors import ConfigError
from imsim.history import Event, History, Writer
from imsim.scenario import load
from imsim.study.run import simulate
from imsim.verify.evidence import Evidence
from imsim.verify.verdict import judge


def test_rows_are_found_by_event_and_read_by_column(chat):
    evidence = Evidence(chat.send("alice/phone", "alice-1", 2).end())

    (place,) = evidence.places(Event.COMMITTED).tolist()
    assert evidence.history.row(place).event is Event.COMMITTED
    assert evidence.column("seq", evidence.places(Event.COMMITTED)).tolist() == [2]
    assert evidence.few(Event.COMMITTED, "seq", "epoch") == [(place, 2, 0)]
    assert evidence.few(Event.TRIMMED, "seq") == ()


@pytest.mark.parametrize(
    ("epoch", "words"), [(1, ["chat[2]", "chat[3]"]), (2, ["chat[2] of epoch 1", "chat[3] of epoch 2"])]
)
def test_positions_are_spelled_with_their_epoch_where_epochs_changed(chat, epoch, words):
    evidence = Evidence(chat.commit("a", 2, epoch=1).commit("b", 3, epoch=epoch).end())

    assert [evidence.position(key) for key in evidence.log.key.tolist()] == words


def in_a_file(history, folder):
    """The same rows, spilled."""
    writer = Writer(spill_bytes=0, directory=folder)
    writer.nodes, writer.conversations = history.nodes, history.conversations
    writer.messages, writer.details = history.messages, history.details
    for chunk in history.raw_chunks():
        writer.extend(bytes(chunk))
    return writer.finish()


@pytest.mark.parametrize("epoch", [0, 1])
def test_a_history_in_a_file_is_judged_like_one_in_memory(chat, tmp_path, epoch):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2, "bob/pc", "bob/pc")
    history = chat.show("nowhere", 7, "bob/pc", epoch=epoch).end()

    assert judge(in_a_file(history, tmp_path)) == judge(history)


def test_so_is_one_of_a_run_in_which_all_kinds_of_things_happen(tmp_path):
    history = simulate(load("tiny"), seed=1).history

    assert judge(in_a_file(history, tmp_path)) == judge(history)


def test_a_history_that_was_written_and_read_has_the_same_verdict(chat, tmp_path):
    history = chat.send("alice/phone", "alice-1", 2).show("alice-1", 2, "bob/pc").end()
    history.write(tmp_path / "history.jsonl")

    assert str(judge(History.read(tmp_path / "history.jsonl"))) == str(judge(history))


def test_a_history_of_too_many_conversations_and_epochs_is_refused():
    writer = Writer()
    for number in range(40_000):
        writer.conversations.index(f"c{number}")
    writer.fact(0.0, "server-1", Event.COMMITTED, conversation="c1", epoch=65_535, seq=4_294_967_295)

    with pytest.raises(ConfigError, match="got 40,001 conversations of up to 65,536 epochs"):
        Evidence(writer.finish())


def test_the_widest_position_keeps_its_parts():
    writer = Writer()
    writer.fact(0.0, "server-1", Event.COMMITTED, conversation="c", message="m", epoch=7, seq=4_294_967_295)
    evidence = Evidence(writer.finish())

    assert evidence.position(int(evidence.log.key[0])) == "c[4294967295]"
    assert evidence.log.find(evidence.log.key).tolist() == [0]
