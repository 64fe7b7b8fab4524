"""Transactions, and the values in them."""

from __future__ import annotations

import importlib
import pkgutil
import sqlite3

import msgspec
import pytest

import imsim.protocol.server
import imsim.protocol.services
from imsim.adapters.sqlite.database import STORED, Database, decode, encode
from imsim.errors import AlgorithmError, ConfigError, Timeout, Unavailable
from imsim.protocol.frames import Entry, Message
from imsim.protocol.server.delivery import Committed
from imsim.protocol.server.retention import Ages

SCHEMA = "CREATE TABLE IF NOT EXISTS things (name TEXT PRIMARY KEY);"
BETWEEN_SERVERS = {"Append", "CancelAt", "PageOf", "ReadAt", "Recheck", "SettleAt", "SubmitAt"}
"""What travels through the Peers port is never stored."""


@pytest.fixture
def database(tmp_path):
    made = Database(tmp_path / "a.db", SCHEMA)
    yield made
    made.close()


def names(database: Database) -> list[str]:
    return [name for (name,) in database.read("SELECT name FROM things ORDER BY name")]


class FailingCommit:
    """A connection whose commit fails: after SQLite has undone everything, or while it still waits."""

    def __init__(self, connection: sqlite3.Connection, *, undoes: bool) -> None:
        self.connection = connection
        self.undoes = undoes

    def __getattr__(self, name):
        return getattr(self.connection, name)

    def execute(self, statement, *args):
        if statement == "COMMIT":
            if self.undoes:
                self.connection.execute("ROLLBACK")
            raise sqlite3.OperationalError("disk I/O error")
        return self.connection.execute(statement, *args)


def add(database: Database, name: str) -> None:
    with database.transaction() as connection:
        connection.execute("INSERT INTO things VALUES (?)", (name,))


def test_a_transaction_is_there_when_the_file_is_opened_again(database, tmp_path):
    add(database, "x")
    again = Database(tmp_path / "a.db", SCHEMA)
    assert names(again) == ["x"]
    again.close()


def fail_after_adding(database: Database, name: str) -> None:
    with database.transaction() as connection:
        connection.execute("INSERT INTO things VALUES (?)", (name,))
        raise ZeroDivisionError


def fill(database: Database) -> None:
    for number in range(1000):
        add(database, f"{number:03}" + "x" * 3000)


def test_an_exception_inside_leaves_nothing(database):
    with pytest.raises(ZeroDivisionError):
        fail_after_adding(database, "x")
    assert names(database) == []
    add(database, "y")
    assert names(database) == ["y"]


def test_a_full_disk_is_unavailable_and_the_file_goes_on_when_there_is_room(database):
    database._connection.execute("PRAGMA max_page_count = 12")
    with pytest.raises(Unavailable, match=r"a\.db: database or disk is full"):
        fill(database)
    before = names(database)
    database._connection.execute("PRAGMA max_page_count = 1000")
    add(database, "room")
    assert names(database) == [*before, "room"]


def test_a_commit_that_waits_is_not_done(database):
    real = database._connection
    database._connection = FailingCommit(real, undoes=False)
    with pytest.raises(Unavailable):
        add(database, "x")
    database._connection = real
    assert names(database) == []
    add(database, "y")


def test_of_a_commit_that_fails_half_way_nothing_is_known(database):
    real = database._connection
    database._connection = FailingCommit(real, undoes=True)
    with pytest.raises(Timeout):
        add(database, "x")
    database._connection = real


def test_what_another_process_holds_is_unavailable(database, tmp_path):
    database._connection.execute("PRAGMA busy_timeout = 0")
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked"):
        add(database, "x")
    other.execute("ROLLBACK")
    other.close()
    add(database, "x")
    assert names(database) == ["x"]


def test_what_is_no_database_is_the_users_mistake(tmp_path):
    (tmp_path / "letter.txt").write_text("Dear Sir or Madam, " * 100)
    for path in (tmp_path / "letter.txt", tmp_path / "nowhere" / "a.db", tmp_path):
        with pytest.raises(ConfigError, match="cannot be used as a database"):
            Database(path, SCHEMA)


def test_values_come_back_and_equal_ones_have_equal_bytes():
    def value() -> Committed:
        return Committed(Entry("team", 1, 2, "a-1", "alice", 1.5, Message("hé")), ("alice", "bob"))

    assert decode(encode(value())) == value()
    assert encode(value()) == encode(value())
    assert decode(encode(Ages(((1.0, 1, 2),)))) == Ages(((1.0, 1, 2),))


def test_what_could_not_be_read_back_is_not_written():
    for value in (1.5, (1, 2), Message("x"), True):
        with pytest.raises(AlgorithmError, match="cannot be stored"):
            encode(value)


def test_everything_that_the_server_may_store_is_known():
    known = {kind.__name__ for kind in STORED}
    found = set()
    for package in (imsim.protocol.server, imsim.protocol.services):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            for name, kind in vars(importlib.import_module(module.name)).items():
                own = isinstance(kind, type) and kind.__module__ == module.name
                if own and issubclass(kind, msgspec.Struct) and kind.__struct_config__.tag is not None:
                    found.add(name)
                    assert name in BETWEEN_SERVERS or kind in STORED, f"{module.name}.{name} cannot be stored"
    assert found == known - {"str", "int"} | BETWEEN_SERVERS
