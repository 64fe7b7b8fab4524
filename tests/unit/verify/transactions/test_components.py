"""Components are those that networkx finds, and what is peeled off is in none."""

from __future__ import annotations

import networkx as nx
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from imsim.verify.transactions.components import adjacency, all_components, core, strong_components

NODES = 8
graphs = st.lists(st.tuples(st.integers(0, NODES - 1), st.integers(0, NODES - 1)), max_size=20)


def columns(edges):
    return tuple(np.array([edge[at] for edge in edges], dtype=np.int64) for at in (0, 1))


def reference(edges):
    graph = nx.DiGraph()
    graph.add_nodes_from(range(NODES))
    graph.add_edges_from(edges)
    return [frozenset(component) for component in nx.strongly_connected_components(graph)]


@given(graphs)
def test_components_are_found(edges):
    after = adjacency(NODES, *columns(edges))
    assert {frozenset(component) for component in all_components(range(NODES), after.__getitem__)} == set(
        reference(edges)
    )
    large = {frozenset(component) for component in strong_components(range(NODES), after.__getitem__)}
    assert large == {component for component in reference(edges) if len(component) > 1}


@given(graphs)
def test_whatever_one_leads_to_comes_before_it(edges):
    after = adjacency(NODES, *columns(edges))
    found = all_components(range(NODES), after.__getitem__)
    home = {node: at for at, component in enumerate(found) for node in component}
    assert all(home[target] <= home[source] for source, target in edges)


@given(graphs)
def test_what_is_peeled_off_is_in_no_component(edges):
    left = core(NODES, *columns(edges))
    inside = {node for component in reference(edges) if len(component) > 1 for node in component}
    assert inside <= set(np.flatnonzero(left).tolist())
    if not any(source == target for source, target in edges) and not inside:
        assert not left.any()


def test_a_long_way_is_no_reason_to_fail():
    count = 50_000
    ring = [(at + 1) % count for at in range(count)]
    (component,) = strong_components(range(count), lambda node: [ring[node]])
    assert len(component) == count
