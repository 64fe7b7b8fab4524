"""Whatever facts a history holds, a file of either format gives back the same rows, names and digest."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from imsim.history import Event, History, Level, Writer
from imsim.history.schema import WIDEST

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
TIMES = st.floats(min_value=0, allow_nan=False, allow_infinity=False)
FACTS = st.fixed_dictionaries(
    {"t": TIMES, "node": NAMES, "event": st.sampled_from(Event)},
    optional={
        **{column: st.integers(0, widest) for column, widest in WIDEST.items()},
        **dict.fromkeys(("conversation", "message", "detail"), NAMES),
    },
)


@settings(deadline=None, max_examples=60)
@given(
    facts=st.lists(FACTS, max_size=12),
    level=st.sampled_from(Level),
    spill_bytes=st.sampled_from([0, 100, 10**6]),
    suffix=st.sampled_from([".jsonl", ".parquet"]),
)
def test_a_file_gives_back_the_same_history(
    facts: list[dict[str, object]], level: Level, spill_bytes: int, suffix: str
) -> None:
    writer = Writer(level, spill_bytes=spill_bytes)
    for fact in facts:
        writer.fact(**fact)  # type: ignore[arg-type]
    history = writer.finish()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"run{suffix}"
        history.write(path)
        back = History.read(path)
    assert b"".join(back.raw_chunks()) == b"".join(history.raw_chunks())
    assert back.sha256 == history.sha256
    assert back.level is history.level
    for table in ("nodes", "conversations", "messages", "details"):
        assert getattr(back, table).names == getattr(history, table).names
    assert back.filter() == history.filter()
