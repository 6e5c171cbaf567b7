from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from sync_core.model.errors import UnreachableError
from sync_core.net import resolve
from sync_core.net.lookups import Lookups, Rank
from sync_core.net.resolve import KEEP_FAILURES_S, KEEP_S, Resolver, display, display_endpoint
from tests.support.net import LOCALHOST, LOCALHOST6, ManualClock, eventually, ip, lookup_of, run

TABLE = {"dialin-0.sos": ["192.11.0.79", "fd00::79", "192.11.0.79"], "empty": [], "odd": ["not an address"]}


@pytest.mark.parametrize("literal", ["192.11.0.79", "fd00::79", "::1"])
def test_literals_never_ask(literal: str) -> None:
    asked: list[str] = []
    assert run(Resolver(lookup=lookup_of({}, asked)).resolve(literal)) == (ip(literal),)
    assert asked == []


def test_all_addresses_come_in_order_and_once() -> None:
    resolver = Resolver(lookup=lookup_of(TABLE))
    assert run(resolver.resolve("dialin-0.sos")) == (ip("192.11.0.79"), ip("fd00::79"))


def test_an_answer_is_remembered_for_a_quarter_of_an_hour() -> None:
    asked: list[str] = []
    clock = ManualClock()
    resolver = Resolver(lookup=lookup_of(TABLE, asked), clock=clock)

    async def scenario() -> None:
        await resolver.resolve("dialin-0.sos")
        clock.now_s += KEEP_S - 1
        await resolver.resolve("dialin-0.sos")
        assert len(asked) == 1
        clock.now_s += 1
        await resolver.resolve("dialin-0.sos")
        assert len(asked) == 2

    run(scenario())


def test_a_failure_is_remembered_for_a_shorter_time_unless_the_caller_insists() -> None:
    asked: list[str] = []
    clock = ManualClock()
    table: dict[str, Sequence[str]] = {}
    resolver = Resolver(lookup=lookup_of(table, asked), clock=clock)

    async def fails() -> None:
        with pytest.raises(UnreachableError, match=r"cannot resolve 'dialin-0.sos': Name or service not known"):
            await resolver.resolve("dialin-0.sos")

    async def scenario() -> None:
        await fails()
        await fails()
        assert len(asked) == 1
        table["dialin-0.sos"] = ["192.11.0.79"]
        await fails()
        assert await resolver.resolve("dialin-0.sos", retry_failures=True) == (ip("192.11.0.79"),)
        table.clear()
        clock.now_s += KEEP_S
        await fails()
        table["dialin-0.sos"] = ["192.11.0.80"]
        clock.now_s += KEEP_FAILURES_S
        assert await resolver.resolve("dialin-0.sos") == (ip("192.11.0.80"),)

    run(scenario())


@pytest.mark.parametrize("name", ["empty", "odd"])
def test_a_name_without_addresses_is_unreachable(name: str) -> None:
    with pytest.raises(UnreachableError, match="it has no address") as caught:
        run(Resolver(lookup=lookup_of(TABLE)).resolve(name))
    assert caught.value.hint


def test_those_who_ask_at_the_same_time_share_one_question_and_one_may_give_up() -> None:
    asked: list[str] = []
    answer = asyncio.Event()

    async def slow(name: str) -> Sequence[str]:
        asked.append(name)
        await answer.wait()
        return ["192.11.0.79"]

    async def scenario() -> None:
        resolver = Resolver(lookup=slow)
        first = asyncio.create_task(resolver.resolve("dialin-0.sos"))
        second = asyncio.create_task(resolver.resolve("dialin-0.sos"))
        await eventually(lambda: bool(asked))
        first.cancel()
        answer.set()
        assert await second == (ip("192.11.0.79"),)
        assert asked == ["dialin-0.sos"]

    run(scenario())


def test_a_name_service_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve, "LOOKUP_TIMEOUT_S", 0.01)

    async def never(_: str) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    with pytest.raises(UnreachableError, match="the name service does not answer"):
        run(Resolver(lookup=never).resolve("dialin-0.sos"))


def test_the_system_knows_this_machine() -> None:
    found = run(Resolver().resolve("localhost"))
    assert set(found) <= {LOCALHOST, LOCALHOST6}
    assert found


