"""What the SDK must not forget: its state as a fold of its records, live and after a restart.

`outbox` holds what is not resolved, `below` the expired answers whose verdict is in the slots below a bound.
"""

from __future__ import annotations

from typing import Any

__all__ = ["Fold", "Json", "Log"]

Json = dict[str, Any]


class Log:
    """What is known of one conversation: ranges of seq, rising and never touching, and where the log ends."""

    def __init__(self) -> None:
        self.ranges: list[list[int]] = []
        self.head = 0
        self.mark = 0

    @property
    def upto(self) -> int:
        """The cursor: everything up to here is known."""
        return self.ranges[0][1] if self.ranges and self.ranges[0][0] == 1 else 0

    @property
    def above(self) -> list[list[int]]:
        """What is known beyond the first gap."""
        return self.ranges[1:] if self.upto else self.ranges

    def knows(self, seq: int) -> bool:
        return any(low <= seq <= high for low, high in self.ranges)

    def learn(self, low: int, high: int) -> None:
        apart = [(a, b) for a, b in self.ranges if b < low - 1 or a > high + 1]
        joined = [(a, b) for a, b in self.ranges if not (b < low - 1 or a > high + 1)]
        low, high = min([low, *(a for a, _ in joined)]), max([high, *(b for _, b in joined)])
        self.ranges = sorted([list(pair) for pair in apart] + [[low, high]])
        self.head = max(self.head, high)

    def holes(self, upto: int) -> list[tuple[int, int]]:
        """What is not known of `1..upto`."""
        ends = [0, *(high for _, high in self.ranges)]
        starts = [*(low for low, _ in self.ranges), upto + 1]
        gaps = ((end + 1, min(start - 1, upto)) for end, start in zip(ends, starts, strict=True))
        return [(low, high) for low, high in gaps if low <= high]


class Fold:
    """What one installed client knows and wants, as its records say."""

    def __init__(self, user: str) -> None:
        self.user = user
        self.own_log = "~" + user
        self.effects: list[Json] = []
        self.logs: dict[str, Log] = {}
        self.rows: dict[str, Json] = {}
        self.outbox: dict[str, Json] = {}
        self.below: dict[str, int] = {}
        self.install, self.nonce, self.next = "", "", 0

    def log(self, conversation: str) -> Log:
        return self.logs.setdefault(conversation, Log())

    def commit(self, *records: Json) -> None:
        """Apply records and have them written: the only way in which the lasting state changes."""
        for record in records:
            self.apply(record)
        self.effects.append({"type": "write", "records": records})

    def apply(self, record: Json) -> None:
        kind = record["type"]
        if kind == "installed":
            self.install, self.nonce, self.next = record["install"], record["nonce"], 0
        elif kind == "row":
            self.apply_row(record["entry"])
        elif kind == "queued":
            self.count(record["client_id"])
            self.apply_queued(record)
        elif kind == "resolved":
            self.count(record["client_id"])
            self.outbox.pop(record["client_id"], None)
            self.below.pop(record["client_id"], None)
        elif kind == "known":
            for low, high in record["ranges"]:
                self.log(record["conversation"]).learn(low, high)
        elif kind == "missing":
            self.log(record["conversation"]).learn(record["low"], record["high"])

    def apply_row(self, entry: Json) -> None:
        self.rows[entry["client_id"]] = entry
        self.log(entry["conversation"]).learn(entry["seq"], entry["seq"])
        body = entry["body"]
        if entry["conversation"] == self.own_log and body["type"] == "read":
            self.raise_mark(body)
        elif entry["conversation"] == self.own_log and body["type"] == "joined":
            joined = self.log(body["conversation"])
            joined.head = max(joined.head, body["seq"])

    def apply_queued(self, record: Json) -> None:
        self.outbox[record["client_id"]] = record
        if record["body"]["type"] == "read":
            self.raise_mark(record["body"])

    def raise_mark(self, body: Json) -> None:
        log = self.log(body["conversation"])
        log.mark = max(log.mark, body["seq"])

    def count(self, client_id: str) -> None:
        nonce, _, counter = client_id.rpartition("-")
        if nonce == self.nonce:
            self.next = max(self.next, int(counter) + 1)

    def place(self, client_id: str) -> tuple[bool, int]:
        """The order in which unresolved entries are offered: those of an earlier install first."""
        nonce, _, counter = client_id.rpartition("-")
        return nonce == self.nonce, int(counter)

    def unread(self, conversation: str) -> int:
        """Messages of others above the user's mark that are not recalled."""
        mark = self.log(conversation).mark
        rows = [row for row in self.rows.values() if row["conversation"] == conversation and row["seq"] > mark]
        return sum(row["author"] != self.user and self.content(row["client_id"]) is not None for row in rows)

    def content(self, client_id: str) -> str | None:
        """What the user reads: the latest edit, the message itself, or nothing once it is recalled."""
        row = self.rows[client_id]
        operations = [
            other
            for other in self.rows.values()
            if other["body"].get("target") == client_id and other["author"] == row["author"]
        ]
        if row["body"]["type"] != "message" or any(one["body"]["type"] == "recall" for one in operations):
            return None
        edits = sorted(operations, key=lambda one: (one["wall"], self.place(one["client_id"])[1], one["client_id"]))
        content: str = (edits[-1] if edits else row)["body"]["content"]
        return content
