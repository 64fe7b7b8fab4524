"""Calls from one server to another: over the network, to whoever is there when the request arrives.

A request that arrives finds either a living incarnation, whose handler then runs as a task of *its* runtime, or nobody.
Nobody answers too: a machine without the process refuses the connection, which is how `Unavailable` comes to mean
"not done". If the incarnation dies while it works, or the way back is cut, no answer ever comes, and the caller's
time-out is all it learns.

What a handler raises as `Unavailable` or `Timeout` reaches the caller as that. Anything else is a bug there, and stops
the world.

What does not belong here: what is asked (protocol/server/), and how long a way takes (network.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imsim.errors import Unavailable, WorldError
from imsim.sim.backends.line import Pending

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from imsim.ports import Value
    from imsim.sim.backends.line import Line
    from imsim.sim.runtime import SimRuntime

    Handler = Callable[[Value], Coroutine[Any, Any, Value]]

__all__ = ["ServedPeers", "Switchboard"]


class Switchboard:
    """Who can be reached, by node.

    Args:
        route: seconds from one node to another, asked when a way begins; None where nothing passes.
    """

    __slots__ = ("_handlers", "route")

    def __init__(self, route: Callable[[str, str], float | None] | None = None) -> None:
        self.route = route
        self._handlers: dict[str, tuple[SimRuntime, Handler]] = {}

    def serve(self, runtime: SimRuntime, handler: Handler) -> None:
        """Let `handler` answer what arrives for this incarnation's node, instead of whoever did before."""
        self._handlers[runtime.node] = (runtime, handler)

    def ask(self, node: str, request: Value) -> Pending:
        """Hand a request to whoever is there.

        Raises:
            Unavailable: nobody is.
        """
        runtime, handler = self._handlers.get(node, (None, None))
        if runtime is None or handler is None or not runtime.incarnation.alive:
            raise Unavailable(f"{node} is not there")
        pending = Pending()
        runtime.spawn(_handle(handler, request, pending))
        return pending


class ServedPeers:
    """One server's port to its peers (`Peers`).

    Args:
        board: who can be reached.
        line: the way of this incarnation.
        subject_of: what a request is about, for the key of the call.
    """

    __slots__ = ("_ask", "_board", "_subject_of", "node")

    def __init__(self, board: Switchboard, line: Line, *, subject_of: Callable[[Value], str]) -> None:
        self.node = line.runtime.node
        self._board = board
        self._ask = line.ask
        self._subject_of = subject_of

    async def call(self, node: str, request: Value, *, timeout: float) -> Value:
        """Ask `node`."""
        way = self._board.route
        route = None if way is None else lambda back: way(node, self.node) if back else way(self.node, node)
        subject = self._subject_of(request)
        return await self._ask("call", subject, timeout, lambda: self._board.ask(node, request), route=route)


async def _handle(handler: Handler, request: Value, pending: Pending) -> None:
    try:
        value = await handler(request)
    except WorldError as error:
        pending.fail(error)
    else:
        pending.answer(value)
