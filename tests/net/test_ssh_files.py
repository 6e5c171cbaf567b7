"""Files by SFTP, from a server that runs no commands, and from one that dies."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from sync_core.model.errors import HostError, UnreachableError
from sync_core.model.path import RelPath
from sync_core.net.far_folder import FarFolder, ways_of
from sync_core.net.far_sftp import FileAccess, SftpWay
from sync_core.net.ssh import SshLimits, SshRunner
from sync_core.tree.scan import scan
from tests.support.disk import a_link, write_tree
from tests.support.far_looks import seen_of
from tests.support.site import eventually
from tests.support.ssh_server import PASSWORD, Server, ssh_server


def a_runner(server: Server, folder: Path, *, become: bool = False) -> SshRunner:
    target = server.target(server.known_hosts(folder / "known_hosts"))
    return SshRunner(target, password=PASSWORD, become=become, limits=SshLimits(connect_s=10, step_s=10))


def a_tree(folder: Path) -> Path:
    write_tree(folder / "tree", {"a/x": b"1", "größe": b"2" * 100_000, "empty": None})
    a_link(folder / "tree" / "link", "a")
    return folder / "tree"


def test_a_folder_of_a_host_that_runs_no_commands(tmp_path: Path) -> None:
    root = a_tree(tmp_path)

    async def go(server: Server) -> None:
        runner = a_runner(server, tmp_path)
        try:
            folder = FarFolder(str(root), ways_of(runner, deadline_s=20))
            assert seen_of(await folder.scan()) == seen_of(scan(root))
            assert await folder.read([RelPath("link/x")], most_bytes=9) == {"link/x": b"1"}
        finally:
            await runner.close()

    with ssh_server() as server:
        server.runs_commands = False
        asyncio.run(go(server))
        assert server.connections == 1
    # One that has done its work may need a moment to end.
    eventually(lambda: not [thread for thread in threading.enumerate() if thread.name.startswith("ssh ")])


def test_names_that_are_no_text_are_told_by_commands_only(tmp_path: Path) -> None:
    root = tmp_path / os.fsdecode(b"tr\xffee")
    root.mkdir()
    (root / os.fsdecode(b"\xfe")).write_bytes(b"1")

    async def go(server: Server) -> None:
        runner = a_runner(server, tmp_path)
        try:
            folder = FarFolder(str(root), ways_of(runner, deadline_s=20))
            assert seen_of(await folder.scan()) == seen_of(scan(root))
            with pytest.raises(HostError):
                await SftpWay(runner).scan(str(root))
        finally:
            await runner.close()

    with ssh_server() as server:
        asyncio.run(go(server))


def test_nobody_becomes_root_by_sftp(tmp_path: Path) -> None:
    with ssh_server() as server, pytest.raises(HostError, match="becomes root"):
        asyncio.run(SftpWay(a_runner(server, tmp_path, become=True)).scan("/"))


def test_a_connection_that_dies_meanwhile(tmp_path: Path) -> None:
    async def go(server: Server) -> None:
        runner = a_runner(server, tmp_path)

        def work(files: FileAccess) -> object:
            files.info("/")
            server.drop()
            return files.info("/")

        try:
            with pytest.raises(UnreachableError):
                await runner.with_files(work)
        finally:
            await runner.close()

    with ssh_server() as server:
        asyncio.run(go(server))


def test_what_was_seen_of_files_while_the_connection_died_means_nothing(tmp_path: Path) -> None:
    async def go(server: Server) -> None:
        runner = a_runner(server, tmp_path)

        def work(files: FileAccess) -> str:
            server.drop()
            try:
                while True:
                    files.info("/")
            except (OSError, EOFError):
                return "unreadable"

        try:
            with pytest.raises(UnreachableError):
                await runner.with_files(work)
        finally:
            await runner.close()

    with ssh_server() as server:
        asyncio.run(go(server))


def test_who_gives_up_waiting_ends_the_work(tmp_path: Path) -> None:
    at_work = threading.Event()
    has_ended = threading.Event()

    def work(files: FileAccess) -> None:
        try:
            while True:
                files.info("/")
                at_work.set()
        finally:
            has_ended.set()

    async def go(server: Server) -> None:
        runner = a_runner(server, tmp_path)
        try:
            task = asyncio.ensure_future(runner.with_files(work))
            while not at_work.is_set():  # noqa: ASYNC110 - it is set on another thread
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        finally:
            await runner.close()

    with ssh_server() as server:
        asyncio.run(go(server))
        assert has_ended.wait(20)
