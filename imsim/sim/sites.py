"""The way behind the access links: a graph of sites, and the route between each two of them.

A site is a place where devices and servers stand: an office, a city, a data centre. Devices are no nodes of the graph
(a networkx node costs 0.6 KB); they name their site by its index. A route is the shortest path by mean latency; it is
found once and then shared, and it does not change: a partition cuts routes, it does not bend them.

What does not belong here: access links (link.py), and which routes are cut (partition.py).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

import networkx as nx

from imsim.errors import ConfigError, nearest
from imsim.scenario.values import Delay, Shape

if TYPE_CHECKING:
    from imsim.scenario.network import Network as NetworkModel

__all__ = ["ONLY_SITE", "Route", "Sites"]

ONLY_SITE: Final = "everywhere"
"""The name of the site of a model that names none."""


class Route:
    """One way through the graph, the same in both directions.

    Attributes:
        stops: the sites on it, in order.
        latency: the seconds that every frame takes.
        delays: what varies from frame to frame, one an edge that varies.
        loss: the share of frames lost on it.
    """

    __slots__ = ("delays", "latency", "loss", "places", "stops")

    def __init__(self, stops: tuple[str, ...], delays: list[Delay], loss: float) -> None:
        constant = [delay for delay in delays if delay.distribution is Shape.CONSTANT]
        self.stops = stops
        self.places = {name: place for place, name in enumerate(stops)}
        self.delays = tuple(delay for delay in delays if delay.distribution is not Shape.CONSTANT)
        self.latency = sum(delay.offset + delay.mean for delay in constant)
        self.loss = loss


class Sites:
    """The graph of sites.

    Args:
        graph: its nodes are the sites' names, in an order that gives the indices. An edge has a `latency`, in seconds
            or as a `Delay`, and may have a `jitter` (up to so many seconds on top, evenly) and a `loss` (a share).

    Attributes:
        names: the sites by their index.

    Raises:
        ConfigError: there is no site, or an edge's attribute is missing or out of range.

    Example:
        >>> graph = nx.Graph()
        >>> graph.add_edge("berlin", "paris", latency=0.012)
        >>> Sites(graph).route(0, 1).latency
        0.012
    """

    __slots__ = ("_graph", "_routes", "names")

    def __init__(self, graph: nx.Graph[str]) -> None:
        if not graph:
            raise ConfigError("sites: expected at least one site, got none")
        self.names = tuple(graph)
        self._routes: dict[tuple[int, int], Route] = {}
        self._graph: nx.Graph[str] = nx.Graph()
        self._graph.add_nodes_from(self.names)
        for a, b, attributes in graph.edges(data=True):
            delays, loss = _edge(f"the edge between {a} and {b}", attributes)
            mean = sum(delay.offset + delay.mean for delay in delays)
            self._graph.add_edge(a, b, delays=delays, loss=loss, mean=mean)

    @staticmethod
    def from_model(model: NetworkModel) -> Sites:
        """The sites of a scenario; one, if it names none.

        Raises:
            ConfigError: an edge names a site that does not exist.
        """
        graph: nx.Graph[str] = nx.Graph()
        graph.add_nodes_from(model.sites or (ONLY_SITE,))
        for link in model.links:
            for name in link.between:
                if name not in graph:
                    raise _unknown(name, tuple(graph))
            graph.add_edge(*link.between, latency=link.latency, loss=link.loss)
        return Sites(graph)

    def index(self, name: str) -> int:
        """The index of a site.

        Raises:
            ConfigError: there is none of this name.
        """
        try:
            return self.names.index(name)
        except ValueError:
            raise _unknown(name, self.names) from None

    def route(self, a: int, b: int) -> Route:
        """The route from site `a` to site `b`, by their indices.

        Raises:
            ConfigError: no way leads from one to the other.
        """
        route = self._routes.get((a, b))
        if route is None:
            route = self._routes[a, b] = self._find(self.names[a], self.names[b])
        return route

    def _find(self, a: str, b: str) -> Route:
        try:
            stops = nx.shortest_path(self._graph, a, b, weight="mean")
        except nx.NetworkXNoPath:
            raise ConfigError(f"sites: no way leads from {a} to {b}") from None
        delays: list[Delay] = []
        passes = 1.0
        for edge in pairwise(stops):
            attributes = self._graph.edges[edge]
            delays += attributes["delays"]
            passes *= 1.0 - attributes["loss"]
        return Route(tuple(stops), delays, 1.0 - passes)


def _edge(where: str, attributes: dict[str, object]) -> tuple[list[Delay], float]:
    latency = attributes.get("latency")
    if not isinstance(latency, Delay):
        latency = Delay(offset=_number(f"{where}: latency", latency))
    jitter = _number(f"{where}: jitter", attributes.get("jitter", 0.0))
    loss = _number(f"{where}: loss", attributes.get("loss", 0.0))
    if loss > 1.0:
        raise ConfigError(f"{where}: loss: expected a share from 0 to 1, got {loss}")
    sway = [Delay(distribution=Shape.UNIFORM, mean=0.5 * jitter)] if jitter else []
    return [latency, *sway], loss


def _number(where: str, value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0.0 <= value < float("inf"):
        return float(value)
    raise ConfigError(f"{where}: expected a number >= 0, got {value!r}")


def _unknown(name: str, names: tuple[str, ...]) -> ConfigError:
    return ConfigError(f"sites: expected one of {', '.join(names)}, got {name!r}{nearest(name, names)}")
