"""The people of the simulated world: they open and close their apps, and do what the plan says.

One light call is on the heap for the next intention, and one a device for its next session, so a sleeping device
and a plan of half a million intentions cost nothing until they are due. A user whose app is not running, or is busy
with its disk, tries again shortly; a user cannot read, edit or recall what is not on their device, and then lets it
be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imsim.errors import AlgorithmError
from imsim.history import Event
from imsim.protocol.frames import Message
from imsim.scenario.traffic import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imsim.protocol.frames import Entry
    from imsim.sim.device_node import DeviceNode
    from imsim.sim.intentions import Intention
    from imsim.sim.naming import Named
    from imsim.sim.world import World

__all__ = ["Users"]

_AGAIN = 1.0
"""Seconds after which a user tries again."""
_FILLER = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore. "


class Users:
    """All users of one world.

    Attributes:
        last_wish: when the last entry was submitted; who could not act while all faults lasted does so after them.
    """

    __slots__ = ("_devices", "_ids", "_next", "_sessions", "_texts", "_unwritten", "_world", "last_wish")

    def __init__(self, world: World) -> None:
        self._world = world
        self._next = 0
        self._ids: dict[str, tuple[str, str]] = {}
        self._devices: list[DeviceNode] = list(world.devices.values())
        self._sessions: dict[str, Iterator[tuple[float, float]]] = {}
        self._texts: dict[int, str] = {}
        self._unwritten: dict[str, tuple[DeviceNode, Named, int, str]] = {}
        self.last_wish = 0.0

    def schedule(self) -> None:
        """Put the first intention and the first session of each device on the heap."""
        world = self._world
        for device, node in zip(world.plan.devices, self._devices, strict=True):
            self._sessions[node.name] = iter(world.plan.sessions(device))
            self._next_session(node)
        self._plan_next()

    def next_node(self) -> DeviceNode:
        """The device of the intention that is due next."""
        return self._devices[self._world.plan[self._next].device]

    # ------------------------------------------------------------------------------------------ sessions

    def _next_session(self, node: DeviceNode) -> None:
        world = self._world
        session = next(self._sessions[node.name], None)
        if session is None:
            del self._sessions[node.name]
            return
        begin, end = session
        if end >= world.plan.duration:  # the last one: most devices have no other, and their streams are not small
            del self._sessions[node.name]
        if begin <= world.kernel.now:
            self._open((node, end))
        else:
            self._sleep(node)
            world.kernel.call_at(begin, self._open, (node, end))

    def _open(self, session: tuple[DeviceNode, float]) -> None:
        node, end = session
        node.open()
        if end < self._world.plan.duration:
            self._world.kernel.call_at(end, self._close, node)

    def _close(self, node: DeviceNode) -> None:
        if self._world.kernel.now < self._world.plan.duration:
            node.close()
            self._next_session(node)

    def _sleep(self, node: DeviceNode) -> None:
        if not node.wanted:
            self._world.asleep[node.name] = node

    # ------------------------------------------------------------------------------------------ intentions

    def _plan_next(self) -> None:
        plan = self._world.plan
        if self._next < len(plan):
            kernel = self._world.kernel
            kernel.call_at(max(plan.time(self._next), kernel.now), self._due)

    def _due(self, _: None) -> None:
        intention = self._world.plan[self._next]
        self._next += 1
        self._plan_next()
        self.act(intention)

    def act(self, intention: Intention) -> None:
        """A user wants something now."""
        node = self._devices[intention.device]
        if node.device is None or node.waiting is not None:
            self._world.kernel.call_in(_AGAIN, self.act, intention)
            return
        conversation = self._world.plan.conversations[intention.conversation].name
        _ACTIONS[intention.action](self, node, intention, conversation)

    def _send(self, node: DeviceNode, intention: Intention, conversation: str) -> None:
        reply_to = self._ids.get(intention.target or "", (None, ""))[0]
        text = intention.text if intention.text is not None else self._filler(intention.size)
        self._submit(node, intention, conversation, "", "send", conversation, text, reply_to=reply_to)

    def _edit(self, node: DeviceNode, intention: Intention, conversation: str) -> None:
        target = self._ids.get(intention.target or "")
        if target is not None:
            text = intention.text if intention.text is not None else self._filler(intention.size)
            self._submit(node, intention, conversation, "edit", "edit", target[1], target[0], text)

    def _recall(self, node: DeviceNode, intention: Intention, conversation: str) -> None:
        target = self._ids.get(intention.target or "")
        if target is not None:
            self._submit(node, intention, conversation, "recall", "recall", target[1], target[0])

    def _read(self, node: DeviceNode, intention: Intention, conversation: str) -> None:
        row = self._row(node, intention)
        if row is not None and type(row.body) is Message:
            own = node.device.own_log if node.device is not None else ""
            self._submit(node, intention, own, "read", "mark_read", conversation, row.seq)

    def _cancel(self, node: DeviceNode, intention: Intention, _conversation: str) -> None:
        target = self._ids.get(intention.target or "")
        if target is not None:
            node.command("cancel", target[0])

    def _join(self, node: DeviceNode, intention: Intention, conversation: str) -> None:
        """A member brings the new one in."""
        members = self._world.ledger.members(conversation)
        inviter = next(
            (n for user in members for n in self._world.nodes_of(user) if n.device and n.waiting is None), None
        )
        if inviter is not None:
            self._submit(inviter, intention, conversation, "join", "join", conversation, node.user)

    def _leave(self, node: DeviceNode, intention: Intention, conversation: str) -> None:
        self._submit(node, intention, conversation, "leave", "leave", conversation)

    def _submit(
        self,
        node: DeviceNode,
        intention: Intention,
        conversation: str,
        detail: str,
        method: str,
        *args: Any,  # noqa: ANN401 (a device's own commands)
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """Have the device offer an entry, and give its client id the workload's name before anything else happens."""
        world, device = self._world, node.device
        if device is None:
            return
        now, wall = node.time()
        client_id = getattr(device, method)(*args, now=now, wall=wall, **kwargs)
        if client_id is None:
            return
        named = world.naming.give(client_id, intention.subject, conversation)
        self._ids[intention.subject] = (client_id, conversation)
        self._unwritten[client_id] = (node, named, intention.size, detail)
        node.run(None, 0)
        forgotten = self._unwritten.pop(client_id, None)
        if forgotten is not None and node.device is device and node.waiting is None:
            raise AlgorithmError(f"{node.name} named {client_id} for what its user wants, and did not write it down")

    def submitted(self, client_id: str, reply_to: str | None) -> None:
        """The device has made an entry durable, which may answer another: from now on it owes an answer."""
        unwritten = self._unwritten.pop(client_id, None)
        if unwritten is None:
            return
        node, named, size, detail = unwritten
        world = self._world
        self.last_wish = world.kernel.now
        world.fact_about(node, Event.SUBMITTED, named, 0, 0, size=size, detail=detail)
        if reply_to is not None:
            world.fact_about(node, Event.REPLIED, named, 0, 0, detail=world.naming.word(reply_to))

    # ------------------------------------------------------------------------------------------ inside

    def _row(self, node: DeviceNode, intention: Intention) -> Entry | None:
        target = self._ids.get(intention.target or "")
        return None if target is None else node.disk.row(target[0])

    def _filler(self, size: int) -> str:
        text = self._texts.get(size)
        if text is None:
            text = self._texts[size] = (_FILLER * (size // len(_FILLER) + 1))[:size]
        return text


_ACTIONS: dict[Action, Callable[[Users, DeviceNode, Intention, str], None]] = {
    Action.SEND: Users._send,  # noqa: SLF001 (the table of this very class)
    Action.REPLY: Users._send,  # noqa: SLF001
    Action.EDIT: Users._edit,  # noqa: SLF001
    Action.RECALL: Users._recall,  # noqa: SLF001
    Action.READ: Users._read,  # noqa: SLF001
    Action.CANCEL: Users._cancel,  # noqa: SLF001
    Action.JOIN: Users._join,  # noqa: SLF001
    Action.LEAVE: Users._leave,  # noqa: SLF001
}
