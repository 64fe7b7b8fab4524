"""What is cut or held between whom: the state behind the verbs `partition`, `heal`, `hold` and `release`.

A barrier stands between two parties, `a` and `b`; a party is a site by its name, a device's endpoint, or a server.
What passes `a` first and `b` later on its way does not get through, the other way round neither unless the barrier is
one way. Sites on the way count, not only its ends. Routes are not bent: a cut edge of the graph has no detour.

    cut     a datagram is lost; a stream tries again and again, and gets through after the heal
    hold    both stand still where they are, and go on with the release

What does not belong here: what is under way, and what happens to it (network.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing import TypeAlias

    from imsim.sim.connection import Connection, Endpoint, Host
    from imsim.sim.sites import Route

    Party: TypeAlias = str | Endpoint | Host

__all__ = ["Barrier"]

_NOWHERE: Final = -2
_FIRST: Final = -1


class Barrier:
    """One cut or hold; also the handle by which it is taken away again.

    Attributes:
        a, b: what it stands between.
        one_way: only the way from `a` to `b` is barred.
    """

    __slots__ = ("a", "b", "one_way")

    def __init__(self, a: Party, b: Party, *, one_way: bool) -> None:
        self.a = a
        self.b = b
        self.one_way = one_way

    def bars(self, connection: Connection, *, down: bool) -> bool:
        """Whether it is in the way of what travels on a connection, down to the device or up from it."""
        a, b = (self.b, self.a) if down else (self.a, self.b)
        return self._between(a, b, connection.device, connection.server, connection.path.route)

    def divides(self, start: Host, end: Host, route: Route) -> bool:
        """Whether it is in the way from one server to another, over `route`."""
        return self._between(self.a, self.b, start, end, route)

    def _between(self, a: Party, b: Party, start: object, end: object, route: Route) -> bool:
        first, second = _place(a, start, end, route), _place(b, start, end, route)
        if _NOWHERE in (first, second) or first == second:
            return False
        return first < second or not self.one_way


def _place(party: Party, start: object, end: object, route: Route) -> int:
    """Where a party stands on the way from `start` to `end`."""
    if isinstance(party, str):
        return route.places.get(party, _NOWHERE)
    if party is start:
        return _FIRST
    return len(route.places) if party is end else _NOWHERE
