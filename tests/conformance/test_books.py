"""What is promised is written where people read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from imsim import testing

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")
BOOKS = [name for name in testing.__all__ if name.isupper()]


@pytest.mark.parametrize("name", BOOKS)
def test_every_promise_is_on_the_page(name):
    sentences = getattr(testing, name).sentences.values()
    assert [sentence for sentence in sentences if f"- {sentence}\n" not in PAGE] == []
    assert f"check_{name.lower()}(" in PAGE
    assert f"`{name}`" in PAGE or f"`imsim.testing.{name}`" in PAGE
