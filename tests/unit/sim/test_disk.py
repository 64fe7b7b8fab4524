from __future__ import annotations

import tracemalloc

import pytest

from imsim.errors import WorldError
from imsim.protocol.frames import Entry, Message
from imsim.protocol.records import Installed, Known, Missing, Queued, Resolved, SendState
from imsim.sim.decisions import Decisions
from imsim.sim.deviations import parse
from imsim.sim.disk import Disk, FaultyDisk


def row(seq, client_id=None, *, epoch=1, conversation="room"):
    return Entry(conversation, epoch, seq, client_id or f"a-{seq}", "alice", 0.0, Message("text"))


def known(upto, conversation="room"):
    return Known(conversation, 1, ((1, upto),))


def test_rows_are_shared_and_not_copied():
    disk, entry = Disk(), row(1)
    disk.write([entry])
    assert disk.row("a-1") is entry
    assert disk.rows("room", 1, 1)[0] is entry
    assert disk.records()[0] is entry


def test_the_moving_cursor_does_not_pile_up():
    disk = Disk()
    for seq in range(1, 200):
        disk.write([row(seq), known(seq)])
        assert len(disk._records) <= seq + 1
    assert disk.records()[-1] == known(199)


def test_what_is_superseded_never_outnumbers_what_lives_for_long():
    disk = Disk()
    for number in range(1, 2000):
        disk.write([known(number, f"room-{number % 10}")])
        assert len(disk._records) <= 64
    assert len(disk.records()) == 10


def test_a_fold_keeps_the_order_of_writing():
    disk = Disk()
    disk.write([Installed("phone", "n")])
    disk.write([known(1, "a"), known(1, "b"), row(1)])
    disk.write([known(2, "a")])
    assert list(disk.records()) == [Installed("phone", "n"), known(1, "b"), row(1), known(2, "a")]


def test_what_became_of_a_message_replaces_what_was_wanted():
    disk = Disk()
    disk.write([Queued("a-1", "room", 0.0, Message("text"))])
    disk.write([Missing("room", 1, 1, 2), Missing("room", 1, 5, 6)])
    disk.write([Resolved("a-1", SendState.SENT)])
    assert list(disk.records()) == [
        Missing("room", 1, 1, 2),
        Missing("room", 1, 5, 6),
        Resolved("a-1", SendState.SENT),
    ]


def test_rows_of_two_epochs_lie_side_by_side():
    disk = Disk()
    disk.write([row(1), row(2, "lost"), row(2, "kept", epoch=2), row(3, epoch=2)])
    assert [entry.client_id for entry in disk.rows("room", 2, 3)] == ["lost", "kept", "a-3"]


def test_an_index_once_built_is_kept_up():
    disk = Disk()
    disk.write([row(1), row(3)])
    assert len(disk.rows("room", 1, 9)) == 2
    disk.write([row(2), row(9, "a-3")])
    assert [(entry.seq, entry.client_id) for entry in disk.rows("room", 1, 9)] == [(1, "a-1"), (2, "a-2"), (9, "a-3")]


def test_a_row_among_many_is_found():
    disk = Disk()
    disk.write([row(seq) for seq in range(1, 500)])
    assert disk.row("a-77").seq == 77
    assert disk.row("a-777") is None


def test_a_wiped_disk_is_new():
    disk = Disk()
    disk.write([row(1), known(1)])
    disk.rows("room", 1, 1)
    disk.wipe()
    assert (list(disk.records()), list(disk.rows("room", 1, 1)), disk.row("a-1")) == ([], [], None)


def test_a_backup_is_not_touched_by_what_follows():
    disk = Disk()
    disk.write([row(1), known(1)])
    backup = disk.backup()
    disk.write([row(2), known(2)])
    disk.restore(backup)
    assert list(disk.records()) == [row(1), known(1)]
    assert [entry.seq for entry in disk.rows("room", 1, 9)] == [1]


@pytest.mark.parametrize(("durable", "left"), [(True, 1), (False, 0)])
def test_only_a_durable_disk_outlives_a_crash(durable, left):
    disk = Disk(durable=durable)
    disk.write([row(1)])
    disk.crash()
    assert len(disk.records()) == left


def test_an_idle_disk_is_small():
    entry, installed, cursor = row(1), Installed("phone", "n"), known(1)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        disks = [Disk() for _ in range(1000)]
        for disk in disks:
            disk.write((installed,))
            disk.write((entry, cursor))
        each = (tracemalloc.get_traced_memory()[0] - before) / 1000
    finally:
        tracemalloc.stop()
    assert each < 256


# ---------------------------------------------------------------------------------------------- faults


class Phone:
    def __init__(self):
        self.crashed = False

    def crash(self):
        self.crashed = True

    def pause(self, seconds):
        raise NotImplementedError


def faulty(*deviations):
    phone = Phone()
    decisions = Decisions(1, [parse(text) for text in deviations])
    disk = FaultyDisk(decisions, phone, node="alice/phone", subject_of=lambda records: records[0].client_id)
    return disk, phone


def test_a_full_disk_writes_nothing():
    disk, _ = faulty()
    disk.full = True
    with pytest.raises(WorldError, match="alice/phone is full"):
        disk.write([row(1), row(2)])
    assert list(disk.records()) == []
    disk.full = False
    disk.write([row(1)])
    assert list(disk.records()) == [row(1)]


def test_a_device_dies_before_the_write_of_its_key():
    disk, phone = faulty("crash before the 2nd write of a-1 at alice/phone")
    disk.write([row(1)])
    with pytest.raises(WorldError, match="died before its write"):
        disk.write([row(1), row(2)])
    assert phone.crashed
    assert len(disk.records()) == 1


def test_a_device_dies_just_after_the_write_of_its_key_and_what_was_written_is_durable():
    disk, phone = faulty("crash after the 2nd write of a-1 at alice/phone")
    disk.write([row(1)])
    disk.write([row(1), row(2)])
    assert phone.crashed
    assert len(disk.records()) == 2


def test_a_disk_without_deviations_asks_nothing():
    disk, phone = faulty()
    disk.write([known(1)])  # has no client id to ask about
    assert not phone.crashed
