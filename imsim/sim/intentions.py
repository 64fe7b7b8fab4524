"""What users want, in columns.

An intention is what a user wants, never what becomes of it. Its name is the workload's own and stays for life:
`alice-3` is the third message that alice sends, `alice-3+edit` an edit of it, `team-1+join-bob` a change of members.
Rows keep numbers instead of names (33 bytes each), so half a million of them fit into a corner of the memory; names
and values are made as they are asked for.

Who writes the rows, and why, is written.py's matter; who reads them, workload.py's.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final, NamedTuple

from imsim.scenario.traffic import Action

if TYPE_CHECKING:
    from imsim.sim.cast import Cast

__all__ = ["ACTIONS", "CODES", "SENDS", "Intention", "Rows", "intention", "name_of"]

ACTIONS: Final = tuple(Action)
CODES: Final = {action: code for code, action in enumerate(ACTIONS)}
SENDS: Final = frozenset({CODES[Action.SEND], CODES[Action.REPLY]})
"""Actions whose rows are messages, and numbered."""


class Intention(NamedTuple):
    """What one user wants at one moment.

    Attributes:
        t: seconds from the begin of the run.
        action: what.
        user, device, conversation: indices into the plan's cast.
        subject: its name, such as `alice-3` or `alice-3+edit`.
        target: the name of the message that is answered, edited, recalled, read or cancelled; None where there is none.
        size: bytes of the content, 0 where there is none.
        text: what is written, if the model says so.
    """

    t: float
    action: Action
    user: int
    device: int
    conversation: int
    subject: str
    target: str | None
    size: int
    text: str | None


class Rows:
    """Intentions in columns, in the order of writing; a row's number is what others name as their target."""

    __slots__ = ("action", "conversation", "device", "number", "size", "t", "target", "texts", "user")

    def __init__(self) -> None:
        self.t = array("d")
        self.action = array("B")
        self.user = array("I")
        self.device = array("I")
        self.conversation = array("I")
        self.number = array("I")
        self.size = array("I")
        self.target = array("i")
        self.texts: dict[int, str] = {}

    def add(
        self,
        t: float,
        code: int,
        user: int,
        device: int,
        conversation: int,
        *,
        number: int = 0,
        size: int = 0,
        target: int = -1,
    ) -> int:
        """Write one row (a message gets its number by `count_messages`); returns the row's number."""
        self.t.append(t)
        self.action.append(code)
        self.user.append(user)
        self.device.append(device)
        self.conversation.append(conversation)
        self.number.append(number)
        self.size.append(size)
        self.target.append(target)
        return len(self.t) - 1

    def order(self) -> array[int]:
        """The rows by time; those of one moment in the order of writing."""
        return array("I", sorted(range(len(self.t)), key=self.t.__getitem__))

    def count_messages(self, users: int) -> None:
        """Number each user's messages by time, from 1."""
        seen = [0] * users
        for row in self.order():
            if self.action[row] in SENDS:
                user = self.user[row]
                seen[user] += 1
                self.number[row] = seen[user]


def intention(rows: Rows, cast: Cast, row: int) -> Intention:
    """One row as a value."""
    target = rows.target[row]
    return Intention(
        rows.t[row],
        ACTIONS[rows.action[row]],
        rows.user[row],
        rows.device[row],
        rows.conversation[row],
        name_of(rows, cast, row),
        name_of(rows, cast, target) if target >= 0 else None,
        rows.size[row],
        rows.texts.get(row),
    )


def name_of(rows: Rows, cast: Cast, row: int) -> str:
    """The workload's name of a row."""
    code = rows.action[row]
    user = cast.users[rows.user[row]].name
    if code in SENDS:
        return f"{user}-{rows.number[row]}"
    action, number = ACTIONS[code].value, rows.number[row]
    again = str(number) if number > 1 else ""
    if action in {"join", "leave"}:
        return f"{cast.conversations[rows.conversation[row]].name}+{action}{again}-{user}"
    target = name_of(rows, cast, rows.target[row])
    return f"{target}+read{again}-{user}" if action == "read" else f"{target}+{action}{again}"
