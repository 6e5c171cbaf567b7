"""Agents of another machine in our foreground: the jsync there runs them as long as we hold on to it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from sync_core.fleet.each import FleetOptions
from sync_core.fleet.foreground.events import Line, Ready, Refused, encode
from sync_core.fleet.foreground.run import ForegroundOptions, ForegroundResult, run_foreground
from sync_core.model.errors import HostError, PortInUseError, UnreachableError
from sync_core.model.inventory import Inventory
from sync_core.net.runner import Runner
from tests.support.fleet import FarAway, Listener, a_launcher, ended_by_signal, far, inventory_of, is_ready
from tests.support.net import listening
from tests.support.runners import ScriptedRunner
from tests.support.site import Site, eventually


class Foreground(Listener):
    """Runs agents of ``inventory``, those elsewhere by ``runner``."""

    def __init__(self, inventory: Inventory, state: Path, runner: Runner) -> None:
        super().__init__()
        self._inventory, self._state, self._runner = inventory, state, runner

    def run(self, *, until: Callable[[], object] | None = None, **options: Any) -> ForegroundResult:
        fleet = FleetOptions(runner_of=lambda _: self._runner)
        hosts = tuple(self._inventory.hosts.values())
        arguments = (self._inventory, hosts, a_launcher(self._state), self)
        if until is None:
            return run_foreground(*arguments, ForegroundOptions(fleet=fleet, **options))
        with ended_by_signal(until):
            return run_foreground(*arguments, ForegroundOptions(fleet=fleet, **options))


def supervisors(there: Path) -> list[psutil.Process]:
    """The processes ``jsync up`` that work with a state folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        words, environ = process.info["cmdline"] or [], process.info["environ"] or {}
        if "--attached" in words and "up" in words and environ.get("JSYNC_STATE_DIR") == f"{there}/state":
            found.append(process)
    return found


def everything(there: Path) -> list[psutil.Process]:
    """All processes that work with a state folder."""
    found = psutil.process_iter(["environ"])
    return [one for one in found if (one.info["environ"] or {}).get("JSYNC_STATE_DIR") == f"{there}/state"]


def test_agents_there_run_and_end_with_us(tmp_path: Path) -> None:
    site, there = Site(tmp_path, slaves=2), tmp_path / "there"
    (site.remote / "_all" / "one.job.xml").write_bytes(b"<job/>\n")
    foreground = Foreground(far(inventory_of(site), "slave-0", "slave-1"), site.state, FarAway(there))
    result = foreground.run(until=lambda: all((site.cache(f"slave-{n}") / "one.job.xml").exists() for n in range(2)))
    assert result == ForegroundResult()
    assert sorted(foreground.started) == ["master", "slave-0", "slave-1"]
    assert foreground.greeted == 1
    assert {host for host, line in foreground.lines if "stopped" in line} == {"master", "slave-0", "slave-1"}
    assert everything(there) == []
    assert [path.name for path in site.state.iterdir()] == ["master"]


def test_what_dies_there_is_started_again(tmp_path: Path) -> None:
    site, there = Site(tmp_path), tmp_path / "there"
    foreground = Foreground(far(inventory_of(site), "master", "slave-0"), site.state, FarAway(there))
    killed: list[psutil.Process] = []

    def is_time() -> bool:
        if foreground.greeted and not killed:
            killed.extend(supervisors(there))
            os.kill(killed[0].pid, signal.SIGKILL)
        return bool(killed) and foreground.said("started again") and is_ready(there / "state", "slave-0")

    assert foreground.run(until=is_time) == ForegroundResult()
    words = "its jsync ended with code -9; it is started again in 1 s"
    assert [host for host, line in foreground.lines if line == words] == ["master", "slave-0"]
    eventually(lambda: not everything(there), what="nothing is left there")


def test_a_connection_that_is_not_kept_ends_it(tmp_path: Path) -> None:
    site, there = Site(tmp_path), tmp_path / "there"
    foreground = Foreground(far(inventory_of(site), "master", "slave-0"), site.state, FarAway(there))

    class Kills(Listener):
        def all_ready(self) -> None:
            os.kill(supervisors(there)[0].pid, signal.SIGKILL)

    foreground.all_ready = Kills().all_ready  # type: ignore[method-assign]
    result = foreground.run(is_kept=False)
    assert set(result.refused) == {"master", "slave-0"}
    assert str(result.refused["slave-0"]) == "its jsync ended with code -9"
    eventually(lambda: not everything(there), what="nothing is left there")


