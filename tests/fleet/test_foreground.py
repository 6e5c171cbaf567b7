from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import psutil

from sync_core.agent.state import HostState
from sync_core.fleet.foreground.run import ForegroundOptions, ForegroundResult, run_foreground
from tests.support.fleet import DIES, SLEEPS, Listener, a_launcher, ended_by_signal, inventory_of, is_ready
from tests.support.net import listening
from tests.support.site import Site


def _children(host: str) -> list[int]:
    """The agents of a host that this process has and that still run."""
    return [
        child.pid
        for child in psutil.Process().children()
        if child.status() != psutil.STATUS_ZOMBIE and host in child.cmdline()
    ]


class Foreground(Listener):
    """Runs a site's agents and keeps what they say."""

    def __init__(self, site: Site, *command: str) -> None:
        super().__init__()
        self._site = site
        self._command = command

    def run(self, *, timeout_s: float = 60) -> ForegroundResult:
        inventory = inventory_of(self._site)
        launcher = a_launcher(self._site.state, *self._command)
        options = ForegroundOptions(wait_timeout_s=timeout_s)
        return run_foreground(inventory, tuple(inventory.hosts.values()), launcher, self, options)


def test_agents_are_kept_running_and_stopped_with_us(tmp_path: Path) -> None:
    site = Site(tmp_path)
    foreground = Foreground(site)
    killed: list[int] = []

    def is_time() -> bool:
        if foreground.greeted and not killed:
            killed.append(site.pid("slave-0"))
            os.kill(killed[0], signal.SIGKILL)
        return bool(killed) and is_ready(site.state, "slave-0") and site.pid("slave-0") != killed[0]

    with ended_by_signal(is_time):
        result = foreground.run()
    assert result == ForegroundResult()
    assert foreground.greeted == 1
    assert ("slave-0", "the agent ended with code -9; it is started again in 1 s") in foreground.lines
    assert {host for host, _ in foreground.lines} == {"master", "slave-0"}
    for host in ("master", "slave-0"):
        assert HostState(site.state, host).record() is None


def test_who_is_refused_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    site = Site(tmp_path)
    foreground = Foreground(site)
    with listening() as port:
        site.more["slave-0"] = {"tcp_port": port}
        site.write_inventory()

        def is_time() -> bool:
            is_over = foreground.said(str(os.getpid())) and not _children("slave-0")
            return is_over and is_ready(site.state, "master")

        with ended_by_signal(is_time, signal.SIGINT):
            result = foreground.run()
    assert list(result.refused) == ["slave-0"]
    assert foreground.greeted == 0
    assert result.not_ready == ()


def test_when_none_is_ready_in_time_all_are_stopped(tmp_path: Path) -> None:
    result = Foreground(Site(tmp_path), *SLEEPS).run(timeout_s=0.2)
    assert sorted(result.not_ready) == ["master", "slave-0"]


def test_when_all_are_refused_it_is_over(tmp_path: Path) -> None:
    foreground = Foreground(
        Site(tmp_path), sys.executable, "-c", "import sys; print('no', file=sys.stderr); sys.exit(2)"
    )
    result = foreground.run()
    assert {name: str(error) for name, error in result.refused.items()} == {
        "master": "master: no",
        "slave-0": "slave-0: no",
    }
    assert foreground.greeted == 0


def test_an_end_during_a_pause_does_not_wait_for_it(tmp_path: Path) -> None:
    foreground = Foreground(Site(tmp_path), *DIES)
    with ended_by_signal(lambda: foreground.said("it is started again in 2 s")):
        result = foreground.run()
    assert result == ForegroundResult()
