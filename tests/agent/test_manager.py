from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from sync_core.agent.manager import ServiceManager


@contextmanager
def a_manager(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address)
        listener.settimeout(10)
        yield listener


def told(manager: ServiceManager, times: int = 1) -> None:
    async def main() -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.05 * times):
                await manager.keep_telling()

    asyncio.run(main())


@pytest.mark.parametrize("is_abstract", [False, True])
def test_it_is_told_when_agents_are_ready_and_stop(tmp_path: Path, is_abstract: bool) -> None:
    name = f"jsync-test-{os.getpid()}" if is_abstract else str(tmp_path / "notify")
    address = f"\0{name}" if is_abstract else name
    with a_manager(address) as listener:
        manager = ServiceManager({"NOTIFY_SOCKET": f"@{name}" if is_abstract else name})
        manager.ready()
        manager.stopping()
        assert [listener.recv(100), listener.recv(100)] == [b"READY=1", b"STOPPING=1"]


def test_a_watchdog_hears_of_the_loop_again_and_again(tmp_path: Path) -> None:
    name = str(tmp_path / "notify")
    with a_manager(name) as listener:
        told(ServiceManager({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "1000"}))
        assert [listener.recv(100), listener.recv(100)] == [b"WATCHDOG=1", b"WATCHDOG=1"]


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"},
    ],
)
def test_who_wants_to_hear_nothing_hears_nothing(tmp_path: Path, environ: dict[str, str]) -> None:
    name = str(tmp_path / "notify")
    with a_manager(name) as listener:
        told(ServiceManager({"NOTIFY_SOCKET": name, **environ}))
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.recv(100)


def test_one_that_is_not_there_does_not_matter(tmp_path: Path) -> None:
    for environ in ({}, {"NOTIFY_SOCKET": str(tmp_path / "gone")}, {"NOTIFY_SOCKET": ""}):
        manager = ServiceManager({**environ, "WATCHDOG_USEC": "1000"})
        manager.ready()
        told(manager)
        manager.stopping()
