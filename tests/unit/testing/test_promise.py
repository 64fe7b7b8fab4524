"""What opens a port, and how long it is waited for."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from imsim.errors import ConfigError
from imsim.testing import promise
from imsim.testing.promise import Book, PlainBook, expect, in_asyncio

BOOK = Book("Bell")


class Bell:
    def __init__(self, sound="ding"):
        self.sound = sound

    async def ring(self):
        return self.sound


@BOOK.promise("it says ding")
async def dings(bell):
    expect(await bell.ring(), "ding", "the sound")


async def brought():
    return Bell()


@asynccontextmanager
async def lent():
    yield Bell()


@pytest.mark.parametrize("factory", [Bell, brought, lent])
def test_a_port_is_opened_as_its_author_likes(factory):
    BOOK.check(factory, in_asyncio)


def test_a_broken_promise_names_who_what_and_what_was_seen():
    with pytest.raises(AssertionError) as caught:
        BOOK.check(lambda: Bell("dong"), in_asyncio)
    assert str(caught.value) == "Bell breaks its promise that it says ding: the sound: expected 'ding', got 'dong'"


def test_who_never_answers_is_not_waited_for_without_end(monkeypatch):
    class Mute(Bell):
        async def ring(self):
            await asyncio.Event().wait()

    monkeypatch.setattr(promise, "_PATIENCE", 0.01)
    with pytest.raises(AssertionError, match="Bell breaks its promise that it says ding: it never answered"):
        BOOK.check(Mute, in_asyncio)


def test_what_never_waits_is_checked_as_it_is():
    book = PlainBook("Number")

    @book.promise("it is even")
    def is_even(number):
        expect(number % 2, 0, "the rest")

    book.check(2)
    with pytest.raises(AssertionError, match="Number breaks its promise that it is even: the rest: expected 0, got 1"):
        book.check(3)


def test_what_else_it_raises_comes_with_a_note_of_the_promise():
    class Stolen(Bell):
        async def ring(self):
            raise LookupError("no bell")

    with pytest.raises(LookupError, match="no bell") as caught:
        BOOK.check(Stolen, in_asyncio)
    assert caught.value.__notes__ == ["Bell was asked to keep its promise that it says ding"]


def test_what_opens_nothing_is_told():
    with pytest.raises(ConfigError, match="Bell: expected what opens a fresh one, such as its class, got <"):
        BOOK.check(Bell(), in_asyncio)


@pytest.mark.parametrize(
    ("seen", "wanted", "says"),
    [
        ([1, 2], [1, 3], "it: expected [1, 3], got [1, 2]"),
        ([*range(9), 0], [*range(10)], "it, from number 10 on: expected [9], got [0]"),
        ([*range(9)], [*range(20)], "it, from number 10 on: expected [9, 10, 11, 12], got []"),
        ([*range(7)], [], "it, from number 1 on: expected [], got [0, 1, 2, 3]"),
        ("a", "b" * 999, f"it: expected '{'b' * 299}…, got 'a'"),
    ],
)
def test_what_is_long_is_shown_from_where_it_differs(seen, wanted, says):
    with pytest.raises(AssertionError) as caught:
        expect(seen, wanted, "it")
    assert str(caught.value) == says
