"""What opens a port, and how long it is waited for."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

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
