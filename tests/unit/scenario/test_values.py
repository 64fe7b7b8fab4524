"""Durations, and distributions drawn by their inverse."""

from __future__ import annotations

import statistics

import pytest

from imsim.errors import ConfigError
from imsim.scenario.values import Delay, Shape, Sizes, parse_duration, seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30.0), ("500ms", 0.5), ("5m", 300.0), ("8h", 28800.0), ("2d", 172800.0), ("1.5 s", 1.5)],
)
def test_durations_have_units(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "s", "-5s", "5 parsecs", "1h30m", "nan"])
def test_other_text_is_no_duration(text: str) -> None:
    assert parse_duration(text) is None


@pytest.mark.parametrize(("given", "seconds"), [("1.5 m", 90.0), ("60", 60.0), (0.25, 0.25), (7, 7.0)])
def test_what_a_person_gives_is_a_number_or_a_text(given: float | str, seconds: float) -> None:
    assert seconds_of("--budget", given) == seconds


@pytest.mark.parametrize("given", ["soon", "", "0s", "0", "-5", 0, -1.0, float("nan"), float("inf")])
def test_what_does_not_last_is_no_duration(given: float | str) -> None:
    with pytest.raises(ConfigError, match=rf"^--budget {given}: expected a duration such as 60s or 5m$"):
        seconds_of("--budget", given)


@pytest.mark.parametrize("shape", list(Shape))
def test_every_shape_has_the_mean_that_it_was_given(shape: Shape) -> None:
    delay = Delay(distribution=shape, mean=2.0, offset=0.5, sigma=0.5, shape=3.0)
    draws = [delay.quantile((index + 0.5) / 20_000) for index in range(20_000)]
    assert statistics.fmean(draws) == pytest.approx(2.5, rel=0.02)
    assert draws == sorted(draws)


@pytest.mark.parametrize("shape", list(Shape))
def test_the_ends_of_the_unit_interval_are_drawn_too(shape: Shape) -> None:
    delay = Delay(distribution=shape, mean=1.0)
    assert 0.0 <= delay.quantile(0.0) <= delay.quantile(1.0 - 2.0**-53) < float("inf")


def test_sizes_are_whole_bytes_within_bounds() -> None:
    sizes = Sizes(distribution=Shape.PARETO, mean=100, shape=1.1, most=500)
    drawn = [sizes.quantile(index / 1000) for index in range(1000)]
    assert min(drawn) >= 1
    assert max(drawn) == 500
