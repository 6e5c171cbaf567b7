"""Folders elsewhere look as they would at home, whatever they are read with."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from sync_core.model.errors import FileTroubleError, HostError, RootVanishedError, UnreachableError
from sync_core.model.path import RelPath
from sync_core.net.far_folder import FarFolder, Way, ways_of
from sync_core.net.far_python import PythonWay
from sync_core.net.far_sftp import FileAccess, SftpWay
from sync_core.net.far_shell import ShellWay
from sync_core.net.far_stream import WayError, mtime_ns_of
from sync_core.net.runner import LocalRunner
from sync_core.tree.scan import scan
from tests.support.disk import a_link, public_folder, unprivileged, write_tree
from tests.support.far_looks import seen_of
from tests.support.runners import FilesOnlyRunner, PrefixRunner, ScriptedRunner

T = TypeVar("T")

OLD_TOOLS = {
    "find": 'for word do case $word in -printf|-readable|-executable) exit 1;; esac; done; exec {find} "$@"',
    "md5sum": 'case "$1" in -z) exit 1;; esac; exec {md5sum} "$@"',
}
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--")
"""Since shells shake off an effective user that is not the real one."""
NO_TOOLS = {"md5sum": "exit 127", "python3": "exit 127"}


def with_tools(folder: Path, tools: dict[str, str]) -> PrefixRunner:
    """Return this machine with other tools in front of its own."""
    folder.mkdir()
    paths = {name: shutil.which(name) for name in tools}
    for name, text in tools.items():
        (folder / name).write_text(f"#!/bin/sh\n{text.format(**paths)}\n")
        (folder / name).chmod(0o755)
    return PrefixRunner("env", f"PATH={folder}:{os.environ['PATH']}")


def with_busybox(folder: Path) -> PrefixRunner:
    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip("needs busybox")
    folder.mkdir()
    for name in ("sh", "find", "md5sum", "stat", "readlink", "head", "wc", "true", "xargs"):
        (folder / name).symlink_to(busybox)
    return PrefixRunner("env", f"PATH={folder}")


@pytest.fixture(params=["python", "shell", "old tools", "busybox", "sftp"])
def way(request: pytest.FixtureRequest, tmp_path: Path) -> Way:
    match request.param:
        case "python":
            return PythonWay(LocalRunner(), deadline_s=60, python=sys.executable)
        case "shell":
            return ShellWay(LocalRunner(), deadline_s=60)
        case "old tools":
            return ShellWay(with_tools(tmp_path / "bin", OLD_TOOLS), deadline_s=60)
        case "busybox":
            return ShellWay(with_busybox(tmp_path / "bin"), deadline_s=60)
        case _:
            return SftpWay(FilesOnlyRunner())


def a_nasty_tree(root: Path) -> Path:
    write_tree(
        root,
        {
            "a/b/x": b"1",
            "a/.hidden": b"no",
            ".hidden/y": b"2",
            "line\nbreak": b"3",
            "-dash": b"4",
            "blank '\"$x `id`": b"5",
            "empty": None,
            "größe": b"6",
            "back\\slash": b"7",
            ".jsync-0123456789abcdef~": b"8",
            "nothing": b"",
        },
    )
    for name, target in {
        "to-file": "a/b/x",
        "to-folder": "a",
        "out": "/etc",
        "out-file": "/etc/passwd",
        "dead": "nowhere",
        "a/b/circle": "..",
        "loop": "pool",
        "pool": "loop",
    }.items():
        a_link(root / name, target)
    os.mkfifo(root / "fifo")
    return root


def test_a_list_is_that_of_a_scan(way: Way, tmp_path: Path) -> None:
    root = a_nasty_tree(tmp_path / "tree")
    here = scan(root)
    there = asyncio.run(way.scan(str(root)))
    assert seen_of(there) == seen_of(here)
    assert {trouble.path for trouble in there.troubles} == {trouble.path for trouble in here.troubles}


def test_an_empty_folder_and_one_behind_a_link(way: Way, tmp_path: Path) -> None:
    write_tree(tmp_path / "tree", {"x": b"1"})
    a_link(tmp_path / "link", "tree")
    (tmp_path / "empty").mkdir()
    assert list(asyncio.run(way.scan(str(tmp_path / "empty"))).root.children) == []
    assert list(asyncio.run(way.scan(str(tmp_path / "link"))).root.children) == ["x"]


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff\xfe")).write_bytes(b"1")
    for one in (PythonWay(LocalRunner(), deadline_s=60), ShellWay(LocalRunner(), deadline_s=60)):
        assert seen_of(asyncio.run(one.scan(str(tmp_path)))) == seen_of(scan(tmp_path))


def test_a_link_to_a_hidden_name(tmp_path: Path) -> None:
    write_tree(tmp_path, {".h/d/y": b"2", ".h/z": b"3"})
    for name, target in {"folder": ".h/d", "file": ".h/z", "twice": ".h/z"}.items():
        a_link(tmp_path / name, target)
    assert seen_of(asyncio.run(PythonWay(LocalRunner(), deadline_s=60).scan(str(tmp_path)))) == seen_of(scan(tmp_path))
    by_shell = seen_of(asyncio.run(ShellWay(LocalRunner(), deadline_s=60).scan(str(tmp_path))))
    assert all(one.is_unreadable for one in by_shell.values())


def test_contents(way: Way, tmp_path: Path) -> None:
    root = a_nasty_tree(tmp_path / "tree")
    good = {"a/b/x": b"1", "to-file": b"1", "to-folder/b/x": b"1", "line\nbreak": b"3", "nothing": b""}
    bad = ("out-file", "dead", "fifo", "gone", "empty", "loop", "blank '\"$x `id`")
    paths = [RelPath(path) for path in (*good, *bad[:-1])]
    found = asyncio.run(way.read(str(root), paths, most_bytes=100))
    assert {path: found[RelPath(path)] for path in good} == good
    assert all(isinstance(found[RelPath(path)], FileTroubleError) for path in bad[:-1])
    write_tree(root, {"big": b"x" * 101})
    (error,) = asyncio.run(way.read(str(root), [RelPath("big")], most_bytes=100)).values()
    assert "bigger than 100 bytes" in str(error)


def test_a_folder_that_is_none(way: Way, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RootVanishedError):
        asyncio.run(way.scan(str(tmp_path / "gone")))
    with pytest.raises(RootVanishedError):
        asyncio.run(way.read(str(tmp_path / "gone"), [RelPath("x")], most_bytes=1))
    with pytest.raises(FileTroubleError):
        asyncio.run(way.scan(str(tmp_path / "file")))


def test_what_may_not_be_read_is_told_as_such() -> None:
    with public_folder() as root:
        write_tree(root, {"shut/x": b"1", "file": b"2", "open": b"3", "top/x": b"4"})
        (root / "shut").chmod(0)
        (root / "file").chmod(0)
        (root / "top").chmod(0)
        nobody = PrefixRunner(*(NOBODY if os.geteuid() == 0 else ()))
        with unprivileged():
            for one in (PythonWay(nobody, deadline_s=60), ShellWay(nobody, deadline_s=60), SftpWay(FilesOnlyRunner())):
                assert seen_of(asyncio.run(one.scan(str(root)))) == seen_of(scan(root))
                found = asyncio.run(one.read(str(root), [RelPath("file"), RelPath("open")], most_bytes=9))
                assert isinstance(found[RelPath("file")], FileTroubleError)
                assert found[RelPath("open")] == b"3"
                with pytest.raises(FileTroubleError):
                    asyncio.run(one.scan(str(root / "top")))


def test_thousands_of_files_and_arguments(tmp_path: Path) -> None:
    tree = {f"folder-{n % 7}/{'long' * 20}-{n}.job.xml": str(n).encode() for n in range(1500)}
    write_tree(tmp_path, tree)
    for one in (PythonWay(LocalRunner(), deadline_s=60), ShellWay(LocalRunner(), deadline_s=60)):
        assert asyncio.run(one.scan(str(tmp_path))).root.totals.files == 1500
    found = asyncio.run(
        ShellWay(LocalRunner(), deadline_s=60).read(str(tmp_path), [RelPath(path) for path in tree], most_bytes=9)
    )
    assert found == tree


def test_the_first_way_that_works_is_kept(tmp_path: Path) -> None:
    write_tree(tmp_path / "tree", {"x": b"1"})
    nothing = ScriptedRunner(exit_code=127, complaint=b"sh: python3: not found\n")
    shell = ShellWay(LocalRunner(), deadline_s=60)
    folder = FarFolder(str(tmp_path / "tree"), (PythonWay(nothing, deadline_s=60), shell))
    assert list(asyncio.run(folder.scan()).root.children) == ["x"]
    assert asyncio.run(folder.read([RelPath("x")], most_bytes=9)) == {"x": b"1"}
    assert len(nothing.commands) == 1
    assert all(process.is_closed for process in nothing.processes)


def test_the_ways_of_a_host(tmp_path: Path) -> None:
    assert [type(way) for way in ways_of(LocalRunner(), deadline_s=1)] == [PythonWay, ShellWay]
    write_tree(tmp_path, {"x": b"1"})
    folder = FarFolder(str(tmp_path), ways_of(FilesOnlyRunner(), deadline_s=1))
    assert list(asyncio.run(folder.scan()).root.children) == ["x"]


def test_a_host_without_anything_to_read_with(tmp_path: Path) -> None:
    folder = FarFolder(str(tmp_path), ways_of(with_tools(tmp_path / "bin", NO_TOOLS), deadline_s=60))
    with pytest.raises(
        HostError, match="can't be read there: it ended with exit code 127; it says 'nothing'"
    ) as caught:
        asyncio.run(folder.scan())
    assert caught.value.hint is not None


def test_a_host_that_gives_no_access_at_all() -> None:
    class Shut(FilesOnlyRunner):
        async def with_files(self, work: Callable[[FileAccess], T]) -> T:
            raise HostError("no access to files")

    with pytest.raises(HostError, match="no command can be started; no command can be started; no access to files"):
        asyncio.run(FarFolder("/srv", ways_of(Shut(), deadline_s=1)).scan())


def test_a_host_that_cannot_be_reached_is_asked_once() -> None:
    away = ScriptedRunner(error=UnreachableError("Connection refused"))
    with pytest.raises(UnreachableError):
        asyncio.run(FarFolder("/srv", ways_of(away, deadline_s=1)).scan())
    assert len(away.commands) == 1


@pytest.mark.parametrize(
    "output",
    [
        b"",
        b"rubbish",
        b"rubbish\0",
        b"tree\0/srv\0",
        b"tree\0/srv\0d\0a\0\0",
        b"tree\0/srv\0f\0a\0nomd5\0001\0001\0end\0",
        b"tree\0/srv\0f\0a\0\0x\0001\0end\0",
        b"tree\0/srv\0f\0a\0\0" + b"9" * 30 + b"\0001\0end\0",
        b"tree\0/srv\0surprise\0",
        b"tree\0" + b"x" * 70000 + b"\0end\0",
    ],
)
def test_a_list_that_is_none_is_never_taken_for_one(output: bytes) -> None:
    with pytest.raises(HostError, match="can't be read there"):
        asyncio.run(FarFolder("/srv", ways_of(ScriptedRunner(output), deadline_s=1)).scan())


def test_a_list_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync_core.net.far_stream._MOST_BYTES", 1000)
    with pytest.raises(WayError, match="more than 1000 bytes"):
        asyncio.run(PythonWay(ScriptedRunner(b"tree\0/srv\0" + b"d\0a\0\0" * 1000), deadline_s=1).scan("/srv"))


@pytest.mark.parametrize(
    "output",
    [
        b"tree\0/srv\0end\0",
        b"tree\0/srv\0file\0other\0001\0x" + b"end\0",
        b"tree\0/srv\0file\0x\000999\0x" + b"end\0",
        b"tree\0/srv\0file\0x\0many\0x" + b"end\0",
        b"tree\0/srv\0file\0x\00011\0" + b"x" * 11 + b"end\0",
        b"tree\0/srv\0file\0x\0001\0xfile\0x\0001\0xend\0",
        b"tree\0/srv\0file\0x\0009\0x",
    ],
)
def test_contents_that_are_none(output: bytes) -> None:
    folder = FarFolder("/srv", ways_of(ScriptedRunner(output), deadline_s=1))
    with pytest.raises(HostError, match="can't be read there"):
        asyncio.run(folder.read([RelPath("x")], most_bytes=9))


def test_a_folder_that_vanishes_meanwhile_has_no_list() -> None:
    moved = ScriptedRunner(b"tree\0/srv\0moved\0")
    with pytest.raises(RootVanishedError, match="while it was read"):
        asyncio.run(FarFolder("/srv", ways_of(moved, deadline_s=1)).scan())


def test_times_of_every_kind() -> None:
    def listed(time: bytes) -> bytes:
        return b"tree\0/srv\0f\0" + time + b"\0001\0./a\0md5\0" + b"0" * 32 + b"  ./a\0" + b"links\0end\0"

    def second(time: bytes) -> int | None:
        (seen,) = seen_of(asyncio.run(ShellWay(ScriptedRunner(listed(time)), deadline_s=60).scan("/srv"))).values()
        return seen.last_write_time

    assert [second(time) for time in (b"12", b"12.9345678901", b"-12.5")] == [12, 12, 0]
    assert mtime_ns_of("12.0345678901") == 12_034_567_890
    assert mtime_ns_of("-12.5") == -12 * 10**9 + 500_000_000
    folder = FarFolder("/srv", (ShellWay(ScriptedRunner(listed(b"1,5")), deadline_s=60),))
    with pytest.raises(HostError, match="a time that is none"):
        asyncio.run(folder.scan())
