from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from sync_core.agent.state import HostState
from sync_core.fleet.down import DownOutcome, stop_detached
from sync_core.fleet.launch import NotReady
from sync_core.fleet.units import Units, find_units
from sync_core.fleet.up import UpOutcome, start_detached
from sync_core.model.errors import HostError
from tests.support.agents import Pair, a_pair
from tests.support.fleet import a_launcher

SYSTEMCTL = """\
#!{python}
import json, pathlib, subprocess, sys, time
folder = pathlib.Path({folder!r})
words = [word for word in sys.argv[1:] if not word.startswith("-")]
with open(folder / "calls", "a") as calls:
    print(*sys.argv[1:], file=calls)
verb = folder / (words[0] + ".py")
sys.exit(subprocess.run([{python!r}, verb, *words[1:]]).returncode if verb.exists() else 0)
"""
REFUSES = "import sys; sys.exit('Failed: no')"
HANGS = "import time; time.sleep(30)"


class Manager:
    """A service manager that notes what it is told; verbs do what a test wants."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        program = folder / "systemctl"
        program.write_text(SYSTEMCTL.format(python=sys.executable, folder=str(folder)))
        program.chmod(0o755)
        self.units = Units(
            systemctl=(str(program),), folder=folder / "units", is_of_user=False, loginctl=(str(program),)
        )

    def when(self, verb: str, program: str) -> None:
        (self.folder / f"{verb}.py").write_text(program)

    def calls(self) -> list[str]:
        file = self.folder / "calls"
        found = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return found


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return a_pair(tmp_path / "pair")


@pytest.fixture
def manager(tmp_path: Path) -> Manager:
    return Manager(tmp_path)


NAME = "jsync-slave.service"
START = ["daemon-reload", f"enable --quiet {NAME}", f"reset-failed {NAME}", f"start {NAME}"]


def start(pair: Pair, manager: Manager, *, timeout_s: float = 20) -> object:
    state = HostState(pair.state, "slave")
    state.create()
    launcher = a_launcher(pair.state, "/bin/jsync")
    return manager.units.start_agent(launcher, pair.inventory, pair.slave, state, timeout_s=timeout_s)


def is_started(pair: Pair) -> str:
    """Return a program that leaves the record of an agent that is ready."""
    record = pair.write_record(pair.slave)
    file = pair.state / "slave" / "agent.json"
    text = file.read_text()
    file.unlink()
    assert record.is_ready
    return f"import pathlib; pathlib.Path({str(file)!r}).write_text({text!r})"


def test_an_agent_is_started_as_a_unit(pair: Pair, manager: Manager) -> None:
    manager.when("start", is_started(pair))
    record = start(pair, manager)
    assert getattr(record, "pid", None) == os.getpid()
    assert manager.calls() == START
    text = (manager.units.folder / NAME).read_text()
    assert text.startswith("# Written by `jsync up`")
    assert f"ExecStart=/bin/jsync agent slave --inventory {pair.inventory.source} --detached" in text
    assert f"StandardError=truncate:{pair.state}/slave/agent.err" in text
    assert [path.name for path in manager.units.folder.iterdir()] == [NAME]
    assert pair.slave.cache is not None
    assert pair.slave.cache.is_dir()


def test_one_that_does_not_start_is_not_tried_for_ever(pair: Pair, manager: Manager) -> None:
    state = HostState(pair.state, "slave")
    state.create()
    state.startup_errors_path.write_text("jsync: the port is taken\n")
    manager.when("start", REFUSES)
    assert start(pair, manager) == NotReady(exit_code=1, reason="the port is taken")
    assert manager.calls() == [*START, f"stop {NAME}"]


def test_one_that_never_came_to_say_anything_is_what_systemd_says(pair: Pair, manager: Manager) -> None:
    manager.when("start", REFUSES)
    manager.when("show", "print('Result=exit-code\\nExecMainStatus=226')")
    reason = f"systemd could not run it (Result=exit-code, ExecMainStatus=226); ask it: systemctl status {NAME}"
    assert start(pair, manager) == NotReady(exit_code=1, reason=reason)


def test_one_that_takes_too_long_is_not_ready(pair: Pair, manager: Manager) -> None:
    manager.when("start", HANGS)
    assert start(pair, manager, timeout_s=0.3) == NotReady(exit_code=None, reason="not ready within 0.3 s")


def test_what_the_manager_refuses_is_told(pair: Pair, manager: Manager) -> None:
    manager.when("enable", REFUSES)
    with pytest.raises(HostError, match="systemctl enable: Failed: no"):
        start(pair, manager)
    manager.when("enable", "import sys; sys.exit(7)")
    with pytest.raises(HostError, match="systemctl enable: exit code 7"):
        start(pair, manager)


def test_a_unit_that_cant_be_written_is_told(pair: Pair, manager: Manager) -> None:
    manager.units.folder.write_text("in the way")
    with pytest.raises(HostError, match="units: File exists"):
        start(pair, manager)


def test_an_administrators_own_unit_is_left_alone(pair: Pair, manager: Manager) -> None:
    manager.units.folder.mkdir()
    file = manager.units.folder / NAME
    file.write_text("[Unit]\n")
    assert manager.units.has("slave") is False
    with pytest.raises(HostError, match="is there, and not of our making"):
        start(pair, manager)
    manager.units.stop("slave")
    manager.units.forget("slave")
    assert (file.read_text(), manager.calls()) == ("[Unit]\n", [])


def test_up_and_down_by_units(pair: Pair, manager: Manager) -> None:
    manager.when("start", is_started(pair))

    def up() -> UpOutcome:
        launcher = a_launcher(pair.state, "/bin/jsync")
        (found,) = start_detached(pair.inventory, [pair.slave], launcher, wait_timeout_s=20, units=manager.units)
        return found.outcome

    def down() -> DownOutcome:
        (found,) = stop_detached(pair.inventory, [pair.slave], pair.state, units=manager.units)
        return found.outcome

    assert down() is DownOutcome.NOT_RUNNING
    assert (up(), manager.calls()) == (UpOutcome.STARTED, START)
    assert (up(), manager.calls()) == (UpOutcome.RUNNING, [])
    pair.write_record(pair.slave, settings_md5="other", process_started_at=1.0)
    assert (up(), manager.calls()) == (UpOutcome.STARTED, [f"stop {NAME}", *START])
    pair.write_record(pair.slave, process_started_at=1.0)
    assert down() is DownOutcome.NOT_RUNNING
    assert manager.calls() == [f"disable --now --quiet {NAME}", "daemon-reload"]
    assert list(manager.units.folder.iterdir()) == []
    assert (down(), manager.calls()) == (DownOutcome.NOT_RUNNING, [])


def test_a_unit_that_cant_be_removed_is_told(pair: Pair, manager: Manager) -> None:
    manager.when("start", is_started(pair))
    start(pair, manager)
    file = manager.units.folder / NAME
    manager.when("disable", f"import os; os.unlink({str(file)!r}); os.mkdir({str(file)!r})")
    with pytest.raises(HostError, match="Is a directory"):
        manager.units.forget("slave")


@pytest.mark.parametrize(
    ("is_of_user", "program", "expected"), [(False, REFUSES, True), (True, "", True), (True, REFUSES, False)]
)
def test_units_of_a_user_need_to_outlive_logins(
    manager: Manager, is_of_user: bool, program: str, expected: bool
) -> None:
    manager.when("enable-linger", program)
    units = Units(systemctl=("false",), folder=manager.folder, is_of_user=is_of_user, loginctl=manager.units.loginctl)
    assert units.outlive_logins() is expected
    assert manager.calls() == (["enable-linger"] if is_of_user else [])


def test_a_manager_whose_programs_are_gone_is_none(pair: Pair, tmp_path: Path) -> None:
    gone = Units(systemctl=("/nowhere/s",), folder=tmp_path / "units", is_of_user=True, loginctl=("/nowhere/l",))
    assert gone.outlive_logins() is False
    state = HostState(pair.state, "slave")
    state.create()
    with pytest.raises(HostError, match="systemctl can't be run: No such file or directory"):
        gone.start_agent(a_launcher(pair.state), pair.inventory, pair.slave, state, timeout_s=1)


def test_which_manager_there_is(tmp_path: Path) -> None:
    assert find_units({}, root=tmp_path, uid=0) is None
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    system = find_units({}, root=tmp_path, uid=0)
    assert system == Units(systemctl=("systemctl",), folder=tmp_path / "etc/systemd/system", is_of_user=False)
    assert find_units({"HOME": "/h"}, root=tmp_path, uid=7) is None
    for runtime, environ in (
        (tmp_path / "run/user/7", {"HOME": "/h"}),
        (tmp_path / "own", {"XDG_RUNTIME_DIR": str(tmp_path / "own"), "XDG_CONFIG_HOME": "/h/.config"}),
    ):
        (runtime / "systemd/private").mkdir(parents=True)
        systemctl = ("env", f"XDG_RUNTIME_DIR={runtime}", "systemctl", "--user")
        expected = Units(systemctl=systemctl, folder=Path("/h/.config/systemd/user"), is_of_user=True)
        assert find_units(environ, root=tmp_path, uid=7) == expected
