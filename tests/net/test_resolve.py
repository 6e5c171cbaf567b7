from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

import pytest

from sync_core.model.errors import UnreachableError
from sync_core.net import resolve
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


def test_an_answer_that_nobody_waits_for_any_more_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    gate = threading.Event()
    real = socket.getaddrinfo

    def slow(*args: object, **kwargs: object) -> object:
        gate.wait(10)
        return real("127.0.0.1", None)

    monkeypatch.setattr(socket, "getaddrinfo", slow)

    async def scenario() -> None:
        task = asyncio.create_task(resolve._ask_system("slow.invalid"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        gate.set()
        await eventually(lambda: not any(t.name.startswith("resolve 'slow") for t in threading.enumerate()))
        await asyncio.sleep(0)

    run(scenario())


def test_hosts_are_shown_as_logs_show_them() -> None:
    assert display("dialin-0.sos", ip("192.11.0.79")) == "192.11.0.79/dialin-0.sos"
    assert display("192.11.0.79", ip("192.11.0.79")) == "192.11.0.79"
    assert display_endpoint("dialin-0.sos", ip("192.11.0.79"), 5000) == "192.11.0.79/dialin-0.sos:5000"
    assert display_endpoint("192.11.0.79", ip("192.11.0.79"), 5000) == "192.11.0.79:5000"
    assert display_endpoint("fd00::79", ip("fd00::79"), 5000) == "[fd00::79]:5000"
