from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_core.agent.cache import CacheFolder
from sync_core.model.answer_plan import plan_answer
from sync_core.model.change import Changes, Remove, WriteFile
from sync_core.model.errors import FileTroubleError, TooManyRemovalsError
from sync_core.model.inventory import MaxDelete
from sync_core.model.manifest import EMPTY_MANIFEST, Kind, Manifest
from sync_core.model.observation import Observations
from sync_core.model.path import RelPath
from sync_core.tree.temporaries import new_token
from tests.support.net import Lines
from tests.support.trees import TIME, a_link, a_manifest, read_tree, write_tree


class Saves:
    """A digest cache in memory that can be told to fail."""

    def __init__(self) -> None:
        self.saved: list[Observations] = []
        self.error: FileTroubleError | None = None

    def __call__(self, seen: Observations) -> None:
        if self.error is not None:
            raise self.error
        self.saved.append(seen)


def a_cache(root: Path, *, save: Saves | None = None, max_delete: int = 50) -> CacheFolder:
    return CacheFolder(
        root, max_delete=MaxDelete(number=max_delete, is_percentage=True), known={}, save=save or Saves()
    )


@pytest.fixture
def lines() -> Iterator[Lines]:
    with Lines.of("sync_core.agent.cache") as found:
        yield found


def a_write(path: str, content: bytes) -> WriteFile:
    return WriteFile(path=RelPath(path), last_write_time=TIME, content=content)


def test_prepare_makes_the_folder_and_clears_what_an_update_left(tmp_path: Path, lines: Lines) -> None:
    root = tmp_path / "deep" / "cache"
    asyncio.run(a_cache(root).prepare())
    assert root.is_dir()
    (root / f".jsync-{new_token()}~").write_bytes(b"left")
    write_tree(root, {"x.job.xml~": b"somebody's"})
    asyncio.run(a_cache(root).prepare())
    assert lines.messages("INFO") == [f"removed 1 left-over temporary files from {root}"]
    assert read_tree(root) == {"x.job.xml~": b"somebody's"}


def test_a_cache_that_cannot_be_made_is_an_error_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileTroubleError, match="can't be made") as caught:
        asyncio.run(a_cache(tmp_path / "file" / "cache").prepare())
    assert caught.value.hint


def test_listing_saves_what_is_new(tmp_path: Path) -> None:
    save = Saves()
    cache = a_cache(write_tree(tmp_path / "c", {"d": None}), save=save)
    assert asyncio.run(cache.manifest()) == asyncio.run(cache.manifest())
    assert [list(seen) for seen in save.saved] == [["d"]]


def test_a_digest_cache_that_cannot_be_saved_is_a_warning(tmp_path: Path, lines: Lines) -> None:
    save = Saves()
    save.error = FileTroubleError("no space left")
    cache = a_cache(write_tree(tmp_path / "c", {"a": b"1"}), save=save)
    assert [entry.path for entry in asyncio.run(cache.manifest())] == ["a"]
    assert "no space left" in lines.messages("WARNING")[0]


def test_a_cache_that_vanishes_is_an_empty_one_and_made_anew(tmp_path: Path) -> None:
    cache = a_cache(write_tree(tmp_path / "c", {"a": b"1"}))
    asyncio.run(cache.manifest())
    shutil.rmtree(tmp_path / "c")
    assert asyncio.run(cache.peek()) == EMPTY_MANIFEST
    assert not (tmp_path / "c").exists()
    assert asyncio.run(cache.manifest()) == EMPTY_MANIFEST
    assert (tmp_path / "c").is_dir()


def test_peek_writes_nothing_anywhere(tmp_path: Path) -> None:
    save = Saves()
    cache = a_cache(write_tree(tmp_path / "c", {"a": b"1"}), save=save)
    assert [entry.path for entry in asyncio.run(cache.peek())] == ["a"]
    assert save.saved == []


def test_what_cannot_be_read_is_told_once(tmp_path: Path, lines: Lines) -> None:
    root = write_tree(tmp_path / "c", {"a": b"1"})
    a_link(root / "out", "/etc/passwd")
    cache = a_cache(root)
    for _ in range(3):
        asyncio.run(cache.manifest())
    (warning,) = lines.messages("WARNING")
    assert f"{root}/out is left out" in warning


def test_check_says_what_update_would_refuse(tmp_path: Path) -> None:
    cache = a_cache(write_tree(tmp_path / "c", {"a": b"1", "b": b"2", "c": b"3", "d": b"4"}))

    async def go(changes: Changes) -> None:
        before = await cache.manifest()
        cache.check(before, changes)

    gone: Changes = tuple(Remove(path=RelPath(name), kind=Kind.FILE) for name in "abc")
    asyncio.run(go(gone[:2]))
    with pytest.raises(TooManyRemovalsError):
        asyncio.run(go(gone))
    assert len(read_tree(tmp_path / "c")) == 4


def test_update_and_read(tmp_path: Path) -> None:
    cache = a_cache(write_tree(tmp_path / "c", {"a": b"1"}))

    async def go() -> bytes:
        before = await cache.manifest()
        applied = await cache.update(before, (a_write("a", b"22"),))
        assert applied.written == ("a",)
        return await cache.read(RelPath("a"))

    assert asyncio.run(go()) == b"22"


def test_build_reads_what_was_planned(tmp_path: Path) -> None:
    cache = a_cache(write_tree(tmp_path / "c", {"a": b"1"}))
    plan = plan_answer(a_manifest({"a": b"1", "gone": b"2"}), Manifest())
    built = asyncio.run(cache.build(plan))
    assert [change.path for change in built.changes] == ["a"]
    assert [trouble.path for trouble in built.left_out] == ["gone"]
