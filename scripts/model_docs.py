"""Write docs/model.md, the reference of every key of a model, from the structs that define them."""  # noqa: INP001 (a script, no package)

from __future__ import annotations

from pathlib import Path

from imsim.scenario import reference

if __name__ == "__main__":
    target = Path(__file__).resolve().parent.parent / "docs" / "model.md"
    target.write_text(reference(), encoding="utf-8")
