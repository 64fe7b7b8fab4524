"""The figures as text."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from imsim.history.counters import Counters
from imsim.study.metrics import Quantiles, measure
from imsim.study.table import _figure, figures, html, plain
from imsim.verify.evidence import Evidence


@pytest.fixture
def rows(chat):
    history = chat.send("alice/phone", "alice-1", 2).show("alice-1", 2).end()
    return figures(SimpleNamespace(metrics=measure(Evidence(history), Counters(events=1234))))


def test_every_figure_has_a_label_and_a_value(rows):
    shown = dict(rows)

    assert shown["messages"] == "1"
    assert shown["deliveries"] == "3 of 3"
    assert shown["latency p50 / p95 / p99, ms"] == "5,500 / 5,950 / 5,990"
    assert shown["events"] == "1,234"


def test_what_was_not_counted_is_a_dash(rows):
    shown = dict(rows)

    assert shown["bytes a device"] == shown["longest server queue"] == "–"
    assert shown["offline catch-up p50 / p95 / p99, s"] == "– / – / –"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0"),
        (0.0123456, "0.0123"),
        (12.3456, "12.3"),
        (99.96, "100"),
        (123_456.7, "123,457"),
        (2e-5, "0.000020"),
    ],
)
def test_figures_have_three_digits_and_no_exponent(value, text):
    assert _figure(value) == text


def test_plain_text_is_aligned():
    assert plain((("a", "1"), ("longer", "1,000"))) == "a           1\nlonger  1,000"


def test_html_is_escaped():
    assert html((("<a>", "1 & 2"),)) == "<table><tbody><tr><th>&lt;a&gt;</th><td>1 &amp; 2</td></tr></tbody></table>"


def test_nothing_to_spread_is_three_dashes():
    assert Quantiles() == Quantiles(p50=None, p95=None, p99=None)