@pytest.mark.parametrize("name", ["no-such-name.invalid", "", "a\0b", "x" * 70 + ".invalid", "a..b"])
def test_what_is_no_name_is_unreachable(name: str) -> None:
    with pytest.raises(UnreachableError, match="cannot resolve"):
        run(Resolver().resolve(name))


def test_what_is_known_is_told_without_asking() -> None:
    asked: list[str] = []
    clock = ManualClock()
    resolver = Resolver(lookup=lookup_of(TABLE, asked), clock=clock)

    async def scenario() -> None:
        assert resolver.known("10.0.0.7") == (ip("10.0.0.7"),)
        assert resolver.known("dialin-0.sos") is None
        await resolver.resolve("dialin-0.sos")
        with pytest.raises(UnreachableError):
            await resolver.resolve("nobody")
        assert resolver.known("dialin-0.sos") == (ip("192.11.0.79"), ip("fd00::79"))
        assert resolver.known("nobody") == ()
        clock.now_s += KEEP_FAILURES_S
        assert resolver.known("nobody") is None
        assert resolver.known("dialin-0.sos")
        clock.now_s += KEEP_S
        assert resolver.known("dialin-0.sos") is None
        assert asked == ["dialin-0.sos", "nobody"]

    run(scenario())


def test_names_kept_are_bounded_and_the_one_asked_for_longest_ago_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve, "MOST_KEPT", 2)

    async def anybody(_: str) -> Sequence[str]:
        return ["192.11.0.79"]

    async def scenario() -> None:
        clock = ManualClock()
        resolver = Resolver(lookup=anybody, clock=clock)
        for name in ("a", "b"):
            await resolver.resolve(name)
        clock.now_s += KEEP_S
        for name in ("a", "c"):
            await resolver.resolve(name)
        assert [name for name in ("a", "b", "c") if resolver.known(name)] == ["a", "c"]
        assert len(resolver._known) == 2

    run(scenario())


def test_nobody_waits_for_ever_behind_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """The question stays, and its answer is for whoever asks next."""
    monkeypatch.setattr(resolve, "WAIT_TIMEOUT_S", 0.01)
    gate = asyncio.Event()

    async def slow(_: str) -> Sequence[str]:
        await gate.wait()
        return ["192.11.0.79"]

    async def scenario() -> None:
        resolver = Resolver(lookup=slow)
        with pytest.raises(UnreachableError, match="the name service does not answer"):
            await resolver.resolve("later.sos")
        gate.set()
        await eventually(lambda: resolver.known("later.sos") == (ip("192.11.0.79"),))

    run(scenario())


def test_a_name_that_hung_makes_room_for_others_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the system is asked goes through few places; who hung has the last rank, who answered the first."""
    ranks: list[tuple[str, Rank]] = []

    async def look_up(_: Lookups, name: str, *, rank: Rank) -> Sequence[str]:
        ranks.append((name, rank))
        if name == "hangs":
            raise TimeoutError
        return ["192.11.0.79"]

    monkeypatch.setattr(Lookups, "look_up", look_up)

    async def scenario() -> None:
        clock = ManualClock()
        resolver = Resolver(clock=clock)
        for _ in range(2):
            await resolver.resolve("good")
            with pytest.raises(UnreachableError, match="does not answer"):
                await resolver.resolve("hangs")
            clock.now_s += KEEP_S

    run(scenario())
    assert ranks == [("good", Rank.NEW), ("hangs", Rank.NEW), ("good", Rank.ANSWERED), ("hangs", Rank.HUNG)]


def test_hosts_are_shown_as_logs_show_them() -> None:
    assert display("dialin-0.sos", ip("192.11.0.79")) == "192.11.0.79/dialin-0.sos"
    assert display("192.11.0.79", ip("192.11.0.79")) == "192.11.0.79"
    assert display_endpoint("dialin-0.sos", ip("192.11.0.79"), 5000) == "192.11.0.79/dialin-0.sos:5000"
    assert display_endpoint("192.11.0.79", ip("192.11.0.79"), 5000) == "192.11.0.79:5000"
    assert display_endpoint("fd00::79", ip("fd00::79"), 5000) == "[fd00::79]:5000"
