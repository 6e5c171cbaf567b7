from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from sync_core.fleet.access import Access, access_of, runners
from sync_core.fleet.reach import Reach
from sync_core.model.errors import HostError, UnreachableError
from sync_core.model.inventory import Connection, SshSettings
from sync_core.net.runner import LocalRunner, Runner
from tests.support.agents import a_resolver
from tests.support.inventories import a_slave
from tests.support.runners import ScriptedRunner

T = TypeVar("T")


def with_reach(work: Callable[[Reach], Awaitable[T]], runner_of: Callable[[Access], Runner]) -> T:
    async def go() -> T:
        reach = Reach(runner_of, resolver=a_resolver(far=["192.0.2.1"], here=["192.0.2.2", "127.0.0.1"]))
        try:
            return await work(reach)
        finally:
            await reach.close()

    return asyncio.run(go())


@pytest.mark.parametrize(
    ("address", "declared", "expected"),
    [
        ("far", None, Connection.SSH),
        ("here", None, Connection.LOCAL),
        ("unknown", None, Connection.SSH),
        ("127.0.0.2", None, Connection.LOCAL),
        ("127.0.0.2", Connection.SSH, Connection.SSH),
        ("far", Connection.NONE, Connection.NONE),
    ],
)
def test_how_a_host_is_worked_on(address: str, declared: Connection | None, expected: Connection) -> None:
    host = a_slave(address=address, connection=declared)
    assert with_reach(lambda reach: reach.connection_of(host), lambda _: LocalRunner()) is expected


def test_hosts_of_one_machine_share_its_runner_and_its_failure() -> None:
    opened: list[Access] = []

    def runner_of(access: Access) -> Runner:
        opened.append(access)
        return ScriptedRunner(error=UnreachableError("Connection refused", errno=111, hint="start sshd"))

    async def ask(reach: Reach, name: str) -> HostError:
        with pytest.raises(UnreachableError) as caught:
            async with reach.on(a_slave(name, address="far")):
                raise AssertionError
        return caught.value

    async def both(reach: Reach) -> tuple[HostError, HostError]:
        return await asyncio.gather(ask(reach, "a"), ask(reach, "b"))

    errors = with_reach(both, runner_of)
    assert [(str(error), error.hint, error.host) for error in errors] == [
        ("Connection refused", "start sshd", "a"),
        ("Connection refused", "start sshd", "b"),
    ]
    assert [access.address for access in opened] == ["far"]


def test_commands_at_once_on_one_machine_are_bounded() -> None:
    at_work = most = 0

    async def one(reach: Reach) -> None:
        nonlocal at_work, most
        async with reach.on(a_slave(address="far")):
            at_work += 1
            most = max(most, at_work)
            await asyncio.sleep(0)
            at_work -= 1

    async def many(reach: Reach) -> None:
        await asyncio.gather(*(one(reach) for _ in range(30)))

    with_reach(many, lambda _: ScriptedRunner())
    assert most == 8


def test_a_machine_that_nobody_may_work_on_and_settings_that_make_no_sense() -> None:
    def broken(_: Access) -> Runner:
        raise HostError("ssh_config: there is no such file", hint="correct it")

    async def enter(reach: Reach, connection: Connection) -> None:
        async with reach.on(a_slave(address="far", connection=connection)):
            raise AssertionError

    with pytest.raises(HostError, match="only its ports"):
        with_reach(lambda reach: enter(reach, Connection.NONE), broken)
    with pytest.raises(HostError, match="no such file") as caught:
        with_reach(lambda reach: enter(reach, Connection.SSH), broken)
    assert (caught.value.host, caught.value.hint) == ("slave", "correct it")


def test_who_gives_up_waiting_takes_nobody_along() -> None:
    class Slow(ScriptedRunner):
        def __init__(self) -> None:
            super().__init__()
            self.may_go = asyncio.Event()
            self.is_asked = asyncio.Event()

        async def connect(self) -> None:
            self.is_asked.set()
            await self.may_go.wait()

    async def go(reach: Reach) -> bool:
        async def enter() -> bool:
            async with reach.on(a_slave(address="far")):
                return True

        impatient, patient = asyncio.ensure_future(enter()), asyncio.ensure_future(enter())
        while not slow:  # noqa: ASYNC110 - it is made by the first of the two
            await asyncio.sleep(0)
        await slow[0].is_asked.wait()
        impatient.cancel()
        slow[0].may_go.set()
        return await patient

    slow: list[Slow] = []

    def runner_of(_: Access) -> Runner:
        slow.append(Slow())
        return slow[-1]

    assert with_reach(go, runner_of)


def test_what_reaches_a_machine() -> None:
    make = runners(password=None, connect_s=1)
    assert isinstance(make(Access(address=None, ssh=None, become=False)), LocalRunner)
    far = access_of(a_slave(address="192.0.2.1", ssh=SshSettings(user="jobs", port=2222)), is_here=False)
    assert far is not None
    assert type(make(far)).__name__ == "SshRunner"
    assert access_of(a_slave(connection=Connection.NONE), is_here=False) is None
