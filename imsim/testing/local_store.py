"""What every `LocalStore` promises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from imsim.protocol.frames import Entry, Message
from imsim.protocol.records import Installed, Known
from imsim.testing.promise import PlainBook, expect

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from imsim.ports import LocalStore

__all__ = ["LOCAL_STORE", "check_local_store"]


class Open(Protocol):
    """Opens the store of a name, `with open_store("phone") as store`; the same name opens later what was left."""

    def __call__(self, name: str, /) -> AbstractContextManager[LocalStore]:
        """Open it."""
        ...


LOCAL_STORE = PlainBook("LocalStore")


def check_local_store(open_store: Open, *, only: Sequence[str] | None = None) -> None:
    """Check that a store keeps every promise of `imsim.ports.LocalStore`.

    Args:
        open_store: opens a store by name; each promise uses a name of its own, which must be empty before.
        only: names of promises (`LOCAL_STORE.sentences`), instead of all.

    Raises:
        AssertionError: a promise is broken; the message says which.
        ConfigError: `only` names a promise that does not exist.
    """
    LOCAL_STORE.check(open_store, only=only)


def _row(seq: int, client_id: str, *, content: str = "text", conversation: str = "room") -> Entry:
    return Entry(conversation, 1, seq, client_id, "alice", 1.5, Message(content))


@LOCAL_STORE.promise("records come back as they were written, in the order of writing")
def keeps_records(open_store: Open) -> None:
    """Several writes, several kinds."""
    written = [Installed("phone", "n"), _row(1, "a-1"), Known("room", 1, ((1, 1),)), _row(2, "a-2")]
    with open_store("keeps_records") as store:
        expect(list(store.records()), [], "the records of a new store")
        store.write(written[:1])
        store.write(written[1:])
        expect(list(store.records()), written, "the records")


@LOCAL_STORE.promise("what was written is there when the store is opened again")
def is_durable(open_store: Open) -> None:
    """Records and rows."""
    written = [Installed("phone", "n"), _row(1, "a-1")]
    with open_store("is_durable") as store:
        store.write(written)
    with open_store("is_durable") as store:
        expect(list(store.records()), written, "the records after opening again")
        expect(store.row("a-1"), written[1], "the row after opening again")


@LOCAL_STORE.promise("a record with the key of an earlier one replaces it, and no other")
def replaces_by_key(open_store: Open) -> None:
    """Far apart and close together; over opening again too."""
    rows = [_row(seq, f"a-{seq}") for seq in range(1, 40)]
    with open_store("replaces_by_key") as store:
        store.write([Known("hall", 1, ((1, 1),)), Known("room", 1, ((1, 1),))])
        store.write(rows)
        store.write([Known("room", 1, ((1, 2),))])
        store.write([Known("room", 1, ((1, 3),))])
        wanted = [Known("hall", 1, ((1, 1),)), *rows, Known("room", 1, ((1, 3),))]
        expect(list(store.records()), wanted, "the records after replacing")
    with open_store("replaces_by_key") as store:
        expect(list(store.records()), wanted, "the replaced records after opening again")


@LOCAL_STORE.promise("rows gives exactly the asked range of one conversation, rising")
def reads_rows_in_order(open_store: Open) -> None:
    """Written out of order; asked before and after."""
    with open_store("reads_rows_in_order") as store:
        store.write([_row(3, "a-3"), _row(1, "a-1"), _row(2, "h-2", conversation="hall")])
        expect([row.client_id for row in store.rows("room", 1, 9)], ["a-1", "a-3"], "the rows 1..9")
        store.write([_row(2, "a-2"), _row(4, "a-4")])
        expect([row.client_id for row in store.rows("room", 2, 3)], ["a-2", "a-3"], "the rows 2..3")
        expect(list(store.rows("nowhere", 1, 9)), [], "the rows of an unknown conversation")
        expect(list(store.rows("room", 3, 2)), [], "the rows of an empty range")


@LOCAL_STORE.promise("a row is found by its client id")
def finds_a_row(open_store: Open) -> None:
    """Before and after it exists."""
    with open_store("finds_a_row") as store:
        expect(store.row("a-1"), None, "a row that is not there")
        store.write([_row(1, "a-1"), _row(2, "b-2")])
        expect(store.row("a-1"), _row(1, "a-1"), "a row that is there")


@LOCAL_STORE.promise("a row is upserted by its client id")
def upserts_rows(open_store: Open) -> None:
    """The later one is seen everywhere, once."""
    later = _row(5, "a-1", content="later")
    with open_store("upserts_rows") as store:
        store.write([_row(1, "a-1"), _row(2, "b-2")])
        expect(len(store.rows("room", 1, 9)), 2, "how many rows there are")
        store.write([later])
        expect(store.row("a-1"), later, "the row after the upsert")
        expect(list(store.rows("room", 1, 9)), [_row(2, "b-2"), later], "the rows after the upsert")
        expect(list(store.records()), [_row(2, "b-2"), later], "the records after the upsert")
