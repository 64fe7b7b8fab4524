"""Judging files: what the page about it says is what there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from imsim.verify.files import check_file
from imsim.verify.formats.read import Format
from imsim.verify.linear.models import MODELS
from imsim.verify.transactions.anomalies import MESSAGING

PAGE = Path(__file__).resolve().parents[3] / "docs" / "verify.md"


@pytest.mark.parametrize("word", [*(each.value for each in Format), *MODELS, *MESSAGING])
def test_the_page_has_every_format_model_and_anomaly(word):
    assert f"`{word}`" in PAGE.read_text(encoding="utf-8")


def test_the_page_has_every_operation_of_every_model():
    rows = {row.split("`")[1]: row for row in PAGE.read_text(encoding="utf-8").splitlines() if row.startswith("| `")}
    for name, model in MODELS.items():
        inherited = rows["register"] if name == "cas-register" else ""
        assert [word for word in model.functions if f"`{word}`" not in rows[name] + inherited] == []


def test_a_finding_says_how_long_it_took_and_as_what_it_was_read(tmp_path):
    path = tmp_path / "h"
    path.write_text("INFO  jepsen.util - 0 :invoke :write 1\n", encoding="utf-8")
    found = check_file(path)
    assert (found.file, found.format, found.model, found.operations) == (str(path), "jepsen-log", "cas-register", 1)
    assert found.seconds > 0
