from __future__ import annotations

import asyncio

import pytest

from sync_core.fleet.each import FleetOptions, Outcome, for_each, outcome_of
from sync_core.model.errors import FileTroubleError, HostError, JsyncError, UnreachableError
from sync_core.model.inventory import Host
from tests.support.inventories import a_slave


class Diary:
    def __init__(self) -> None:
        self.entries: list[tuple[str, str]] = []

    def started(self, host: str) -> None:
        self.entries.append((host, "started"))

    def ended(self, host: str, outcome: Outcome) -> None:
        self.entries.append((host, outcome))


def test_one_hosts_failure_or_slowness_is_its_own() -> None:
    diary = Diary()

    async def work(host: Host) -> str:
        if host.name == "slow":
            await asyncio.Event().wait()
        if host.name == "bad":
            raise HostError("broken")
        return host.name

    results = asyncio.run(
        for_each(
            [a_slave("slow"), a_slave("bad"), a_slave("good")],
            work,
            options=FleetOptions(timeout_s=0.1, watcher=diary),
            failed=lambda host, error: f"{host.name}: {error}",
            outcome=lambda result: Outcome.FAILED if ":" in result else Outcome.OK,
        )
    )
    assert results == ("slow: not done within 0.1 s", "bad: broken", "good")
    assert diary.entries[-1] == ("slow", "failed")
    assert {entry for entry in diary.entries if entry[1] != "started"} == {
        ("slow", "failed"),
        ("bad", "failed"),
        ("good", "ok"),
    }


def test_so_many_at_once_and_no_more() -> None:
    at_work = most = 0

    async def work(_: Host) -> None:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0)
        at_work -= 1

    asyncio.run(
        for_each(
            [a_slave(str(n)) for n in range(20)],
            work,
            options=FleetOptions(forks=3),
            failed=lambda _, __: None,
            outcome=lambda _: Outcome.OK,
        )
    )
    assert most == 3


def test_a_bug_is_no_result() -> None:
    async def work(_: Host) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(
            for_each(
                [a_slave("a")],
                work,
                options=FleetOptions(),
                failed=lambda _, __: None,
                outcome=lambda _: Outcome.OK,
            )
        )


@pytest.mark.parametrize(
    ("error", "is_changed", "expected"),
    [
        (None, False, "ok"),
        (None, True, "changed"),
        (UnreachableError("x"), True, "unreachable"),
        (FileTroubleError("x"), False, "failed"),
    ],
)
def test_outcomes(error: JsyncError | None, is_changed: bool, expected: str) -> None:
    assert outcome_of(error, is_changed=is_changed) == expected
