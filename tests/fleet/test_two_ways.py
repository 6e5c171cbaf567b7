from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from sync_core.fleet.two_ways import first_of
from sync_core.model.errors import JsyncError, PeerError, RootVanishedError, UnreachableError

ENDLESS = 3600.0
AWAY = UnreachableError("nobody answers")
NO_LIST = PeerError("no list")
GONE = RootVanishedError("the folder is gone")


class Begun:
    """What has begun, and ended."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.is_any = asyncio.Event()

    def append(self, word: str) -> None:
        self.words.append(word)
        self.is_any.set()


Way = Callable[[Begun], Coroutine[Any, Any, str]]


def saying(word: str) -> Way:
    async def way(begun: Begun) -> str:
        begun.append(word)
        return word

    return way


def failing(error: JsyncError) -> Way:
    async def way(begun: Begun) -> str:
        begun.append(str(error))
        raise error

    return way


async def silent(begun: Begun) -> str:
    begun.append("silent")
    try:
        await asyncio.Event().wait()
    finally:
        begun.append("given up")
    return ""


def late(way: Way) -> Way:
    async def later(begun: Begun) -> str:
        await begun.is_any.wait()
        return await way(begun)

    return later


def outcome(better: Way, other: Way, *, patience_s: float = ENDLESS) -> tuple[object, list[str]]:
    begun = Begun()
    try:
        return asyncio.run(first_of(better(begun), lambda: other(begun), patience_s=patience_s)), begun.words
    except JsyncError as error:
        return error, begun.words


def test_what_answers_is_all_that_is_tried() -> None:
    assert outcome(saying("a"), saying("b")) == ("a", ["a"])
    assert outcome(failing(GONE), saying("b")) == (GONE, [str(GONE)])


@pytest.mark.parametrize("error", [AWAY, NO_LIST])
def test_what_fails_is_replaced_at_once(error: JsyncError) -> None:
    assert outcome(failing(error), saying("b")) == ("b", [str(error), "b"])
    assert outcome(failing(error), failing(GONE)) == (GONE, [str(error), str(GONE)])


def test_what_is_silent_is_overtaken_and_given_up() -> None:
    assert outcome(silent, saying("b"), patience_s=0.001) == ("b", ["silent", "b", "given up"])


def test_what_is_slow_still_counts() -> None:
    assert outcome(late(saying("a")), silent, patience_s=0) == ("a", ["silent", "a", "given up"])
    assert outcome(late(saying("a")), failing(AWAY), patience_s=0) == ("a", [str(AWAY), "a"])
    assert outcome(late(failing(NO_LIST)), failing(AWAY), patience_s=0) == (AWAY, [str(AWAY), str(NO_LIST)])
