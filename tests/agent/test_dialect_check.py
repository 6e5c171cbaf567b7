"""The slave's side of a check in our own dialect, over a real connection into a real cache."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sync_core.agent.cache import CacheFolder
from sync_core.agent.dialect_check import DialectCheck
from sync_core.agent.master_link import Checked
from sync_core.model.errors import FileTroubleError, RemoteRefusalError, TooManyRemovalsError, UnreachableError
from sync_core.model.file import sha256_of
from sync_core.model.inventory import MaxDelete
from sync_core.protocol.proof import WakeUpProof, proven_wake_up
from sync_core.tree.rights import NO_RIGHTS, Rights
from tests.support.digests import MemoryDigests
from tests.support.disk import read_tree, write_tree
from tests.support.net import run
from tests.support.offering import OfferingAgent

MIB = 1 << 20
BIG = bytes(range(256)) * (8 * MIB // 256)


class Slave:
    """A cache, and what wakes its checks."""

    def __init__(self, root: Path, *, rights: Rights = NO_RIGHTS) -> None:
        root.mkdir(exist_ok=True)
        self.root = root
        self.wake = asyncio.Event()
        self.proof: WakeUpProof | None = None
        self.cache = CacheFolder(
            root, max_delete=MaxDelete(number=50, is_percentage=True), rights=rights, digests=MemoryDigests()
        )

    @asynccontextmanager
    async def checking(self, agent: OfferingAgent) -> AsyncIterator[DialectCheck]:
        async with agent.connected() as connection:
            yield DialectCheck(connection, answer_timeout_s=5, proof=self.proof)

    async def check(self, link: DialectCheck, *, looks: bool = False) -> Checked:
        checked = await link.check(self.cache, looks=looks, wake=self.wake)
        assert checked.tree == await self.cache.known() == await self.cache.look()
        return checked

    @property
    def files(self) -> dict[str, bytes | None]:
        return read_tree(self.root)


def test_a_first_sync_then_what_changed_then_nothing(tmp_path: Path) -> None:
    slave = Slave(tmp_path / "c")
    first = {"a": b"1", "d/b": b"2" * 100_000, "d/e": None, "empty": b""}

    async def go() -> None:
        async with OfferingAgent(first).running() as agent, slave.checking(agent) as link:
            checked = await slave.check(link)
            assert slave.files == {"d": None, **first}
            assert checked.tree.digest == agent.tree.digest
            assert (len(checked.applied), checked.lacking) == (1, 0)
            assert agent.has[-1] == agent.tree.digest  # the master was told that it has all
            agent.offer({"a": b"changed", "d/b": b"2" * 100_000, "new": b"3"})
            reads = len(agent.reads)
            checked = await slave.check(link)
            assert slave.files == {"a": b"changed", "d": None, "d/b": b"2" * 100_000, "new": b"3"}
            assert sorted(path for path, _ in agent.reads[reads:]) == ["a", "new"]
            assert agent.has[-1] == agent.tree.digest
            checked = await slave.check(link)
            assert checked.applied == ()

    run(go())


def test_each_connection_says_a_key_of_its_own_once(tmp_path: Path) -> None:
    slave = Slave(tmp_path / "c")
    slave.proof = proof = WakeUpProof()

    async def go() -> None:
        async with OfferingAgent({"a": b"1"}).running() as agent:
            keys: list[bytes] = []
            for _ in range(2):
                async with slave.checking(agent) as link:
                    begun = len(agent.wake_keys)
                    await slave.check(link)
                    await slave.check(link)
                (key,) = [key for key in agent.wake_keys[begun:] if key is not None]
                assert proof.accepts(proven_wake_up(key, 1))
                keys.append(key)
            assert keys[0] != keys[1]
            assert not proof.accepts(proven_wake_up(keys[0], 2))

    run(go())


def test_a_cache_that_drifted_is_healed_by_a_look_and_only_by_that(tmp_path: Path) -> None:
    slave = Slave(tmp_path / "c")

    async def go() -> None:
        async with OfferingAgent({"a": b"1", "b": b"2", "c": b"3"}).running() as agent, slave.checking(agent) as link:
            await slave.check(link)
            write_tree(slave.root, {"a": b"drifted", "stranger": b"x"})
            (slave.root / "b").unlink()
            (slave.root / "c").chmod(0o600)
            assert (await link.check(slave.cache, looks=False, wake=slave.wake)).applied == ()
            assert (slave.root / "a").read_bytes() == b"drifted"
            checked = await slave.check(link, looks=True)
            assert slave.files == {"a": b"1", "b": b"2", "c": b"3"}
            assert (slave.root / "c").stat().st_mode & 0o777 == 0o644
            assert checked.tree.digest == agent.tree.digest == agent.has[-1]

    run(go())


def test_a_cache_with_a_mode_of_its_own_settles(tmp_path: Path) -> None:
    slave = Slave(tmp_path / "c", rights=Rights(file_mode=0o600))

    def modes() -> set[int]:
        return {place.stat().st_mode & 0o777 for place in slave.root.rglob("*") if place.is_file()}

    async def go() -> None:
        async with OfferingAgent({"a": b"1", "d/b": b"2"}).running() as agent:
            async with slave.checking(agent) as link:
                assert (await slave.check(link)).tree.digest != agent.tree.digest
                assert agent.has[-1] == agent.tree.digest  # all that the master has is there
                agent.offer({"a": b"1", "d/b": b"3", "n": b"4"})
                assert len((await slave.check(link)).applied) == 1
                assert (await slave.check(link, looks=True)).applied == ()
                assert modes() == {0o600}
                (slave.root / "a").chmod(0o644)  # as the master has it
                (update,) = (await slave.check(link, looks=True)).applied
                assert (update.adjusted, modes()) == (("a",), {0o600})
            agent.has.clear()
            async with slave.checking(agent) as link:
                assert (await slave.check(link)).applied == ()
                assert agent.has[-1] == agent.tree.digest

    run(go())


def test_after_a_reconnect_only_what_differs_is_sent(tmp_path: Path) -> None:
    slave = Slave(tmp_path / "c")
    files: dict[str, bytes | None] = {f"d{n}/f": b"%d" % n for n in range(10)}

    async def go() -> None:
        async with OfferingAgent(files).running() as agent:
            async with slave.checking(agent) as link:
                await slave.check(link)
            agent.offer({**files, "d3/f": b"new"})
            reads = len(agent.reads)
            async with slave.checking(agent) as link:
                await slave.check(link)
            assert [path for path, _ in agent.reads[reads:]] == ["d3/f"]
            assert slave.files["d3/f"] == b"new"

    run(go())


def test_what_cannot_be_had_now_is_lacking_and_all_else_comes(tmp_path: Path) -> None:
    slave = Slave(write_tree(tmp_path / "c", {"a": b"old"}))

    async def go() -> None:
        async with OfferingAgent({"a": b"1", "b": b"2"}).running() as agent, slave.checking(agent) as link:
            agent.withhold(b"1")
            checked = await slave.check(link)
            assert checked.lacking == 1
            assert slave.files == {"a": b"old", "b": b"2"}
            assert agent.has[-1] != agent.tree.digest
            agent.contents[sha256_of(b"1")] = b"1"
            checked = await slave.check(link)
            assert (checked.lacking, slave.files) == (0, {"a": b"1", "b": b"2"})

    run(go())


def test_what_came_while_a_portion_was_fetched_is_asked_for_before_the_end(tmp_path: Path) -> None:
    slave = Slave(tmp_path / "c")

    async def go() -> None:
        async with OfferingAgent({"a": b"1"}).running() as agent, slave.checking(agent) as link:

            def change(path: str, offset: int) -> None:
                if path == "a":
                    agent.offer({"a": b"1", "later": b"2"})

            agent.on_read = change
            await slave.check(link)
            assert slave.files == {"a": b"1", "later": b"2"}

    run(go())


def test_something_newer_goes_before_the_rest_of_a_big_file(tmp_path: Path) -> None:
    """And what has come of the big one is not sent again."""
    slave = Slave(tmp_path / "c")

    async def go() -> None:
        loop = asyncio.get_running_loop()
        async with OfferingAgent({"big": BIG}).running() as agent, slave.checking(agent) as link:
            order: list[str] = []

            def wake(path: str, offset: int) -> None:
                order.append(path)
                if (path, offset) == ("big", 0):
                    agent.offer({"big": BIG, "urgent": b"!"})
                    loop.call_soon_threadsafe(slave.wake.set)

            agent.on_read = wake
            checked = await slave.check(link)
            assert slave.files == {"big": BIG, "urgent": b"!"}
            assert checked.applied[0].written == ("urgent",)
            assert order.index("urgent") < len(order) - 1
            offsets = [offset for path, offset in agent.reads if path == "big"]
            assert offsets == [n * MIB for n in range(8)]

    run(go())


def test_a_connection_that_breaks_in_the_middle_is_begun_again_where_it_was(tmp_path: Path) -> None:
    slave = Slave(tmp_path / "c")

    async def go() -> None:
        loop = asyncio.get_running_loop()
        async with OfferingAgent({"a": b"1", "big": BIG}).running() as agent:

            def cut(path: str, offset: int) -> None:
                if (path, offset) == ("big", 4 * MIB):
                    loop.call_soon_threadsafe(agent.drop_all)

            agent.on_read = cut
            async with slave.checking(agent) as link:
                with pytest.raises(UnreachableError):
                    await slave.check(link)
            assert slave.files.keys() <= {name for name in slave.files if name.startswith(".jsync-")}
            agent.on_read = lambda path, offset: None
            reads = len(agent.reads)
            async with slave.checking(agent) as link:
                await slave.check(link)
            assert slave.files == {"a": b"1", "big": BIG}
            assert ("big", 0) not in agent.reads[reads:]

    run(go())


def test_too_many_removals_are_refused_before_anything_is_fetched(tmp_path: Path) -> None:
    slave = Slave(write_tree(tmp_path / "c", {name: b"1" for name in "abc"}))

    async def go() -> None:
        async with OfferingAgent({"new": b"2"}).running() as agent, slave.checking(agent) as link:
            for _ in range(2):  # the connection stays of use
                with pytest.raises(TooManyRemovalsError):
                    await slave.check(link)
            assert agent.reads == []
            assert sorted(slave.files) == ["a", "b", "c"]

    run(go())


def test_an_update_that_cannot_be_written_leaves_the_connection_of_use(tmp_path: Path) -> None:
    """Answers that are still due then belong to no later question."""
    slave = Slave(tmp_path / "c")
    files: dict[str, bytes | None] = {f"f{n:02}": bytes([n]) * (MIB // 2) for n in range(16)}

    async def go() -> None:
        async with OfferingAgent(files).running() as agent, slave.checking(agent) as link:
            (slave.root / "d").mkdir()
            agent.offer({"d/in": b"x" * MIB, **files})

            def spoil(path: str, offset: int) -> None:
                if path == "d/in" and (slave.root / "d").is_dir():  # where a folder must be there is a file now
                    (slave.root / "d").rename(tmp_path / "away")
                    (slave.root / "d").write_bytes(b"")

            agent.on_read = spoil
            with pytest.raises(FileTroubleError):
                await link.check(slave.cache, looks=False, wake=slave.wake)
            (slave.root / "d").unlink()
            agent.on_read = lambda path, offset: None
            await slave.check(link, looks=True)
            assert slave.files == {"d": None, "d/in": b"x" * MIB, **files}
            assert list((tmp_path / "away").iterdir()) == []

    run(go())


def test_a_refusal_is_raised_as_the_master_said_it(tmp_path: Path) -> None:
    slave = Slave(write_tree(tmp_path / "c", {"a": b"1"}))

    async def go() -> None:
        async with OfferingAgent({}).running() as agent, slave.checking(agent) as link:
            agent.refusal = FileTroubleError("it can't be read")
            with pytest.raises(RemoteRefusalError, match="it can't be read"):
                await slave.check(link)
            assert slave.files == {"a": b"1"}

    run(go())


def test_the_end_of_the_connection_is_seen_while_nothing_is_asked(tmp_path: Path) -> None:
    slave = Slave(tmp_path / "c")

    async def go() -> None:
        async with OfferingAgent({"a": b"1"}).running() as agent, slave.checking(agent) as link:
            await slave.check(link)
            agent.drop_all()
            with pytest.raises(UnreachableError):
                await link.wait_closed()

    run(go())
