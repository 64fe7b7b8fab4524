"""The install value beside a database."""

from __future__ import annotations

import shutil

import pytest

from imsim.adapters.install import install_of
from imsim.errors import WorldError


def test_it_stays_and_a_copied_database_gets_another(tmp_path):
    store = tmp_path / "a.db"
    store.write_text("data")
    first = install_of(store)
    assert install_of(store) == first
    assert len(first) == 32
    copy = shutil.copy(store, tmp_path / "b.db")
    assert install_of(copy) != first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.db", "a.db.install", "b.db", "b.db.install"]


def test_a_file_that_a_crash_left_empty_is_no_value(tmp_path):
    (tmp_path / "a.db.install").write_text("")
    found = install_of(tmp_path / "a.db")
    assert found
    assert install_of(tmp_path / "a.db") == found


def test_where_it_cannot_be_made(tmp_path):
    (tmp_path / "a.db.install").mkdir()
    with pytest.raises(WorldError, match=r"a\.db\.install"):
        install_of(tmp_path / "a.db")
