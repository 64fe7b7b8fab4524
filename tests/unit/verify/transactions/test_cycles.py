"""The cycles of a component, against all simple cycles of small random graphs, enumerated by networkx."""

from __future__ import annotations

import itertools
import math

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imsim.verify.transactions.anomalies import Cycle, Level
from imsim.verify.transactions.components import strong_components
from imsim.verify.transactions.cycles import Link, rounds_of
from imsim.verify.transactions.edges import Edge

KINDS = (Edge.WW, Edge.WR, Edge.RW, Edge.PROCESS)
links = st.lists(
    st.builds(Link, st.integers(0, 4), st.integers(0, 4), st.sampled_from(KINDS), st.just(0)), max_size=14, unique=True
)


def components(given_links):
    """Each component's edges, by source."""
    after = {node: [link for link in given_links if link.source == node != link.target] for node in range(5)}
    for component in strong_components(after, lambda node: [link.target for link in after[node]]):
        inside = set(component)
        yield {node: [link for link in after[node] if link.target in inside] for node in component}


def kinds_of_cycles(local):
    """What all simple cycles of a component are, edge by edge."""
    graph = nx.DiGraph((link.source, link.target) for links_ in local.values() for link in links_)
    for cycle in nx.simple_cycles(graph):
        hops = itertools.pairwise([*cycle, cycle[0]])
        choices = [[link.kind for link in local[source] if link.target == target] for source, target in hops]
        yield from itertools.product(*choices)


def kind(edges):
    jumps = [edge is Edge.RW for edge in edges]
    if not any(jumps):
        return Cycle.G1C if Edge.WR in edges else Cycle.G0 if Edge.WW in edges else None
    if sum(jumps) == 1:
        return Cycle.G_SINGLE
    return (
        Cycle.G2 if any(one and other for one, other in itertools.pairwise([*jumps, jumps[0]])) else Cycle.G_NONADJACENT
    )


def with_order(edges):
    """A cycle of process edges alone cannot be: time has one direction."""
    return any(edge is not Edge.PROCESS for edge in edges)


@given(links)
def test_the_gravest_cycles_are_found_and_are_cycles(given_links):
    one_way = [link for link in given_links if link.kind is not Edge.PROCESS or link.source < link.target]
    for local in components(one_way):
        there = {kind(edges) for edges in kinds_of_cycles(local)}
        found = list(rounds_of(local, Level.PROCESS, (), math.inf))
        for each in found:
            assert all(link in local[link.source] for link in each.links)
            assert all(one.target == other.source for one, other in itertools.pairwise([*each.links, each.links[0]]))
            assert kind([link.kind for link in each.links]) is each.cycle
            assert each.level is (Level.PROCESS if Edge.PROCESS in {link.kind for link in each.links} else Level.PLAIN)
        names = {each.cycle for each in found}
        assert names & {Cycle.G0} == there & {Cycle.G0}
        if Cycle.G1C in there:
            assert Cycle.G1C in names
        jumping = there & {Cycle.G_SINGLE, Cycle.G_NONADJACENT, Cycle.G2}
        if jumping:
            assert min(names & {Cycle.G_SINGLE, Cycle.G_NONADJACENT, Cycle.G2}) <= min(jumping)


@pytest.mark.parametrize(
    ("known", "expected"),
    [((), ["G0", "G1C", "G_SINGLE"]), ((Cycle.G_SINGLE,), ["G0", "G1C"]), ((Cycle.G1C,), ["G0"]), ((Cycle.G0,), [])],
)
def test_what_a_graver_one_implies_is_not_searched(known, expected):
    rows = [(0, 1, Edge.WW), (1, 0, Edge.WW), (1, 0, Edge.WR), (0, 1, Edge.RW)]
    local = {
        node: [Link(source, target, word, 0) for source, target, word in rows if source == node] for node in (0, 1)
    }
    assert [each.cycle.name for each in rounds_of(local, Level.REALTIME, known, math.inf)] == expected


def test_a_round_leads_from_transaction_to_transaction_though_the_way_had_nodes_between():
    rows = [(0, 9, Edge.REALTIME), (9, 8, Edge.PASS), (8, 1, Edge.PASS), (1, 0, Edge.RW)]
    local = {
        node: [Link(source, target, word, 0) for source, target, word in rows if source == node]
        for node in (0, 1, 8, 9)
    }
    (found,) = rounds_of(local, Level.REALTIME, (), math.inf)
    assert found.links == (Link(1, 0, Edge.RW, 0), Link(0, 1, Edge.REALTIME, 0))
    assert (found.cycle, found.level) == (Cycle.G_SINGLE, Level.REALTIME)
