"""Capacity traces: the numbering of their opportunities, queues before them, and what is refused to be read."""

from __future__ import annotations

import pytest

from imsim.errors import ConfigError
from imsim.sim.trace import PACKET, Trace, TraceLine, TracePair


def test_opportunities_are_numbered_through_all_repetitions():
    trace = Trace([5, 10, 10])
    assert [trace.time(number) for number in range(7)] == [5, 10, 10, 15, 20, 20, 25]
    assert [trace.opportunity(time) for time in (0, 5, 5.001, 10, 10.5, 15, 20, 20.1)] == [0, 0, 1, 1, 3, 3, 4, 6]


def test_no_opportunity_comes_before_its_time_is_asked():
    trace = Trace([0, 3, 3, 8])
    for tenth in range(400):
        time = tenth / 10
        number = trace.opportunity(time)
        assert trace.time(number) >= time
        assert number == 0 or trace.time(number - 1) < time


def test_a_frame_waits_for_the_next_opportunity():
    line = TraceLine(Trace([10, 30]), 0.0, None)
    assert line.leave(0.0, PACKET) == 0.010
    assert line.leave(0.0, PACKET) == 0.030
    assert line.leave(0.0, PACKET) == 0.040


def test_small_frames_share_an_opportunity_and_large_ones_take_several():
    line = TraceLine(Trace([10, 20, 30]), 0.0, None)
    assert [line.leave(0.0, 500) for _ in range(4)] == [0.010, 0.010, 0.010, 0.020]
    assert line.leave(0.0, 2500) == 0.030


def test_an_opportunity_that_found_nothing_is_gone():
    line = TraceLine(Trace([10, 20, 30]), 0.0, None)
    assert line.leave(0.025, 100) == 0.030


def test_a_phase_moves_a_device_ahead_in_the_trace():
    assert TraceLine(Trace([10, 30]), 0.015, None).leave(0.0, 100) == pytest.approx(0.015)


def test_what_does_not_fit_is_refused_and_takes_no_capacity():
    line = TraceLine(Trace([10]), 0.0, 3000)
    assert line.leave(0.0, PACKET) == 0.010
    assert line.leave(0.0, PACKET) == 0.020
    assert line.leave(0.0, 1) is None
    assert line.leave(0.011, PACKET) == 0.030
    assert line.leave(10.0, 3001) is None


def test_what_is_left_of_an_opportunity_is_room():
    line = TraceLine(Trace([10]), 0.0, PACKET)
    assert [line.leave(0.0, size) for size in (500, 1000, 1)] == [0.010, 0.010, None]


@pytest.mark.parametrize("direction", ["up", "down"])
@pytest.mark.parametrize("name", ["Verizon-LTE-short", "ATT-LTE-driving-2016", "Verizon-EVDO-driving"])
def test_a_busy_link_carries_what_was_measured(shared_data, name, direction):
    trace = getattr(TracePair.read(shared_data / name), direction)
    lines = (shared_data / f"{name}.{direction}").read_text().split()
    assert trace.rate == pytest.approx(len(lines) * 1500 / (int(lines[-1]) / 1000))
    line = TraceLine(trace, 0.0, None)
    size = 1200
    last = [line.leave(0.0, size) for _ in range(len(lines))][-1]
    # everything waits from the beginning, so not a byte of capacity is lost
    needed = -(-len(lines) * size // PACKET)
    assert last == int(lines[needed - 1]) / 1000


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "at least one millisecond"),
        ("0\n0\n", "the last one above 0"),
        ("5\n3\n", "line 2: expected a millisecond >= 5"),
        ("5\nfast\n", "line 2: expected a whole number of milliseconds, got 'fast'"),
        ("5\n\n7\n", "line 2: expected a whole number"),
        ("-5\n", "line 1: expected a whole number"),
        ("1.5\n", "line 1: expected a whole number"),
        ("9" * 5000, "line 1: expected a whole number"),
        ("5\n99999999999999\n", "line 2: expected a whole number"),
    ],
)
def test_a_malformed_file_is_named_with_its_line(tmp_path, content, words):
    path = tmp_path / "bad.up"
    path.write_text(content)
    with pytest.raises(ConfigError) as caught:
        Trace.read(path)
    assert str(path) in str(caught.value)
    assert words in str(caught.value)


def test_bytes_that_are_no_text_are_an_error_of_the_file(tmp_path):
    path = tmp_path / "bad.down"
    path.write_bytes(b"1\n\xff\xfe\n")
    with pytest.raises(ConfigError, match="line 2"):
        Trace.read(path)


def test_a_missing_direction_is_named(tmp_path):
    (tmp_path / "half.up").write_text("1\n")
    with pytest.raises(ConfigError, match=r"half\.down: cannot be read: No such file"):
        TracePair.read(tmp_path / "half")
