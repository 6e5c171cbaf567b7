from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from sync_core.fleet.each import FleetOptions
from sync_core.fleet.logs import follow_logs, read_logs
from sync_core.model.errors import FileTroubleError, JsyncError, StateError, UnreachableError
from sync_core.model.inventory import Connection, Host
from sync_core.net.runner import Runner
from tests.support.agents import Pair, a_pair, state_of
from tests.support.runners import ScriptedRunner


def write(pair: Pair, host: str, text: bytes) -> Path:
    path = state_of(pair.state, host).log_path
    with path.open("ab") as file:
        file.write(text)
    return path


def last_lines(pair: Pair, *hosts: Host, lines: int = 5) -> dict[str, tuple[str, ...]]:
    logs = read_logs(pair.inventory, hosts, pair.state, lines=lines)
    assert [log.error for log in logs] == [None] * len(hosts)
    return {log.host: log.lines for log in logs}


def test_the_last_lines_host_by_host(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    write(pair, "master", b"m1\nm2\nm3\n")
    write(pair, "slave", b"s1\n\xff\nhalf")
    assert last_lines(pair, pair.master, pair.slave, lines=2) == {
        "master": ("m2", "m3"),
        "slave": ("s1", "\N{REPLACEMENT CHARACTER}"),
    }
    assert last_lines(pair, pair.master, lines=0) == {"master": ()}


def test_no_log_is_no_line(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    assert last_lines(pair, pair.master) == {"master": ()}
    assert not pair.state.exists()


class Followed:
    """What following shows, and what a test does about it."""

    def __init__(self, *, lines: int = 0, then: Callable[[int], None] = lambda _: None) -> None:
        self.lines: list[tuple[str, str]] = []
        self.errors: dict[str, str] = {}
        self._wanted = lines
        self._then = then

    def show(self, host: str, line: str) -> None:
        self.lines.append((host, line))
        self._then(len(self.lines))

    def failed(self, host: str, error: JsyncError) -> None:
        self.errors[host] = str(error)

    def is_wanted(self) -> bool:
        return len(self.lines) < self._wanted

    def follow(
        self, pair: Pair, *hosts: Host, lines: int = 1, runner: Runner | None = None, lifeline: int | None = None
    ) -> Followed:
        follow_logs(
            pair.inventory,
            hosts,
            pair.state,
            lines=lines,
            options=FleetOptions(runner_of=lambda _: runner or ScriptedRunner(), timeout_s=20),
            show=self.show,
            failed=self.failed,
            is_wanted=self.is_wanted,
            lifeline=lifeline,
        )
        return self


def test_lines_are_followed_over_halves_and_rotations(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    path = write(pair, "slave", b"old\nlast\nha")

    def go_on(shown: int) -> None:
        if shown == 1:
            write(pair, "slave", b"lf\n")
        elif shown == 2:
            path.rename(path.with_suffix(".1"))
            write(pair, "slave", b"new\n")
            write(pair, "master", b"first\n")
        elif shown == 4:
            path.write_bytes(b"x\n")  # truncated in place

    found = Followed(lines=5, then=go_on).follow(pair, pair.master, pair.slave)
    assert found.lines[:2] == [("slave", "last"), ("slave", "half")]
    assert sorted(found.lines[2:4]) == [("master", "first"), ("slave", "new")]
    assert found.lines[4:] == [("slave", "x")]


def test_nobody_goes_on_when_the_other_end_of_the_lifeline_is_gone(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    write(pair, "slave", b"line\n")
    reader, writer = os.pipe()
    try:
        found = Followed(lines=2, then=lambda _: os.close(writer)).follow(pair, pair.slave, lifeline=reader)
    finally:
        os.close(reader)
    assert found.lines == [("slave", "line")]


def test_a_log_that_cannot_be_read_is_its_hosts_error(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    state_of(pair.state, "slave").log_path.mkdir()
    write(pair, "master", b"m\n")
    master, slave = read_logs(pair.inventory, [pair.master, pair.slave], pair.state, lines=5)
    assert isinstance(slave.error, FileTroubleError)
    assert (master.lines, master.error) == (("m",), None)
    found = Followed(lines=2).follow(pair, pair.slave)
    assert "can't be read" in found.errors["slave"]


def test_logs_of_others_are_not_shown(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    write(pair, "slave", b"secret\n")
    pair.write_record(pair.slave, inventory="/elsewhere.yaml")
    (log,) = read_logs(pair.inventory, [pair.slave], pair.state, lines=5)
    assert isinstance(log.error, StateError)
    assert "another inventory" in Followed(lines=1).follow(pair, pair.slave).errors["slave"]


def a_far_pair(folder: Path) -> Pair:
    far = {"connection": Connection.SSH}
    return a_pair(folder, master=far, slave=far)


def test_elsewhere_the_jsync_of_that_machine_is_asked(tmp_path: Path) -> None:
    pair = a_far_pair(tmp_path)
    document = {
        "lines": [{"host": "slave", "line": "1"}, {"host": "other", "line": "2"}, {"host": "slave", "line": 7}, 7],
        "errors": [{"host": "master", "error": {"code": "state", "message": "another inventory"}}],
    }
    runner = ScriptedRunner(json.dumps(document).encode())
    options = FleetOptions(runner_of=lambda _: runner, timeout_s=20)
    master, slave = read_logs(pair.inventory, [pair.master, pair.slave], pair.state, lines=3, options=options)
    assert slave.lines == ("1",)
    assert isinstance(master.error, StateError)
    assert runner.commands[0][3:8] == ("jsync", "logs", "master", "-n", "3")
    away = FleetOptions(runner_of=lambda _: ScriptedRunner(error=UnreachableError("away")), timeout_s=20)
    (log,) = read_logs(pair.inventory, [pair.slave], pair.state, lines=3, options=away)
    assert isinstance(log.error, UnreachableError)
    nonsense = FleetOptions(runner_of=lambda _: ScriptedRunner(b'{"lines": 7}'), timeout_s=20)
    assert read_logs(pair.inventory, [pair.slave], pair.state, lines=3, options=nonsense)[0].lines == ()


def test_far_logs_are_followed_by_one_command_for_each_machine(tmp_path: Path) -> None:
    pair = a_far_pair(tmp_path)
    runner = ScriptedRunner(b"motd\nmaster | m1\nslave  | s1 | x\nother  | no\nslave  | half", complaint=b"ended\n")
    found = Followed(lines=9).follow(pair, pair.master, pair.slave, lines=4, runner=runner)
    assert found.lines == [("master", "m1"), ("slave", "s1 | x")]
    assert found.errors == {"master": "ended", "slave": "ended"}
    (command,) = runner.commands
    assert command[3:10] == ("jsync", "logs", "master", "slave", "-f", "-n", "4")
    assert all(process.is_closed for process in runner.processes)


def test_a_far_log_that_cannot_be_followed_is_its_hosts_error(tmp_path: Path) -> None:
    pair = a_far_pair(tmp_path)
    away = ScriptedRunner(error=UnreachableError("away"))
    assert Followed(lines=9).follow(pair, pair.slave, runner=away).errors == {"slave": "away"}
    silent = ScriptedRunner()
    assert Followed(lines=9).follow(pair, pair.slave, runner=silent).errors == {
        "slave": "its jsync ended with exit code 0"
    }


def test_nobody_wants_to_know(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    write(pair, "slave", b"1\n")
    assert Followed(lines=0).follow(pair, pair.slave).lines == []
