"""The quantities that a model is written in: bounded numbers, durations, and distributions.

A number in a model has a unit and a range, and both belong to its type, so that the loader, the JSON Schema and the
reference can all read them from one place. Times are seconds as float; files may write them as `"30s"`, `"500ms"`,
`"5m"`, `"8h"` or `"2d"`, and what a program sees is always seconds. Ranges are wide but not open: a thousand years or a
million servers is a slip of the hand.

A distribution is drawn by its inverse: one uniform number gives one value, so that one keyed draw decides it, whatever
the shape. Where that number comes from is not known here.
"""

from __future__ import annotations

import enum
import math
import re
from statistics import NormalDist
from typing import Annotated, ClassVar, Final

import msgspec
from msgspec import Meta

from imsim.errors import ConfigError

__all__ = [
    "ByteRate",
    "Bytes",
    "Count",
    "Delay",
    "Name",
    "PerDay",
    "PerHour",
    "Seconds",
    "Section",
    "Shape",
    "Share",
    "Sizes",
    "Weight",
    "parse_duration",
    "seconds_of",
]

DAY: Final = 86400.0

Seconds = Annotated[float, Meta(ge=0, le=3660 * DAY, extra={"unit": "seconds"})]
Share = Annotated[float, Meta(ge=0, le=1, extra={"unit": "share"})]
Weight = Annotated[float, Meta(ge=0, le=1e6, extra={"unit": "weight"})]
Count = Annotated[int, Meta(ge=1, le=10_000_000)]
Bytes = Annotated[int, Meta(ge=1, le=1 << 40, extra={"unit": "bytes"})]
ByteRate = Annotated[float, Meta(ge=1, le=1e12, extra={"unit": "bytes/s"})]
PerHour = Annotated[float, Meta(ge=0, le=1e6, extra={"unit": "per hour"})]
PerDay = Annotated[float, Meta(ge=0, le=1e5, extra={"unit": "per day"})]
Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_.+-]+$")]

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": DAY}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_NORMAL: Final = NormalDist()
_SMALLEST: Final = 2.0**-64
"""Stands for a draw of exactly 0 where an inverse has no value there."""


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of a model; every key is known, or it is an error.

    `shorthand` names the key that a bare value stands for, as in `latency = "20ms"`.
    """

    shorthand: ClassVar[str] = ""


def parse_duration(text: str) -> float | None:
    """The seconds of `"30s"`, `"500ms"`, `"5m"`, `"8h"` or `"2d"`; None where it is no duration."""
    found = _DURATION.fullmatch(text.strip())
    return None if found is None else float(found[1]) * _UNITS[found[2]]


def seconds_of(name: str, given: float | str) -> float:
    """The seconds of what somebody gave under a name: a number, or a text such as `"60s"`.

    Raises:
        ConfigError: it is no duration, or none that lasts.
    """
    text = str(given)
    seconds = float(given) if not isinstance(given, str) or text.isdecimal() else parse_duration(text)
    if seconds is None or not 0.0 < seconds < math.inf:
        raise ConfigError(f"{name} {text}: expected a duration such as 60s or 5m")
    return seconds


class Shape(enum.StrEnum):
    """The families of distributions."""

    CONSTANT = "constant"
    UNIFORM = "uniform"
    EXPONENTIAL = "exponential"
    LOGNORMAL = "lognormal"
    PARETO = "pareto"


class _Distribution(Section, frozen=True, kw_only=True):
    """How values spread around a mean; subclasses bring the mean and its unit."""

    shorthand: ClassVar[str] = "mean"

    distribution: Annotated[
        Shape, Meta(description="constant, uniform (0 to twice the mean), exponential, lognormal or pareto.")
    ] = Shape.CONSTANT
    sigma: Annotated[
        Annotated[float, Meta(ge=0, le=5)], Meta(description="Spread of a lognormal: deviation of the logarithm.")
    ] = 1.0
    shape: Annotated[
        Annotated[float, Meta(gt=1, le=100)], Meta(description="Tail of a pareto: the smaller, the heavier.")
    ] = 2.5

    def _stretch(self, uniform: float, mean: float) -> float:
        if self.distribution is Shape.CONSTANT or mean == 0.0:
            return mean
        if self.distribution is Shape.UNIFORM:
            return 2.0 * mean * uniform
        if self.distribution is Shape.EXPONENTIAL:
            return -mean * math.log1p(-uniform)
        if self.distribution is Shape.LOGNORMAL:
            normal = _NORMAL.inv_cdf(max(uniform, _SMALLEST))
            return mean * math.exp(self.sigma * (normal - 0.5 * self.sigma))
        least = mean * (self.shape - 1.0) / self.shape
        return float(least * (1.0 - uniform) ** (-1.0 / self.shape))


class Delay(_Distribution, frozen=True, kw_only=True):
    """A random duration: `offset` plus a draw with the given mean."""

    mean: Annotated[Seconds, Meta(description="Mean of what is drawn on top of the offset.")] = 0.0
    offset: Annotated[Seconds, Meta(description="Added to every draw.")] = 0.0

    def quantile(self, uniform: float) -> float:
        """The duration in seconds for a uniform number in [0, 1)."""
        return self.offset + self._stretch(uniform, self.mean)


class Sizes(_Distribution, frozen=True, kw_only=True):
    """A random number of bytes, at least 1."""

    mean: Annotated[Bytes, Meta(description="Mean size.")] = 120
    most: Annotated[Bytes, Meta(description="No draw is larger than this.")] = 65536

    def quantile(self, uniform: float) -> int:
        """The size in bytes for a uniform number in [0, 1)."""
        return max(1, min(self.most, round(self._stretch(uniform, float(self.mean)))))
