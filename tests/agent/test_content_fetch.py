"""Contents into an update of the cache, over a real connection."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sync_core.agent.cache import CacheFolder
from sync_core.agent.content_fetch import BrokenOffError, ContentFetch
from sync_core.model.answer_plan import PlannedWrite, UpdatePlan, plan_update
from sync_core.model.errors import FileTroubleError, UnreachableError
from sync_core.model.file import sha256_of
from sync_core.model.folder import EMPTY_FOLDER
from sync_core.model.inventory import MaxDelete
from sync_core.model.path import RelPath
from sync_core.net.dialect_client import DialectConnection
from sync_core.protocol.dialect.messages import Check, Same
from sync_core.tree.apply import Applied
from sync_core.tree.disk import LOCAL_DISK, Disk
from tests.support.digests import MemoryDigests
from tests.support.disk import read_tree
from tests.support.disks import OddDisk
from tests.support.net import run
from tests.support.offering import OfferingAgent, asked

MIB = 1 << 20
BIG = bytes(range(256)) * (6 * MIB // 256)


class Fetching:
    """A cache to be filled from an agent that has offered its tree."""

    def __init__(self, root: Path, agent: OfferingAgent, connection: DialectConnection, disk: Disk) -> None:
        self.agent = agent
        self.connection = connection
        self.wake = asyncio.Event()
        most = MaxDelete(number=50, is_percentage=True)
        self.cache = CacheFolder(root, max_delete=most, digests=MemoryDigests(), disk=disk)

    @classmethod
    @asynccontextmanager
    async def of(
        cls, root: Path, files: Mapping[str, bytes | None], disk: Disk = LOCAL_DISK
    ) -> AsyncIterator[Fetching]:
        async with OfferingAgent(files).running() as agent, agent.connected() as connection:
            fetching = cls(root, agent, connection, disk)
            await fetching.cache.prepare()
            await asked(connection, Check())
            yield fetching

    def a_fetch(self, plan: UpdatePlan, there: Mapping[RelPath, bytes] | None = None) -> ContentFetch:
        missing = [step for step in plan if isinstance(step, PlannedWrite) and step.path not in (there or {})]
        return ContentFetch(self.connection, missing, there or {}, timeout_s=5, wake=self.wake)

    async def fill(self, fetch: ContentFetch, plan: UpdatePlan) -> Applied:
        return await self.cache.update(plan, fetch.bring)

    @property
    def plan(self) -> UpdatePlan:
        return plan_update(EMPTY_FOLDER, self.agent.tree)

    async def is_connection_of_use(self) -> bool:
        digest = self.agent.tree.digest
        (answered,) = await asked(self.connection, Check(known=digest))
        return getattr(answered, "answer", None) == Same()


def test_small_and_big_ones_and_what_came_along_already(tmp_path: Path) -> None:
    files = {"a": b"1", "big": BIG, "d/b": b"2" * 1000, "empty": b"", "there": b"3"}

    async def go() -> None:
        async with Fetching.of(tmp_path / "c", files) as fetching:
            fetch = fetching.a_fetch(fetching.plan, {RelPath("there"): b"3"})
            await fetching.fill(fetch, fetching.plan)
            assert read_tree(tmp_path / "c") == {"d": None, **files}
            assert fetch.lacking == 0
            assert "there" not in {path for path, _ in fetching.agent.reads}
            assert await fetching.is_connection_of_use()

    run(go())


def test_what_can_not_be_had_is_left_out_also_in_the_middle_of_a_big_one(tmp_path: Path) -> None:
    async def go() -> None:
        async with Fetching.of(tmp_path / "c", {"a": b"1", "big": BIG, "z": b"2"}) as fetching:
            fetching.agent.withhold(b"1")

            def lose(path: str, offset: int) -> None:
                if (path, offset) == ("big", 2 * MIB):
                    fetching.agent.withhold(BIG)
                    fetching.agent.on_read = lambda path, offset: None

            fetching.agent.on_read = lose
            fetch = fetching.a_fetch(fetching.plan)
            applied = await fetching.fill(fetch, fetching.plan)
            assert fetch.lacking == 2
            assert applied.written == ("z",)
            shown = {name: what for name, what in read_tree(tmp_path / "c").items() if not name.startswith(".")}
            assert shown == {"z": b"2"}
            assert await fetching.is_connection_of_use()

    run(go())


@pytest.mark.parametrize("path", ["a", "big"])
def test_what_is_not_what_was_offered_never_shows(tmp_path: Path, path: str) -> None:
    files = {"a": b"right", "big": BIG}

    async def go() -> None:
        async with Fetching.of(tmp_path / "c", files) as fetching:
            right = files[path]
            fetching.agent.contents[sha256_of(right)] = right[::-1]
            plan = tuple(step for step in fetching.plan if step.path == path)
            fetch = fetching.a_fetch(plan)
            with pytest.raises(FileTroubleError, match="not what was announced"):
                await fetching.fill(fetch, plan)
            assert [name for name in read_tree(tmp_path / "c") if not name.startswith(".")] == []
            assert await fetching.is_connection_of_use()

    run(go())


def test_windows_are_received_while_the_first_is_written(tmp_path: Path) -> None:
    async def go() -> None:
        written = threading.Event()

        def write(fd: int, data: bytes | memoryview) -> int:
            assert written.wait(5), "nothing more was asked for while the first window was being written"
            return os.write(fd, data)

        async with Fetching.of(tmp_path / "c", {"big": BIG}, OddDisk(write=write)) as fetching:

            def read(path: str, offset: int) -> None:
                if offset == 5 * MIB:  # with four windows under way it is asked for when the second has come
                    written.set()

            fetching.agent.on_read = read
            await fetching.fill(fetching.a_fetch(fetching.plan), fetching.plan)
            assert read_tree(tmp_path / "c") == {"big": BIG}

    run(go())


def test_a_disk_that_is_full_while_more_arrives_is_told_and_leaves_the_connection_of_use(tmp_path: Path) -> None:
    writes: list[int] = []

    def write(fd: int, data: bytes | memoryview) -> int:
        writes.append(len(data))
        if sum(writes) > 2 * MIB:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return os.write(fd, data)

    async def go() -> None:
        async with Fetching.of(tmp_path / "c", {"big": BIG, "small": b"1"}, OddDisk(write=write)) as fetching:
            with pytest.raises(FileTroubleError, match="No space left"):
                await fetching.fill(fetching.a_fetch(fetching.plan), fetching.plan)
            assert sum(writes[:-1]) <= 2 * MIB, "nothing is written after what failed"
            assert read_tree(tmp_path / "c") == {}
            assert await fetching.is_connection_of_use()

    run(go())


def test_a_connection_cut_while_windows_are_written_keeps_what_came(tmp_path: Path) -> None:
    cut = threading.Event()
    written: list[int] = []

    def write(fd: int, data: bytes | memoryview) -> int:
        assert cut.wait(5), "nothing more was asked for while the first window was being written"
        written.append(len(data))
        return os.write(fd, data)

    async def go() -> None:
        loop = asyncio.get_running_loop()
        async with Fetching.of(tmp_path / "c", {"big": BIG}, OddDisk(write=write)) as fetching:

            def drop() -> None:
                fetching.agent.drop_all()
                cut.set()

            def read(path: str, offset: int) -> None:
                if offset == 4 * MIB:
                    loop.call_soon_threadsafe(drop)

            fetching.agent.on_read = read
            with pytest.raises(UnreachableError):
                await fetching.fill(fetching.a_fetch(fetching.plan), fetching.plan)
            (begun,) = read_tree(tmp_path / "c").values()
            assert begun is not None
            assert BIG.startswith(begun), "what came is written in its order, and nothing is left out"
            assert len(begun) == sum(written) >= MIB
            fetching.agent.on_read = lambda path, offset: None
            async with fetching.agent.connected() as again:
                await asked(again, Check())
                fetching.connection = again
                await fetching.fill(fetching.a_fetch(fetching.plan), fetching.plan)
            assert sum(written) == len(BIG), "nothing is fetched twice"
            assert read_tree(tmp_path / "c") == {"big": BIG}

    run(go())


def test_a_big_file_is_broken_off_by_a_wake_up_and_gone_on_with(tmp_path: Path) -> None:
    async def go() -> None:
        loop = asyncio.get_running_loop()
        async with Fetching.of(tmp_path / "c", {"big": BIG}) as fetching:

            def wake(path: str, offset: int) -> None:
                loop.call_soon_threadsafe(fetching.wake.set)

            fetching.agent.on_read = wake
            with pytest.raises(BrokenOffError):
                await fetching.fill(fetching.a_fetch(fetching.plan), fetching.plan)
            assert await fetching.is_connection_of_use()
            fetching.agent.on_read = lambda path, offset: None
            fetching.wake.clear()
            await fetching.fill(fetching.a_fetch(fetching.plan), fetching.plan)
            assert read_tree(tmp_path / "c") == {"big": BIG}
            assert [offset for _, offset in fetching.agent.reads] == [n * MIB for n in range(6)]

    run(go())


def test_small_ones_are_not_broken_off(tmp_path: Path) -> None:
    files = {f"f{n:02}": bytes([n]) * (MIB // 2) for n in range(20)}

    async def go() -> None:
        async with Fetching.of(tmp_path / "c", files) as fetching:
            fetching.wake.set()
            await fetching.fill(fetching.a_fetch(fetching.plan), fetching.plan)
            assert read_tree(tmp_path / "c") == files

    run(go())
