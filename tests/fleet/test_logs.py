from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from sync_core.fleet.logs import follow_logs, read_logs
from sync_core.model.errors import FileTroubleError, NotBuiltError, StateError
from sync_core.model.inventory import Connection
from tests.support.agents import Pair, a_pair, state_of
from tests.support.net import a_host


def write(pair: Pair, host: str, text: bytes) -> Path:
    path = state_of(pair.state, host).log_path
    with path.open("ab") as file:
        file.write(text)
    return path


def test_the_last_lines_host_by_host(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    write(pair, "master", b"m1\nm2\nm3\n")
    write(pair, "slave", b"s1\n\xff\nhalf")
    hosts = pair.inventory.hosts.values()
    assert read_logs(pair.inventory, hosts, pair.state, lines=2) == (
        ("master", "m2"),
        ("master", "m3"),
        ("slave", "s1"),
        ("slave", "\N{REPLACEMENT CHARACTER}"),
    )
    assert read_logs(pair.inventory, hosts, pair.state, lines=0) == ()


def test_no_log_is_no_line(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    assert read_logs(pair.inventory, [pair.master], pair.state, lines=5) == ()
    assert not pair.state.exists()


def test_lines_are_followed_over_halves_and_rotations(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    path = write(pair, "slave", b"old\nlast\nha")
    following = follow_logs(pair.inventory, [pair.master, pair.slave], pair.state, lines=1)
    assert next(following) == ("slave", "last")
    write(pair, "slave", b"lf\n")
    assert next(following) == ("slave", "half")
    path.rename(path.with_suffix(".1"))
    write(pair, "slave", b"new\n")
    write(pair, "master", b"first\n")
    assert sorted(islice(following, 2)) == [("master", "first"), ("slave", "new")]
    path.write_bytes(b"x\n")  # truncated in place
    assert next(following) == ("slave", "x")


def test_a_log_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    state_of(pair.state, "slave").log_path.mkdir()
    with pytest.raises(FileTroubleError, match="can't be read"):
        read_logs(pair.inventory, [pair.slave], pair.state, lines=5)


def test_logs_of_others_are_not_shown(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    write(pair, "slave", b"secret\n")
    pair.write_record(pair.slave, inventory="/elsewhere.yaml")
    with pytest.raises(StateError):
        read_logs(pair.inventory, [pair.slave], pair.state, lines=5)
    with pytest.raises(NotBuiltError):
        read_logs(pair.inventory, [a_host("far", connection=Connection.SSH)], pair.state, lines=5)
