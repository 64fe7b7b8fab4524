"""A small messaging SDK, sans-IO: it is told what happens and when, and says what is to be done.

Whatever it must not forget is a record, written before the frame that depends on it; that is what keeps every promise
over a crash. What it leaves out: failovers (epochs), resumed sessions, deadlines, and strategies other than hybrid: a
push for every entry, and now and then a check that finds a lost last one.
"""

from __future__ import annotations

import random

from fold import Fold, Json

__all__ = ["Device"]

EPOCH = 1
PAGE = 100
GAP_WAIT = 0.2
HELLO_WAIT = 2.0
CONNECT_WAIT = 10.0
ASK_WAIT = 4.0
STABLE = 30.0
CHECK = 40.0
LINGER = 2.0
PATIENCE = 4


class Device(Fold):
    """One installed client of one user."""

    def __init__(self, line: Json, *, forgetful: bool) -> None:
        super().__init__(line["user"])
        self.name = line["device"]
        self.chance = random.Random(line["seed"])
        self.flights: dict[str, Json] = {}
        """What is on its way, one a conversation."""
        self.asks: dict[str, Json] = {}
        """The conversations that are behind."""
        self.phase, self.due, self.wanted = "asleep", None, False
        self.attempts = self.greetings = 0
        self.heard = self.since = self.ping = 0.0
        self.check = {"number": 0, "due": 0.0}
        sync = line["config"].get("sync", {})
        self.period = next((sync[key] for key in ("check", "interval", "most", "hold") if key in sync), CHECK)
        """How soon the model wants a lost push to be found."""
        for record in line["records"]:
            self.apply(record)
        if self.install != line["install"]:
            nonce = f"{self.chance.getrandbits(48):012x}"
            self.commit({"type": "installed", "install": line["install"], "nonce": nonce})
        if forgetful:
            self.outbox.clear()
        self.touched = set(self.outbox)
        """What may have been transmitted."""
        self.outbox = dict(sorted(self.outbox.items(), key=lambda item: self.place(item[0])))

    # ------------------------------------------------------------------------------------------ what the user does

    def offer(self, now: float, wall: float, conversation: str, body: Json) -> str:
        client_id = f"{self.nonce}-{self.next}"
        self.commit(
            {"type": "queued", "client_id": client_id, "conversation": conversation, "wall": wall, "body": body}
        )
        self.pump(conversation, now)
        if self.phase == "asleep":
            self.connect(now)
        return client_id

    def open(self, now: float) -> None:
        self.wanted = True
        if self.phase == "asleep":
            self.connect(now)

    def close(self) -> None:
        self.wanted = False
        self.leave("closed")

    def mark_read(self, now: float, wall: float, conversation: str, seq: int) -> str | None:
        log = self.log(conversation)
        seq = min(seq, log.head)
        if seq <= log.mark:
            return None
        body = {"type": "read", "conversation": conversation, "epoch": EPOCH, "seq": seq}
        return self.offer(now, wall, self.own_log, body)

    def cancel(self, now: float, client_id: str) -> str | None:
        record = self.outbox.get(client_id)
        if record is None:
            return None
        if client_id not in self.touched:
            self.resolve(client_id, "cancelled")
        elif not record.get("cancelling"):
            self.commit({**record, "cancelling": True, "wanted": "cancelled"})
            self.notify({"type": "send_changed", "client_id": client_id, "state": "unknown"})
            self.flights.pop(record["conversation"], None)
        self.pump(record["conversation"], now)
        return client_id

    # ------------------------------------------------------------------------------------------ sending

    def pump(self, conversation: str, now: float) -> None:
        """Offer the next entry of a conversation, if none is on its way: that keeps the order of one sender."""
        waiting = [r for i, r in self.outbox.items() if r["conversation"] == conversation and i not in self.below]
        if self.phase == "online" and conversation not in self.flights and waiting:
            self.flights[conversation] = {"record": waiting[0], "attempt": 0, "due": now}
            self.offer_again(conversation, now)

    def offer_again(self, conversation: str, now: float) -> None:
        flight = self.flights[conversation]
        record = flight["record"]
        flight["attempt"] += 1
        flight["due"] = now + self.backoff(flight["attempt"], 30.0)
        self.touched.add(record["client_id"])
        frame = {"conversation": conversation, "epoch": EPOCH, "attempt": flight["attempt"]}
        if record.get("cancelling"):
            self.transmit({"type": "cancel", "client_id": record["client_id"], **frame})
        else:
            self.transmit(
                {"type": "send", "drafts": [draft_of(record)], "resolved_below": self.resolved_below(), **frame}
            )

    def resolved_below(self) -> int:
        """Every own counter below it has its answer."""
        return min((self.place(i)[1] for i in self.outbox if self.place(i)[0]), default=self.next)

    def resolve(self, client_id: str, state: str, reason: str = "") -> None:
        conversation = self.outbox[client_id]["conversation"]
        flight = self.flights.get(conversation)
        if flight is not None and flight["record"]["client_id"] == client_id:
            del self.flights[conversation]
        self.commit({"type": "resolved", "client_id": client_id, "state": state, "reason": reason})
        self.notify({"type": "send_changed", "client_id": client_id, "state": state, "reason": reason})

    def on_sent(self, frame: Json, now: float) -> None:
        conversation = frame["conversation"]
        for outcome in frame["outcomes"]:
            client_id, record = outcome["client_id"], self.outbox.get(outcome["client_id"])
            if record is None:
                continue
            answer = outcome["answer"]
            if answer == "ok":
                self.accept(record, outcome["seq"], now)
            elif answer == "cancelled":
                self.resolve(client_id, record.get("wanted", "failed"), outcome["reason"])
            elif answer == "later":
                self.flights[conversation]["due"] = now + (outcome["retry_after"] or 1.0)
            elif answer == "expired":
                self.below[client_id] = outcome["seq"]
                self.flights.pop(conversation, None)
                self.expect(conversation, outcome["seq"] - 1, now)
                self.judge(conversation)
            else:
                self.resolve(client_id, "failed", outcome["reason"] or answer)
        self.pump(conversation, now)

    def accept(self, record: Json, seq: int, now: float) -> None:
        """The server says where an own entry is."""
        conversation, client_id = record["conversation"], record["client_id"]
        self.flights.pop(conversation, None)
        entry = {"conversation": conversation, "epoch": EPOCH, "seq": seq, "author": self.user, **draft_of(record)}
        self.commit({"type": "row", "entry": entry}, {"type": "resolved", "client_id": client_id, "state": "sent"})
        self.notify({"type": "send_changed", "client_id": client_id, "state": "sent"})
        self.acknowledge(conversation)
        self.look_behind(conversation, now + GAP_WAIT)

    def judge(self, conversation: str) -> None:
        """Once every slot below the bound is known, an expired entry is there or will never be."""
        for client_id, below in list(self.below.items()):
            if self.outbox[client_id]["conversation"] == conversation and self.log(conversation).upto >= below - 1:
                self.resolve(client_id, "failed", "its answer had expired")

    # ------------------------------------------------------------------------------------------ receiving

    def take(self, entries: list[Json], now: float) -> None:
        """Write the rows that are new, together with what they resolve."""
        records: list[Json] = []
        for entry in entries:
            if self.log(entry["conversation"]).knows(entry["seq"]):
                conversation, client_id = entry["conversation"], entry["client_id"]
                self.notify({"type": "suppressed", "conversation": conversation, "client_id": client_id})
                continue
            records.append({"type": "row", "entry": entry})
            if entry["client_id"] in self.outbox:
                records.append({"type": "resolved", "client_id": entry["client_id"], "state": "sent"})
        if records:
            self.commit(*records)
        for record in records:
            if record["type"] == "resolved":
                self.notify({"type": "send_changed", "client_id": record["client_id"], "state": "sent"})
        for conversation, flight in list(self.flights.items()):
            if flight["record"]["client_id"] not in self.outbox:
                del self.flights[conversation]
                self.pump(conversation, now)
        for conversation in list(self.logs):  # a log of the user's own may have named another
            self.look_behind(conversation, now + GAP_WAIT)

    def on_push(self, frame: Json, now: float) -> None:
        self.take(frame["entries"], now)
        self.acknowledge(frame["conversation"])
        self.judge(frame["conversation"])

    def on_page(self, frame: Json, now: float) -> None:
        conversation = frame["conversation"]
        log = self.log(conversation)
        before = log.ranges, log.head
        self.take(frame["entries"], now)
        records: list[Json] = [
            {"type": "missing", "conversation": conversation, "epoch": EPOCH, "low": low, "high": high}
            for low, high in log.holes(frame["trimmed_below"] - 1)
        ]
        low, high = max(frame["low"], frame["trimmed_below"]), frame["high"]
        if low <= high and len(frame["entries"]) < high - low + 1:  # what is left out is none of this user's business
            ranges = [*log.ranges, [low, high]]
            records.append({"type": "known", "conversation": conversation, "epoch": EPOCH, "ranges": ranges})
        if records:
            self.commit(*records)
        if frame["low"] > frame["high"]:  # it ends for this user where the server says
            log.head = max(frame["head"], log.ranges[-1][1] if log.ranges else 0)
        log.head = max(log.head, frame["head"]) if frame["low"] <= frame["high"] else log.head
        self.acknowledge(conversation)
        self.judge(conversation)
        ask = self.asks.get(conversation)
        if ask is not None and (log.ranges, log.head) != before:  # a page that brings nothing new is no answer
            ask.update(due=now, tries=0)
        self.look_behind(conversation, now)

    def expect(self, conversation: str, head: int, now: float) -> None:
        """Slots up to `head` exist."""
        log = self.log(conversation)
        log.head = max(log.head, head)
        self.look_behind(conversation, now)

    def on_head(self, frame: Json, now: float) -> None:
        self.expect(frame["conversation"], frame["head"], now)
        self.acknowledge(frame["conversation"])

    def on_heads(self, frame: Json, now: float) -> None:
        if frame["number"] == self.check["number"]:
            self.check["due"] = now + self.period
        for head in frame["heads"]:
            self.on_head(head, now)

    def look_behind(self, conversation: str, due: float) -> None:
        """Plan to ask for what is missing, or be done with it."""
        log = self.log(conversation)
        if log.head <= log.upto:
            self.asks.pop(conversation, None)
        elif conversation not in self.asks:
            self.asks[conversation] = {"due": due, "tries": 0}
            if log.above:  # what came is not what comes next
                self.notify({"type": "gap", "conversation": conversation, "seq": log.above[-1][1]})

    def ask(self, conversation: str, now: float) -> None:
        question, log = self.asks[conversation], self.log(conversation)
        question["tries"] += 1
        question["due"] = now + ASK_WAIT
        low, high = log.holes(log.head)[-1]
        self.transmit({"type": "ask", "conversation": conversation, "epoch": EPOCH, "low": low, "high": high,
                       "limit": PAGE, "newest": True})  # fmt: skip

    def acknowledge(self, conversation: str) -> None:
        log = self.log(conversation)
        self.transmit(
            {"type": "ack", "conversation": conversation, "epoch": EPOCH, "upto": log.upto, "above": log.above}
        )

    # ------------------------------------------------------------------------------------------ the connection

    def connect(self, now: float) -> None:
        self.phase, self.due = "connecting", now + CONNECT_WAIT
        self.effects.append({"type": "connect"})

    def connected(self, now: float) -> None:
        if self.phase == "connecting":
            self.phase, self.greetings, self.heard = "greeting", 0, now
            self.greet(now)

    def greet(self, now: float) -> None:
        self.greetings += 1
        self.due = now + HELLO_WAIT
        positions = [{"conversation": c, "epoch": EPOCH, "known": log.ranges} for c, log in self.logs.items()]
        below = self.resolved_below()
        self.transmit({"type": "hello", "user": self.user, "device": self.name, "install": self.nonce,
                       "strategy": "hybrid", "positions": positions, "resolved_below": below})  # fmt: skip

    def on_welcome(self, frame: Json, now: float) -> None:
        if self.phase != "greeting":
            return
        self.phase, self.since, self.ping = "online", now, frame["limits"]["ping"]
        self.plan_look_around(now)
        self.check["due"] = now + self.period
        for conversation in self.logs:
            self.look_behind(conversation, now)
        for question in self.asks.values():
            question.update(due=now, tries=0)
        for conversation in dict.fromkeys(record["conversation"] for record in self.outbox.values()):
            self.pump(conversation, now)

    def on_refused(self, frame: Json, now: float) -> None:
        if self.phase == "greeting" and frame["retry_after"] is None:
            self.leave("refused")
        elif self.phase == "greeting":
            self.give_up("refused", now, frame["retry_after"])

    def on_closed(self, frame: Json, now: float) -> None:
        if self.phase == "online":
            self.give_up("closed by the server: " + frame["reason"], now)

    def disconnected(self, now: float) -> None:
        if self.phase in {"connecting", "greeting", "online"}:
            self.wait(now)

    def give_up(self, reason: str, now: float, retry_after: float = 0.0) -> None:
        self.effects.append({"type": "disconnect", "reason": reason})
        self.wait(now, retry_after)

    def wait(self, now: float, retry_after: float = 0.0) -> None:
        """Connect again later; only a session that lasted is a success that forgets earlier failures."""
        if self.phase == "online" and now - self.since >= STABLE:
            self.attempts = 0
        self.attempts += 1
        self.phase, self.due = "waiting", now + max(retry_after, self.backoff(self.attempts, 20.0))
        self.flights.clear()

    def leave(self, reason: str) -> None:
        if self.phase in {"connecting", "greeting", "online"}:
            self.effects.append({"type": "disconnect", "reason": reason})
        self.phase, self.due = "asleep", None
        self.flights.clear()

    def plan_look_around(self, now: float) -> None:
        waits = ([self.ping] if self.ping else []) + ([] if self.wanted else [LINGER])
        self.due = now + min(waits) if waits else None

    def look_around(self, now: float) -> None:
        """Is the peer still there? Is a visit over?"""
        if not self.wanted and self.quiet() and now - self.heard >= LINGER:
            self.leave("visit over")
        elif self.ping and now - self.heard >= 2 * self.ping:
            self.give_up("silent", now)
        else:
            if self.ping and now - self.heard >= self.ping:
                self.transmit({"type": "ping", "number": int(now)})
            self.plan_look_around(now)

    # ------------------------------------------------------------------------------------------ time

    def backoff(self, attempt: int, most: float) -> float:
        return min(most, 2.0 ** min(attempt - 1, 10)) * (0.5 + self.chance.random() / 2)

    def wake(self, now: float) -> None:
        if self.phase == "online":
            for conversation, flight in self.flights.items():
                if flight["due"] <= now:
                    self.offer_again(conversation, now)
            for conversation, question in list(self.asks.items()):
                if question["due"] <= now and question["tries"] >= PATIENCE:
                    return self.give_up("questions are not answered", now)
                if question["due"] <= now:
                    self.ask(conversation, now)
            if self.check["due"] <= now:
                self.check = {"number": self.check["number"] + 1, "due": now + ASK_WAIT}
                self.transmit({"type": "check", "number": self.check["number"]})
        if self.due is not None and self.due <= now:
            self.at_due(now)
        return None

    def at_due(self, now: float) -> None:
        if self.phase == "waiting":
            self.connect(now)
        elif self.phase == "connecting":
            self.give_up("connecting took too long", now)
        elif self.phase == "greeting" and self.greetings < PATIENCE:
            self.greet(now)
        elif self.phase == "greeting":
            self.give_up("no welcome", now)
        else:
            self.look_around(now)

    # ------------------------------------------------------------------------------------------ what is told

    def transmit(self, frame: Json) -> None:
        self.effects.append({"type": "transmit", "frame": frame})

    def notify(self, notice: Json) -> None:
        self.effects.append({"type": "notify", "notice": notice})

    def quiet(self) -> bool:
        return not self.outbox and not self.asks

    def state(self) -> Json:
        dues = [] if self.due is None else [self.due]
        if self.phase == "online":
            dues += [one["due"] for one in (*self.flights.values(), *self.asks.values(), self.check)]
        effects, self.effects = self.effects, []
        online = self.phase == "online"
        return {"effects": effects, "wake_at": min(dues, default=None), "online": online, "quiet": self.quiet()}


def draft_of(record: Json) -> Json:
    """An entry as it is offered."""
    return {name: record[name] for name in ("client_id", "wall", "body")}
