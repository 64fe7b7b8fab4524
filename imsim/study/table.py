"""The figures of a run as rows of text: the command line, a report and a notebook lay out the same ones.

What does not belong here: what is measured (metrics.py), colour and boxes (the command line).
"""

from __future__ import annotations

import html as escaping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imsim.study.metrics import Metrics, Quantiles
    from imsim.study.run import Run

__all__ = ["figures", "html", "plain"]

_NOTHING: Final = "–"


def figures(run: Run) -> tuple[tuple[str, str], ...]:
    """Pairs of a label, with its unit, and a value; what was not counted is a dash."""
    return tuple((label, show(run.metrics)) for label, show in _FIGURES)


def plain(rows: Sequence[tuple[str, str]]) -> str:
    """The pairs as lines of text, values aligned at the right."""
    left = max(len(label) for label, _ in rows)
    right = max(len(value) for _, value in rows)
    return "\n".join(f"{label:<{left}}  {value:>{right}}" for label, value in rows)


def html(rows: Sequence[tuple[str, str]]) -> str:
    """The pairs as an HTML table."""
    body = "".join(
        f"<tr><th>{escaping.escape(label)}</th><td>{escaping.escape(value)}</td></tr>" for label, value in rows
    )
    return f"<table><tbody>{body}</tbody></table>"


def _count(value: int | None) -> str:
    return _NOTHING if value is None else f"{value:,}"


def _figure(value: float | None) -> str:
    """Three digits that matter, and never a power of ten."""
    if value is None:
        return _NOTHING
    if abs(value) >= 100:  # noqa: PLR2004 (three digits)
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 or not value else f"{value:.6f}"  # noqa: PLR2004


def _spread(spread: Quantiles) -> str:
    return " / ".join(map(_figure, (spread.p50, spread.p95, spread.p99)))


def _missing(figures_: Metrics) -> str:
    return f"{figures_.lost:,} / {figures_.trimmed:,}"


_FIGURES: Final[tuple[tuple[str, Callable[[Metrics], str]], ...]] = (
    ("messages", lambda of: _count(of.messages)),
    ("deliveries", lambda of: f"{of.deliveries:,} of {of.expected:,}"),
    ("lost / trimmed", _missing),
    ("latency p50 / p95 / p99, ms", lambda of: _spread(of.latency_ms)),
    ("offline catch-up p50 / p95 / p99, s", lambda of: _spread(of.catch_up_s)),
    ("retries", lambda of: _count(of.retries)),
    ("duplicates suppressed", lambda of: _count(of.duplicates_suppressed)),
    ("duplicates shown", lambda of: _count(of.duplicates_shown)),
    ("requests a device", lambda of: _figure(of.requests_per_device)),
    ("bytes a device", lambda of: _figure(of.bytes_per_device)),
    ("wake-ups a device and day", lambda of: _figure(of.wakes_per_device_day)),
    ("energy a device and day, J", lambda of: _figure(of.joules_per_device_day)),
    ("longest server queue", lambda of: _count(of.queue_depth)),
    ("events", lambda of: _count(of.events)),
)
