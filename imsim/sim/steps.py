"""What users do where a model writes it down step by step: who, when, where, and about which message.

A step may leave things open: the device is drawn then, and a message that is not named is the last one before, the
user's own to change it, another's to answer or read it. A step that means something which is not there is an error of
the model; the conversation, device and message are checked here, since only here they are known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imsim.errors import ConfigError, nearest
from imsim.scenario.traffic import Action
from imsim.sim.cast import pair_name
from imsim.sim.decisions import Kind, draw, remix, unit
from imsim.sim.intentions import CODES, SENDS

if TYPE_CHECKING:
    from imsim.scenario.traffic import Listed, Step
    from imsim.sim.cast import Cast, User
    from imsim.sim.decisions import Decisions
    from imsim.sim.intentions import Rows

__all__ = ["write_steps"]

_STEP = 34
"""Subject of the draws about one step, under its user's name."""


def write_steps(rows: Rows, traffic: Listed, cast: Cast, decisions: Decisions) -> None:
    """Write the steps of a list.

    Raises:
        ConfigError: a step names a conversation, device or message that is not there (yet).
    """
    book = _Book(cast)
    for index, step in sorted(enumerate(traffic.steps), key=lambda numbered: numbered[1].at):
        path = f"traffic.steps[{index}]"
        user = cast.users[book.users[step.user]]
        bits = draw(decisions.salt(Kind.WORKLOAD, f"at {user.name}"), _STEP, index + 1)
        where = book.conversation(step, path)
        target = book.target(step, user.index, where, path)
        device = book.device(step, user, path) if step.device is not None else user.device(bits)
        size = _size(step, traffic, bits)
        number = book.count(step, user.index, where, target)
        row = rows.add(step.at, CODES[step.action], user.index, device, where, number=number, size=size, target=target)
        if step.text is not None:
            rows.texts[row] = step.text
        if CODES[step.action] in SENDS:
            book.wrote(f"{user.name}-{number}", row, user.index, where)


def _size(step: Step, traffic: Listed, bits: int) -> int:
    if step.action not in {Action.SEND, Action.REPLY, Action.EDIT}:
        return 0
    return len(step.text.encode()) if step.text is not None else traffic.size.quantile(unit(remix(bits)))


class _Book:
    """What the steps so far have brought into the world."""

    def __init__(self, cast: Cast) -> None:
        self.users = {user.name: user.index for user in cast.users}
        self._cast = cast
        self._conversations = {conversation.name: conversation.index for conversation in cast.conversations}
        self._messages: dict[str, int] = {}
        self._history: dict[int, list[tuple[int, int]]] = {}
        self._counts: dict[tuple[object, ...], int] = {}

    def conversation(self, step: Step, path: str) -> int:
        name = step.to
        if name in self.users:
            pair = sorted((self.users[step.user], self.users[name]))
            name = pair_name(*(self._cast.users[index].name for index in pair))
        if name not in self._conversations:
            known = [*self._conversations, *self.users]
            raise ConfigError(f"{path}.to: no such conversation or user: {name!r}{nearest(name, known)}")
        return self._conversations[name]

    def device(self, step: Step, user: User, path: str) -> int:
        kinds = {self._cast.devices[index].kind: index for index in user.devices}
        if step.device not in kinds:
            raise ConfigError(f"{path}.device: {user.name} has no {step.device}, only {', '.join(kinds)}")
        return kinds[step.device]

    def target(self, step: Step, user: int, where: int, path: str) -> int:
        """The row of the message that a step means; -1 where it means none."""
        if step.action in {Action.SEND, Action.JOIN, Action.LEAVE}:
            return -1
        if step.target is not None:
            if step.target not in self._messages:
                raise ConfigError(
                    f"{path}.target: no such message before: {step.target!r}{nearest(step.target, self._messages)}"
                )
            return self._messages[step.target]
        own = step.action in {Action.EDIT, Action.RECALL, Action.CANCEL}
        for row, author in reversed(self._history.get(where, [])):
            if (author == user) == own:
                return row
        raise ConfigError(f"{path}.target: there is no message before to {step.action}")

    def count(self, step: Step, user: int, where: int, target: int) -> int:
        """How often the user has done this now: messages for a send, else the same thing to the same target."""
        key = (user,) if CODES[step.action] in SENDS else (user, step.action, where, target)
        self._counts[key] = self._counts.get(key, 0) + 1
        return self._counts[key]

    def wrote(self, name: str, row: int, author: int, where: int) -> None:
        self._messages[name] = row
        self._history.setdefault(where, []).append((row, author))
