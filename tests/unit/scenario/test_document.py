"""The reference and the JSON Schema are what the structs say."""

from __future__ import annotations

import json
from pathlib import Path

from imsim.scenario import reference, schema
from imsim.scenario.check import known_keys
from imsim.scenario.document import _STRUCTS

ROOT = Path(__file__).parents[3]


def test_the_committed_reference_is_the_generated_one() -> None:
    assert (ROOT / "docs" / "model.md").read_text(encoding="utf-8") == reference(), "run python scripts/model_docs.py"


def test_every_key_has_a_meaning() -> None:
    for name, struct in _STRUCTS.items():
        for key, field in known_keys(struct).items():
            described = getattr(field.type, "extra_json_schema", None) or {}
            assert described.get("description"), f"{name}.{key}"


def test_the_schema_is_json_and_knows_what_files_may_write() -> None:
    found = json.loads(json.dumps(schema()))
    parts = found["$defs"]
    assert "loss" in parts["Network"]["properties"], "keys of a profile may stand in the network section"
    assert "preset" in parts["Scenario"]["properties"]
    duration = json.dumps(parts["Scenario"]["properties"]["duration"])
    assert '"none"' in duration
    assert "ms|s|m|h|d" in duration
    assert '"null"' not in json.dumps(found)
    assert {"anyOf"} == set(parts["Delay"])
