from __future__ import annotations

import threading
from pathlib import Path

from sync_core.agent.digest_keeper import DigestKeeper
from sync_core.model.edit import edited
from sync_core.model.folder import EMPTY_FOLDER, Folder
from sync_core.model.path import RelPath
from sync_core.tree.memory import DigestCache
from tests.support.looks import a_look, seen
from tests.support.net import Lines, eventually, run


def test_what_was_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    first, second = a_look({"a": b"1"}), a_look({"a": b"1", "d/b": b"2"})

    async def go() -> None:
        keeper = DigestKeeper(tmp_path / "digests.db")
        assert await keeper.load() == EMPTY_FOLDER
        keeper.keep(first)
        keeper.keep(second)
        await keeper.close()
        again = DigestKeeper(tmp_path / "digests.db")
        assert await again.load() == second
        await again.close()

    run(go())


def test_to_load_writes_nothing(tmp_path: Path) -> None:
    async def go() -> None:
        keeper = DigestKeeper(tmp_path / "digests.db")
        await keeper.load()
        await keeper.close()

    run(go())
    assert list(tmp_path.iterdir()) == []


class _SlowCache(DigestCache):
    """Saves when it is let."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.gate = threading.Event()
        self.saved: list[Folder] = []

    def save(self, tree: Folder) -> None:
        self.gate.wait(20)
        super().save(tree)
        self.saved.append(tree)


class _Keeper(DigestKeeper):
    """One whose cache a test can hold up."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.cache = self._cache = _SlowCache(path)


def test_of_trees_that_come_while_one_is_saved_the_newest_is_saved(tmp_path: Path) -> None:
    trees = [a_look({"a": bytes([n])}) for n in range(5)]

    async def go() -> None:
        keeper = _Keeper(tmp_path / "digests.db")
        for tree in trees[:4]:
            keeper.keep(tree)
        keeper.keep(trees[4])
        keeper.cache.gate.set()
        await keeper.close()
        assert keeper.cache.saved[-1] is trees[4]
        assert len(keeper.cache.saved) <= 2

    run(go())


def test_what_cannot_be_saved_is_a_warning_and_the_next_is_tried_again(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    tree = a_look({"a": b"1"})

    async def go() -> None:
        keeper = DigestKeeper(folder / "digests.db")
        keeper.keep(tree)  # there is no such folder
        await eventually(lambda: bool(lines.messages("WARNING")))
        assert "could not be saved" in lines.messages("WARNING")[0]
        folder.mkdir()
        keeper.keep(edited(tree, {RelPath("b"): seen(b"2")}))
        await keeper.close()
        again = DigestKeeper(folder / "digests.db")
        assert list((await again.load()).children) == ["a", "b"]
        await again.close()

    with Lines.of("sync_core.agent.digest_keeper") as lines:
        run(go())
