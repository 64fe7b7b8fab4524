"""EDN: what is read, and what is refused with its line."""

from __future__ import annotations

import pytest

from imsim.errors import ConfigError
from imsim.verify.formats.edn import Form, forms


def values(text):
    return [form.value for form in forms(text)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("nil", None),
        ("true", True),
        ("-12", -12),
        ("7N", 7),
        ("1.5", 1.5),
        ("2e3", 2000.0),
        (r'"a\n\"b\" é"', 'a\n"b" é'),
        (":timed-out", "timed-out"),
        ("some/symbol", "some/symbol"),
        ("{:a 1, :b [2 (3)]}", {"a": 1, "b": (2, (3,))}),
        ("#{1 2}", frozenset((1, 2))),
    ],
)
def test_a_value_is_read(text, value):
    assert values(f"0 {text}") == [0, value]


def test_the_items_of_the_only_vector_are_the_values_with_their_lines():
    text = "; a comment\n[{:a 1}\n {:a\n  2}] ; the end\n"
    assert list(forms(text)) == [Form({"a": 1}, 2), Form({"a": 2}, 3)]
    assert values("({:a 1} {:a 2})") == values("{:a 1}\n{:a 2}") == [{"a": 1}, {"a": 2}]
    assert values("[] []") == [(), ()]
    assert values("") == values("[]") == []


def test_depth_is_no_reason_to_fail():
    (value,) = values("[" * 5000 + "]" * 5000)
    assert isinstance(value, tuple)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{:a 1}\n{:a", r"line 2: \{ is never closed: the file is cut off"),
        ("{:a 1]", r"line 1: expected \}, got \]"),
        ("1\n)", r"line 2: nothing is open for \)"),
        ("{:a}", "line 1: a map with a key and no value"),
        ("#{{:a 1}}", "line 1: a map as a key, or in a set, is not read"),
        ('\n"abc', "line 2: expected EDN, got '\"abc'"),
        ("#inst 5", "line 1: #inst: tagged and discarded values are not read"),
        ("12x", "line 1: 12x: expected a number"),
    ],
)
def test_what_is_no_edn_is_refused_with_its_line(text, says):
    with pytest.raises(ConfigError, match=f"^{says}"):
        values(text)
