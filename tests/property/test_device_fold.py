"""Whatever a network, a failover, a crash or an old backup does to a device, it keeps what it promised.

One device talks to a server of a few lines over a network that loses, doubles and reorders frames, both ways; it dies
between any two effects, and its disk is lost or replaced by an older one. After every step the records alone must give
the same device, and the numbers that it shows must be those that a reader of its disk would count. At the end all is
healed, and device and log must agree.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from imsim.protocol.connector import Phase
from imsim.protocol.device import Device
from imsim.protocol.effects import Effect, Transmit, Write
from imsim.protocol.frames import (
    Ack,
    Edit,
    Entry,
    Frame,
    Hello,
    Hint,
    Message,
    NoOp,
    Push,
    Read,
    Recall,
    TailLost,
)
from imsim.protocol.records import Epoch, Known, Missing, SendState
from imsim.sim.disk import Disk
from tests.device_alone import Alone, lasting
from tests.small_server import OWN, PLACES, ROOMS, Log, Server, content


class Watched(Alone):
    """A device whose every effect is looked at when it is carried out; what it transmits goes to `requests`."""

    def __init__(self, requests: list[Frame], install: str, disk: Disk) -> None:
        self.requests = requests
        self.shown: dict[str, Entry] = {}
        super().__init__(install=install, disk=disk)

    def carried_out(self, effect: Effect) -> None:
        if isinstance(effect, Transmit):
            if isinstance(effect.frame, Ack):
                assert_durable(self.disk, effect.frame)
            self.requests.append(effect.frame)
        elif isinstance(effect, Write):
            for record in effect.records:
                if isinstance(record, Entry):
                    self.show(record)

    def show(self, row: Entry) -> None:
        """A row is shown: for the first time, or because a failover took its slot from it."""
        older = self.shown.get(row.client_id)
        if older is not None:
            assert is_cut(older, cuts_of(self.disk.records(), row.conversation)), f"shown twice: {older}, {row}"
        self.shown[row.client_id] = row


# ---------------------------------------------------------------------------------------------- what a disk says


def cuts_of(records: Any, place: str) -> dict[int, int]:
    """The cut with which each epoch began."""
    return {r.epoch: r.cut for r in records if isinstance(r, Epoch) and r.conversation == place}


def is_cut(row: Entry, cuts: dict[int, int]) -> bool:
    return any(epoch > row.epoch and row.seq > cut for epoch, cut in cuts.items())


def known(records: Any, place: str) -> set[int]:
    """Every slot that is known, as a set."""
    epoch, slots = 1, set()
    for record in records:
        if getattr(record, "conversation", None) != place:
            continue
        if isinstance(record, Entry):
            slots.add(record.seq)
        elif isinstance(record, Missing):
            slots.update(range(record.low, record.high + 1))
        elif isinstance(record, Known) and record.epoch == epoch:
            slots.update(seq for low, high in record.ranges for seq in range(low, high + 1))
        elif isinstance(record, Epoch):
            epoch, slots = record.epoch, {seq for seq in slots if seq <= record.cut}
    return slots


def assert_durable(disk: Disk, ack: Ack) -> None:
    held = known(disk.records(), ack.conversation)
    said = {seq for low, high in ((1, ack.upto), *ack.above) for seq in range(low, high + 1)}
    assert said <= held, f"{ack} but {sorted(held)}"


def unread(records: Any, place: str, mark: int) -> int:
    """Rows of others above the mark, not recalled, not lost, in a slot that is known and was not taken from them."""
    rows = {r.client_id: r for r in records if isinstance(r, Entry) and r.conversation == place}
    lost = {name for r in rows.values() if isinstance(r.body, TailLost) for name in r.body.client_ids}
    recalled = {
        (r.body.target, r.author) for r in rows.values() if isinstance(r.body, Recall) and r.client_id not in lost
    }
    cuts, held = cuts_of(records, place), known(records, place)
    return sum(
        isinstance(row.body, Message)
        and row.author != "alice"
        and row.seq > mark
        and row.seq in held
        and not is_cut(row, cuts)
        and row.client_id not in lost
        and (row.client_id, row.author) not in recalled
        for row in rows.values()
    )


# ---------------------------------------------------------------------------------------------- the machine

places = st.sampled_from(PLACES)
rooms = st.sampled_from(ROOMS)
small = st.integers(0, 9)
FATES = ("request", "request", "request again", "request lost", "reply", "reply", "reply", "reply again", "reply lost")


class OneDevice(RuleBasedStateMachine):
    """What can happen to one device."""

    @initialize()
    def begin(self) -> None:
        self.server = Server()
        self.requests: list[Frame] = []
        self.replies: list[Frame] = []
        self.installs = 0
        self.names = 0
        self.backup: tuple[Any, ...] = ()
        self.install(Disk())
        self.connect()

    def install(self, disk: Disk) -> None:
        self.installs += 1
        self.replies.clear()
        self.phone = Watched(self.requests, f"install {self.installs}", disk)

    def do(self, method: str, *arguments: Any, **options: Any) -> Any:
        result = self.phone.do(method, *arguments, **options)
        self.survive()
        return result

    def survive(self) -> None:
        """A process that died comes back."""
        if self.phone.died:
            self.replies.clear()
            self.phone.restart()

    def name(self, who: str) -> str:
        self.names += 1
        return f"{who}-{self.names}"

    # -- the others, and the server

    @rule(room=rooms, who=st.lists(st.sampled_from(["bob", "bob", "pc", "server"]), min_size=1, max_size=4))
    def somebody_writes(self, room: str, who: list[str]) -> None:
        for writer in who:
            author = {"bob": "bob", "pc": "alice", "server": ""}[writer]
            name = self.name(writer)
            body = NoOp() if writer == "server" else Message(f"text of {name}")
            self.server.logs[room].append(name, author, float(self.names), body)

    @rule(room=rooms, which=small, kind=st.sampled_from([Edit, Recall]), stranger=st.booleans(), wall=small)
    def somebody_operates(self, room: str, which: int, kind: type, *, stranger: bool, wall: int) -> None:
        """On a message that may be anywhere, lost ones included."""
        log = self.server.logs[room]
        targets = [e for e in (*log.slots.values(), *log.lost.values()) if isinstance(e.body, Message)]
        if targets:
            target = targets[which % len(targets)]
            author = "carol" if stranger else target.author
            body = Recall(target.client_id) if kind is Recall else Edit(target.client_id, f"edit {self.names}")
            log.append(self.name("pc" if author == "alice" else author), author, float(wall), body)

    @rule(room=rooms, upto=small)
    def the_user_reads_elsewhere(self, room: str, upto: int) -> None:
        log = self.server.logs[room]
        body = Read(room, log.epoch, min(upto, log.head))
        self.server.logs[OWN].append(self.name("pc"), "alice", float(self.names), body)

    @rule(place=places, keep=small)
    def the_log_fails_over(self, place: str, keep: int) -> None:
        log = self.server.logs[place]
        log.fail_over(max(log.trimmed_below - 1, log.head - keep, 0))

    @rule(place=places)
    def what_failovers_lost_is_named(self, place: str) -> None:
        """All of it, for an earlier entry that named it may be lost itself; read marks may still be offered later."""
        log = self.server.logs[place]
        lost = tuple(name for name in log.lost if log.find(name) is None)
        named = {name for e in log.slots.values() if isinstance(e.body, TailLost) for name in e.body.client_ids}
        if not named.issuperset(lost):
            log.append(self.name("@"), "", 0.0, TailLost(lost))
        if place != OWN:
            log.barred.update(lost)

    @rule(room=rooms, below=small)
    def the_log_is_trimmed(self, room: str, below: int) -> None:
        log = self.server.logs[room]
        log.trimmed_below = max(log.trimmed_below, min(below, log.head))

    # -- the network

    @rule(place=places, low=small, count=st.integers(1, 3))
    def the_server_pushes(self, place: str, low: int, count: int) -> None:
        log = self.server.logs[place]
        low = max(log.trimmed_below, log.head - low)
        entries = tuple(log.slots[seq] for seq in range(low, min(low + count, log.head + 1)))
        if entries:
            self.replies.append(Push(place, log.epoch, entries))

    @rule(place=places)
    def the_server_hints(self, place: str) -> None:
        log = self.server.logs[place]
        self.replies.append(Hint(place, log.epoch, log.head))

    @rule(moves=st.lists(st.tuples(st.sampled_from(FATES), small), min_size=1, max_size=12))
    def frames_travel(self, moves: list[tuple[str, int]]) -> None:
        """Each either way, in any order; some are lost, some come twice."""
        for fate, which in moves:
            waiting = self.replies if fate.startswith("reply") else self.requests
            if not waiting:
                continue
            frame = waiting[which % len(waiting)]
            if not fate.endswith("again"):
                waiting.remove(frame)
            if waiting is self.requests and not fate.endswith("lost"):
                self.replies += self.server.answer(frame)
            elif not fate.endswith("lost"):
                self.do("handle_frame", self.phone.wire, frame)

    @rule(rounds=st.integers(1, 3))
    def all_goes_well(self, rounds: int) -> None:
        for _ in range(rounds):
            requests, self.requests[:] = list(self.requests), []
            self.replies += [reply for request in requests for reply in self.server.answer(request)]
            replies, self.replies = self.replies, []
            for reply in replies:
                self.do("handle_frame", self.phone.wire, reply)

    @rule()
    def connect(self) -> None:
        if not self.phone.device.online:
            self.replies.clear()
            self.requests[:] = [request for request in self.requests if not isinstance(request, Hello)]
            self.do("open")
            if self.phone.device.phase in {Phase.WAITING, Phase.CONNECTING}:
                self.phone.dial()
                self.survive()
                self.all_goes_well(2)

    @rule(seconds=st.sampled_from([0.1, 1.0, 2.5, 5.0, 40.0]))
    def time_passes(self, seconds: float) -> None:
        self.phone.wait(seconds)
        self.survive()

    # -- the user

    @rule(room=rooms, count=st.integers(1, 4))
    def the_user_writes(self, room: str, count: int) -> None:
        for number in range(count):
            self.do("send", room, f"text {number}")

    @rule(room=rooms, which=small, kind=st.sampled_from(["edit", "recall"]))
    def the_user_operates(self, room: str, which: int, kind: str) -> None:
        mine = [row.client_id for row in self.phone.device.view(room) if row.author == "alice"]
        if mine:
            target = mine[which % len(mine)]
            self.do(kind, room, target, *(["edited"] if kind == "edit" else []))

    @rule(room=rooms, upto=small)
    def the_user_reads(self, room: str, upto: int) -> None:
        self.do("mark_read", room, upto)

    @rule(room=rooms, which=small)
    def the_user_takes_back(self, room: str, which: int) -> None:
        pending = [row.client_id for row in self.phone.device.view(room) if row.seq == 0]
        if pending:
            self.do("cancel", pending[which % len(pending)])

    # -- what goes wrong

    @rule(effects=st.integers(0, 6))
    def the_process_will_die(self, effects: int) -> None:
        self.phone.budget = effects

    @rule(what=st.sampled_from(["cut", "killed", "cut", "killed", "wiped", "saved", "saved", "restored", "forgotten"]))
    def something_rare_happens(self, what: str) -> None:
        if what == "cut":
            self.replies.clear()
            self.do("handle_disconnected", "cut")
        elif what == "killed":
            self.replies.clear()
            self.phone.restart()
        elif what == "wiped":
            self.install(Disk())
        elif what == "saved":
            self.backup = tuple(self.phone.disk.records())
        elif what == "restored":
            disk = Disk()
            disk.write(self.backup)
            self.install(disk)
        else:
            self.server.forgotten.add(self.phone.device.hello().install)  # type: ignore[union-attr]
        self.connect()

    # -- what always holds

    @invariant()
    def the_records_alone_give_the_same_device(self) -> None:
        phone = self.phone
        again = Device.load(
            phone.disk, phone.config, phone.chance, phone.install, user="alice", name="phone", now=phone.now
        )
        assert lasting(again, PLACES) == lasting(phone.device, PLACES)

    @invariant()
    def what_is_shown_is_what_a_reader_of_the_disk_would_count(self) -> None:
        device, records = self.phone.device, self.phone.disk.records()
        for place in PLACES:
            inbox = device.inbox(place)
            held = {seq for low, high in inbox.known for seq in range(low, high + 1)}
            assert held == known(records, place)
            assert device.unread(place) == unread(records, place, inbox.mark) == device.recount(place)

    @invariant()
    def the_order_of_a_sender_is_kept(self) -> None:
        nonce = self.phone.device.hello().install  # type: ignore[union-attr]
        for log in self.server.logs.values():
            mine = [int(e.client_id.rpartition("-")[2]) for e in log.slots.values() if e.client_id.startswith(nonce)]
            assert mine == sorted(mine), f"{log.name}: {mine}"

    @invariant()
    def nothing_happened_to_what_is_said_to_have_failed(self) -> None:
        for log in self.server.logs.values():
            for entry in log.slots.values():
                assert self.phone.device.state(entry.client_id) not in {SendState.FAILED, SendState.CANCELLED}

    # -- and in the end

    def teardown(self) -> None:
        if not hasattr(self, "phone"):
            return
        self.phone.budget = None
        self.settle()
        for log in self.server.logs.values():
            self.what_failovers_lost_is_named(log.name)
        self.settle()
        for log in self.server.logs.values():
            assert self.phone.device.position(log.name) == (log.epoch, log.head)
        for room in ROOMS:
            self.compare(self.server.logs[room])

    def settle(self) -> None:
        """Everything is healed: a new connection, and nothing is lost any more."""
        self.something_rare_happens("cut")
        self.requests.clear()
        for _ in range(200):
            self.connect()
            self.all_goes_well(3)
            device = self.phone.device
            if device.is_quiet() and all(device.position(log.name)[1] == log.head for log in self.server.logs.values()):
                return
            self.phone.wait(max(0.0, (device.wake_at or 0.0) - self.phone.now))
        raise AssertionError("no end of catching up")

    def compare(self, log: Log) -> None:
        """The user sees what is in the log, and nothing else."""
        device = self.phone.device
        there = [entry for entry in log.there() if isinstance(entry.body, Message)]
        seen = [row for row in device.view(log.name) if row.seq >= log.trimmed_below]
        assert [row.client_id for row in seen] == [entry.client_id for entry in there]
        if log.trimmed_below == 1:
            assert [row.content for row in seen] == [content(log, entry) for entry in there]
            reads = [e.body for e in self.server.logs[OWN].slots.values() if isinstance(e.body, Read)]
            mine = [min([r.seq, *log.cuts[r.epoch - 1 :]]) for r in reads if r.conversation == log.name]
            assert device.read_mark(log.name)[1] == max(mine, default=0)


TestOneDevice = OneDevice.TestCase
TestOneDevice.settings = settings(
    max_examples=100, stateful_step_count=50, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
