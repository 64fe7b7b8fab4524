"""The graph of sites: routes, what they add up, and what is refused."""

from __future__ import annotations

import networkx as nx
import pytest

from imsim.errors import ConfigError
from imsim.scenario.network import Network, SiteLink
from imsim.scenario.values import Delay, Shape
from imsim.sim.sites import ONLY_SITE, Sites


def triangle() -> Sites:
    graph: nx.Graph[str] = nx.Graph()
    graph.add_edge("a", "b", latency=0.010, loss=0.1)
    graph.add_edge("b", "c", latency=Delay(distribution=Shape.EXPONENTIAL, mean=0.005, offset=0.005), loss=0.5)
    graph.add_edge("a", "c", latency=0.050, jitter=0.002)
    graph.add_node("island")
    return Sites(graph)


def test_a_route_is_the_shortest_path_and_adds_up():
    sites = triangle()
    route = sites.route(0, 2)
    assert route.stops == ("a", "b", "c")
    assert route.latency == 0.010
    assert [delay.mean for delay in route.delays] == [0.005]
    assert route.loss == pytest.approx(1 - 0.9 * 0.5)
    assert sites.route(0, 2) is route


def test_a_site_is_at_home_with_itself():
    route = triangle().route(1, 1)
    assert (route.stops, route.latency, route.delays, route.loss) == (("b",), 0.0, (), 0.0)


def test_jitter_is_spread_evenly_on_top():
    graph: nx.Graph[str] = nx.Graph()
    graph.add_edge("a", "b", latency=0.050, jitter=0.002)
    route = Sites(graph).route(0, 1)
    assert route.latency == 0.050
    assert [delay.quantile(0.5) for delay in route.delays] == [0.001]


def test_no_way_is_an_error():
    with pytest.raises(ConfigError, match="no way leads from a to island"):
        triangle().route(0, 3)


def test_an_unknown_site_is_named_with_the_nearest():
    with pytest.raises(ConfigError, match=r"got 'islnd' \(did you mean 'island'\?\)"):
        triangle().index("islnd")


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({}, "latency: expected a number >= 0, got None"),
        ({"latency": -1}, "latency: expected a number >= 0"),
        ({"latency": float("nan")}, "latency: expected a number >= 0"),
        ({"latency": True}, "latency: expected a number >= 0"),
        ({"latency": 1, "jitter": "x"}, "jitter: expected a number >= 0, got 'x'"),
        ({"latency": 1, "loss": 1.1}, "loss: expected a share"),
    ],
)
def test_an_edge_is_checked(attributes, words):
    graph: nx.Graph[str] = nx.Graph()
    graph.add_edge("a", "b", **attributes)
    with pytest.raises(ConfigError, match=f"the edge between a and b: {words}"):
        Sites(graph)


def test_a_graph_has_a_site():
    with pytest.raises(ConfigError, match="at least one site"):
        Sites(nx.Graph())


def test_a_model_without_sites_has_one():
    assert Sites.from_model(Network()).names == (ONLY_SITE,)


def test_the_sites_of_a_model():
    link = SiteLink(between=("paris", "berlin"), latency=Delay(mean=0.012), loss=0.01)
    sites = Sites.from_model(Network(sites=("berlin", "paris"), links=(link,)))
    assert sites.names == ("berlin", "paris")
    assert sites.route(0, 1).latency == 0.012
    assert sites.route(0, 1).loss == pytest.approx(0.01)


def test_a_link_of_a_model_joins_known_sites():
    link = SiteLink(between=("paris", "berlni"))
    with pytest.raises(ConfigError, match="did you mean 'berlin'"):
        Sites.from_model(Network(sites=("berlin", "paris"), links=(link,)))
