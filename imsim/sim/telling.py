"""What the history is told of a device: of every record that is durable now, and of notices that no record tells.

A hint to the user may be lost with the process that gives it, and a record may not, so whatever a record says is told
when it is written.

What does not belong here: what a device says of itself when it is asked (standing.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from imsim.history import Event
from imsim.protocol.effects import CaughtUp, GapNoticed, SendChanged, Suppressed, TailWasLost
from imsim.protocol.frames import Edit, Entry, Message, Read, Recall
from imsim.protocol.records import Epoch, Missing, Queued, Resolved, SendState
from imsim.sim.standing import EVERYWHERE, ask_where, tell_standing, tell_views

if TYPE_CHECKING:
    from collections.abc import Callable

    from imsim.sim.device_node import DeviceNode

__all__ = ["ROW_EVENTS", "tell_end", "tell_notice", "tell_record"]

_STATES: Final = {
    SendState.SENT: Event.RESOLVED,
    SendState.FAILED: Event.FAILED,
    SendState.CANCELLED: Event.CANCELLED,
    SendState.UNKNOWN: Event.UNKNOWN,
}

ROW_EVENTS: Final[dict[type, Event]] = {
    Message: Event.SHOWN,
    Edit: Event.EDITED,
    Recall: Event.RECALLED,
    Read: Event.READ,
}
"""What the durable row of each body is called in the history; the others concern nobody's eyes."""


def tell_record(node: DeviceNode, record: Any) -> None:  # noqa: ANN401 (any record)
    """A record is durable now."""
    tell = _RECORDS.get(type(record))
    if tell is not None:
        tell(node, record)


def tell_notice(node: DeviceNode, notice: Any) -> None:  # noqa: ANN401 (any notice)
    """The user is told something."""
    tell = _NOTICES.get(type(notice))
    if tell is not None:
        tell(node, notice)


def tell_end(node: DeviceNode) -> None:
    """A run ends: where the device stands, what it sent, and what its user reads of what was edited or recalled."""
    world = node.make.world
    ask_where(node, EVERYWHERE)
    tell_standing(node)
    world.fact(node, Event.SPENT, op=node.requests)
    tell_views(node, all_=True)


# ---------------------------------------------------------------------------------------------- records


def _row(node: DeviceNode, entry: Entry) -> None:
    node.make.world.record_row(node, entry)
    body = entry.body
    if type(body) is Read:
        ask_where(node, body.conversation)
    elif node.make.world.frames or type(body) is Recall:
        ask_where(node, entry.conversation, read=type(body) is Recall)


def _epoch(node: DeviceNode, record: Epoch) -> None:
    node.forget_pushes()
    ask_where(node, EVERYWHERE if record.conversation.startswith("~") else record.conversation)


def _queued(node: DeviceNode, record: Queued) -> None:
    node.make.world.users.submitted(record.client_id, getattr(record.body, "reply_to", None))
    if type(record.body) is Read:
        ask_where(node, record.body.conversation)


def _missing(node: DeviceNode, record: Missing) -> None:
    node.make.world.fact(node, Event.MISSING, conversation=record.conversation, seq=record.low, op=record.high)


def _resolved(node: DeviceNode, record: Resolved) -> None:
    _state(node, record.client_id, record.state, record.reason)


def _state(node: DeviceNode, client_id: str, state: SendState, reason: str) -> None:
    named = node.make.world.naming.of_id(client_id, "")
    node.make.world.fact_about(node, _STATES[state], named, named.epoch, named.seq, detail=reason)


_RECORDS: Final[dict[type, Callable[[DeviceNode, Any], None]]] = {
    Entry: _row,
    Epoch: _epoch,
    Queued: _queued,
    Resolved: _resolved,
    Missing: _missing,
}

# ---------------------------------------------------------------------------------------------- notices


def _send_changed(node: DeviceNode, notice: SendChanged) -> None:
    if not notice.state.final:
        _state(node, notice.client_id, notice.state, notice.reason)


def _gap(node: DeviceNode, notice: GapNoticed) -> None:
    node.make.world.fact(node, Event.GAP, conversation=notice.conversation, seq=notice.seq)


def _caught_up(node: DeviceNode, _notice: CaughtUp) -> None:
    node.make.world.fact(node, Event.CAUGHT_UP)


def _tail_lost(node: DeviceNode, notice: TailWasLost) -> None:
    named = node.make.world.naming.of_id(notice.client_id, notice.conversation)
    node.make.world.fact_about(node, Event.TAIL_LOST, named, 0, 0)


def _suppressed(node: DeviceNode, notice: Suppressed) -> None:
    named = node.make.world.naming.of_id(notice.client_id, notice.conversation)
    node.make.world.fact_about(node, Event.SUPPRESSED, named, 0, 0)


_NOTICES: Final[dict[type, Callable[[DeviceNode, Any], None]]] = {
    SendChanged: _send_changed,
    GapNoticed: _gap,
    CaughtUp: _caught_up,
    TailWasLost: _tail_lost,
    Suppressed: _suppressed,
}
