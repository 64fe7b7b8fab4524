"""Diagrams of runs on bad networks: no frame is forgotten, no arrow goes back in time, no line is too wide."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from imsim import load, simulate
from imsim.history import Event, Level
from imsim.study.diagram import diagram
from imsim.study.diagram.flights import flights

shares = st.sampled_from([0.0, 0.1, 0.4])


@st.composite
def histories(draw: st.DrawFn) -> Any:
    """A run of the smallest model over a network that loses, doubles, holds back and cuts."""
    changes = [
        f"network.kind={draw(st.sampled_from(['stream', 'datagram']))}",
        f"network.loss={draw(shares)}",
        f"faults.random.cut={draw(st.sampled_from([0, 200]))}",
        f"faults.random.crash={draw(st.sampled_from([0, 60]))}",
    ]
    if "datagram" in changes[0]:
        changes += [f"network.duplicate={draw(shares)}", f"network.reorder={draw(shares)}", "network.reorder_delay=1s"]
    seed = draw(st.integers(0, 1000))
    return simulate(load("tiny", changes), seed=seed, level=Level.FRAMES).history


@settings(max_examples=25)
@given(history=histories())
def test_every_frame_is_sent_once_and_every_arrival_belongs_to_one_frame(history: Any) -> None:
    found = flights(history)
    rows = list(history.rows())

    def places(event: Event) -> list[int]:
        return [place for place, row in enumerate(rows) if row[3] == event]

    assert sorted(flight.sent for flight in found if flight.sent is not None) == places(Event.SENT)
    assert all(flight.sent is not None for flight in found)
    assert sorted(place for flight in found for place in flight.arrivals) == places(Event.RECEIVED)
    assert all(flight.sent < place for flight in found for place in flight.places[1:])
    assert all(bool(flight.arrivals) is (flight.fate is None) for flight in found)
    doubled = Counter(rows[place][6] for place in places(Event.DUPLICATED))
    assert all(doubled[flight.message] for flight in found if len(flight.arrivals) > 1)


@settings(max_examples=15)
@given(history=histories(), width=st.sampled_from([80, 120]), ascii_only=st.booleans())
def test_a_drawing_of_everything_is_in_order_complete_and_fits(history: Any, width: int, ascii_only: bool) -> None:
    drawn = diagram(history, everything=True)
    layout = drawn.layout

    assert layout.left_out == 0
    assert [moment.t for moment in layout.moments] == sorted(moment.t for moment in layout.moments)
    arriving = [number for number, moment in enumerate(layout.moments) if moment.arrival is not None]
    assert arriving == sorted(arrow.end for arrow in layout.arrows if arrow.end is not None)
    assert all(arrow.start < arrow.end for arrow in layout.arrows if arrow.start is not None and arrow.end is not None)
    leaving = Counter(number for moment in layout.moments for number in moment.departures)
    assert set(leaving.values()) <= {1}
    assert {number for number, arrow in enumerate(layout.arrows) if not arrow.copy} == leaving.keys()
    lines = drawn.text(width=width, ascii_only=ascii_only).splitlines()
    assert max(map(cell_len, lines)) <= width
    if not ascii_only:
        assert sum("✗" in line for line in lines) == sum(arrow.fate is not None for arrow in layout.arrows)
