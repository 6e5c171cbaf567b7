from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from sync_core.fleet.access import Access
from sync_core.fleet.each import FleetOptions, Outcome, outcome_of
from sync_core.fleet.elsewhere import Machine, find_places, on_machines
from sync_core.fleet.part import read_part
from sync_core.model.errors import HostError, JsyncError, UnreachableError
from sync_core.model.inventory import Connection, Host, Role, SshSettings
from sync_core.net.runner import Process, Runner
from tests.support.net import a_host, an_inventory
from tests.support.runners import ScriptedRunner

FAR: dict[str, Any] = {"connection": Connection.SSH, "address": "10.9.0.1"}
MASTER = a_host("master", role=Role.MASTER)
SITE = an_inventory(
    MASTER,
    a_host("here"),
    a_host("named", connection=None, address="localhost"),
    a_host("one", **FAR),
    a_host("two", **FAR, tcp_port=5001, cache=Path("/nowhere/two")),
    a_host("other-user", **FAR, ssh=SshSettings(user="ops")),
    a_host("other-jsync", **FAR, jsync="/opt/jsync"),
    a_host("root", **FAR, become=True),
    a_host("unknown", connection=None, address="no-such-name.invalid"),
    a_host("mute", connection=Connection.NONE),
)


def test_hosts_of_one_machine_are_worked_on_together() -> None:
    places = find_places(SITE, SITE.hosts.values())
    assert [host.name for host in places.here] == ["master", "here", "named"]
    found = [machine.names for machine in places.elsewhere]
    assert found == [("one", "two"), ("other-user",), ("other-jsync",), ("root",), ("unknown",)]


def test_a_part_is_the_whole_machines_whoever_is_meant(tmp_path: Path) -> None:
    (machine,) = find_places(SITE, [SITE.hosts["two"]]).elsewhere
    assert machine.names == ("two",)
    read = read_part(machine.part.name, machine.part.text, tmp_path)
    assert [host.name for host in read.hosts.values() if host.connection is Connection.LOCAL] == ["one", "two"]


@dataclass
class Notes:
    """What a run told, and what became of its runners."""

    told: list[tuple[str, str]] = field(default_factory=list)
    open: int = 0
    most_open: int = 0

    def started(self, host: str) -> None:
        self.told.append((host, "started"))

    def ended(self, host: str, outcome: Outcome) -> None:
        self.told.append((host, outcome.value))

    def runner_of(self, access: Access) -> Runner:
        if access.address == "10.9.0.9":
            raise HostError("its settings make no sense")
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        return _Counted(self)


class _Counted(ScriptedRunner):
    def __init__(self, notes: Notes) -> None:
        super().__init__()
        self._notes = notes

    async def close(self) -> None:
        self._notes.open -= 1


Result = tuple[str, JsyncError | None]


def run(machines: tuple[Machine, ...], notes: Notes, *, forks: int = 20, timeout_s: float = 30) -> dict[str, Result]:
    async def work(machine: Machine, runner: Runner) -> Mapping[str, Result]:
        await asyncio.sleep(0)
        if "hanging" in machine.names:
            await asyncio.Event().wait()
        if "away" in machine.names:
            raise UnreachableError("away")
        return {name: ("done", None) for name in machine.names}

    return asyncio.run(
        on_machines(
            machines,
            work,
            options=FleetOptions(forks=forks, timeout_s=timeout_s, watcher=notes, runner_of=notes.runner_of),
            failed=lambda host, error: (host.name, error),
            outcome=lambda result: outcome_of(result[1]),
        )
    )


def machines(*names: str) -> tuple[Machine, ...]:
    hosts = [replace(SITE.hosts["one"], name=name, address=f"10.9.0.{at + 1}") for at, name in enumerate(names)]
    return find_places(an_inventory(MASTER, *hosts), hosts).elsewhere


def test_a_machines_trouble_is_its_own() -> None:
    notes = Notes()
    found = run(machines("good", "away", "hanging"), notes, timeout_s=0.2)
    assert found["good"] == ("done", None)
    assert [str(found[name][1]) for name in ("away", "hanging")] == ["away", "not done within 0.2 s"]
    assert notes.open == 0
    assert set(notes.told) >= {("good", "ok"), ("away", "unreachable"), ("hanging", "unreachable")}
    assert len(notes.told) == 6


def test_settings_that_make_no_sense_are_a_failure() -> None:
    notes = Notes()
    found = run(machines(*"abcdefghi"), notes)
    assert str(found["i"][1]) == "its settings make no sense"
    assert ("i", "failed") in notes.told


@pytest.mark.parametrize("forks", [1, 3])
def test_no_more_than_so_many_at_once(forks: int) -> None:
    notes = Notes()
    run(machines(*"abcdefgh"), notes, forks=forks)
    assert (notes.most_open, notes.open) == (forks, 0)


def test_a_run_that_is_broken_off_lets_go_of_everything() -> None:
    notes = Notes()

    async def work(machine: Machine, runner: Runner) -> Mapping[str, Process]:
        await asyncio.Event().wait()
        raise AssertionError

    def failed(host: Host, error: JsyncError) -> Process:
        raise AssertionError

    async def main() -> None:
        options = FleetOptions(watcher=notes, runner_of=notes.runner_of)
        async with asyncio.timeout(0.05):
            await on_machines(machines("a", "b"), work, options=options, failed=failed, outcome=lambda _: Outcome.OK)

    with pytest.raises(TimeoutError):
        asyncio.run(main())
    assert (notes.most_open, notes.open) == (2, 0)