def test_who_is_refused_there_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    site, there = Site(tmp_path), tmp_path / "there"
    with listening() as port:
        site.more["slave-0"] = {"tcp_port": port}
        site.write_inventory()
        foreground = Foreground(far(inventory_of(site), "master", "slave-0"), site.state, FarAway(there))
        result = foreground.run(until=lambda: foreground.left_out and "master" in foreground.started)
    assert list(result.refused) == ["slave-0"]
    assert "slave-0: " in str(result.refused["slave-0"])
    assert foreground.greeted == 0


def test_a_machine_that_is_not_reached_does_not_stop_the_others(tmp_path: Path) -> None:
    site = Site(tmp_path)
    dead = ScriptedRunner(error=UnreachableError("SSH to far: no answer", hint="look at it"))
    foreground = Foreground(far(inventory_of(site), "slave-0"), site.state, dead)
    result = foreground.run(until=lambda: foreground.left_out and is_ready(site.state, "master"))
    (error,) = result.refused.values()
    assert (type(error), str(error), error.hint, error.host) == (
        UnreachableError,
        "SSH to far: no answer",
        "look at it",
        "slave-0",
    )
    assert ("slave-0", "SSH to far: no answer (look at it)") in foreground.lines


def refusal(tmp_path: Path, runner: ScriptedRunner) -> str:
    foreground = Foreground(far(inventory_of(Site(tmp_path)), "master", "slave-0"), tmp_path / "state", runner)
    result = foreground.run()
    assert all(process.is_closed for process in runner.processes)
    (error, _) = result.refused.values()
    return f"{error} -> {error.hint}"


def test_without_a_jsync_there_the_hint_says_how_to_bring_it(tmp_path: Path) -> None:
    assert refusal(tmp_path, ScriptedRunner(exit_code=127)) == (
        "there is no `jsync` that runs -> `jsync up --install` brings it"
    )


def test_an_older_jsync_is_told_from_one_that_fails(tmp_path: Path) -> None:
    old = ScriptedRunner(exit_code=2, complaint=b"jsync: No such option: --attached\n")
    assert refusal(tmp_path / "old", old) == "its jsync is too old for this -> `jsync up --install` brings a newer one"
    broken = ScriptedRunner(exit_code=1, complaint=b"jsync: no space\nmore\n")
    assert refusal(tmp_path / "broken", broken) == "its jsync ended with code 1: no space -> None"


def test_what_is_no_event_of_a_host_there_is_passed_over(tmp_path: Path) -> None:
    said = [
        "Welcome!",
        "[1]",
        '{"event": "line", "host": 7, "line": "x"}',
        '{"event": "refused", "host": "master", "error": "x"}',
        encode(Line("somebody", "else")),
        encode(Ready("somebody")),
        encode(Refused("somebody", HostError("else"))),
        encode(Line("master", "hello\nthere")),
        encode(Refused("master", PortInUseError("taken", hint="free it"))),
        encode(Ready("slave-0")),
    ]
    runner = ScriptedRunner("\n".join([*said, ""]).encode(), exit_code=0)
    foreground = Foreground(far(inventory_of(Site(tmp_path)), "master", "slave-0"), tmp_path / "state", runner)
    result = foreground.run(is_kept=False)
    assert foreground.lines[0] == ("master", "hello\nthere")
    assert foreground.started == ["slave-0"]
    assert (type(result.refused["master"]), result.refused["master"].hint) == (PortInUseError, "free it")
    assert set(result.refused) == {"master", "slave-0"}
    (command,) = runner.commands
    part = runner.processes[0].received[: int(command[command.index("--part-bytes") + 1])]
    assert part.endswith(b"}\n")


def test_a_line_without_an_end_is_not_collected_for_ever(tmp_path: Path) -> None:
    runner = EndlessRunner()
    foreground = Foreground(far(inventory_of(Site(tmp_path)), "master", "slave-0"), tmp_path / "state", runner)
    result = foreground.run()
    assert str(result.refused["master"]) == "its jsync says something that has no end"


class EndlessRunner(ScriptedRunner):
    """Says one line that never ends."""

    async def start(self, command: Any, *, deadline_s: float | None = None) -> Any:
        process = await super().start(command)

        async def receive() -> bytes:
            return b"x" * (1 << 20)

        process.receive = receive  # type: ignore[method-assign]
        return process
