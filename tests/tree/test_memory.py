"""The digest cache: what it keeps, what it costs, and that nothing wrong is ever believed."""

from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_core.model.edit import edited, tree_of
from sync_core.model.errors import FileTroubleError
from sync_core.model.file import File, Stamp, md5_of, sha256_of
from sync_core.model.folder import EMPTY_FOLDER, Folder, get, walk
from sync_core.model.path import RelPath
from sync_core.tree.memory import DigestCache
from tests.support.disk import Tree, public_folder, some_trees, unprivileged
from tests.support.scans import stamps


def a_file(content: bytes, *, inode: int = 1) -> File:
    return File(
        md5=md5_of(content),
        sha256=sha256_of(content),
        size_bytes=len(content),
        last_write_time=1_350_000_000,
        mode=0o640,
        stamp=Stamp(1_350_000_000_000_000_007, 1_350_000_000_000_000_008, inode, 1_360_000_000_000_000_009),
    )


def a_tree(tree: Tree) -> Folder:
    return tree_of((RelPath(path), EMPTY_FOLDER if what is None else a_file(what)) for path, what in tree.items())


def files_of(tree: Folder) -> dict[RelPath, tuple[File, Stamp | None]]:
    return {path: (what, what.stamp) for path, what in walk(tree) if isinstance(what, File)}


def loaded(place: Path) -> Folder:
    with closing(DigestCache(place)) as cache:
        return cache.load()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "digests.sqlite"


@pytest.fixture
def cache(place: Path) -> Iterator[DigestCache]:
    with closing(DigestCache(place)) as cache:
        yield cache


def rows_of(place: Path) -> dict[bytes, bytes]:
    with closing(sqlite3.connect(place)) as other:
        return dict(other.execute("SELECT path, record FROM file"))


def test_what_was_saved_is_loaded(place: Path, cache: DigestCache) -> None:
    tree = a_tree(
        {"a": b"1", "a b": b"2", "a.b": b"", "a-/x": b"3", "d/ä": b"4", "\udce9/x/y": b"5", "line\nbreak": b""}
    )
    cache.save(tree)
    assert loaded(place) == tree
    assert stamps(loaded(place)) == stamps(tree)
    assert [path for path, _ in walk(loaded(place))] == [path for path, _ in walk(tree)]


def test_files_that_are_not_known_for_sure_are_not_worth_saving(place: Path, cache: DigestCache) -> None:
    file = a_file(b"1")
    cache.save(
        Folder(
            {
                "a": replace(file, md5=None),
                "b": replace(file, sha256=None),
                "c": replace(file, stamp=None),
                "d": replace(file, mode=None),
                "e": Folder(is_unreadable=True),
                "f": replace(file, stamp=Stamp(1 << 63, 1, 1, 1)),
                "g": replace(file, is_settling=True),
            }
        )
    )
    assert loaded(place) == Folder({"g": file})


@settings(max_examples=60)
@given(st.lists(some_trees(), min_size=1, max_size=4), st.booleans())
def test_the_last_tree_counts_whatever_was_saved_before(trees: list[Tree], is_kept_open: bool) -> None:
    with public_folder() as folder, closing(DigestCache(folder / "digests.sqlite")) as cache:
        for tree in trees:
            if not is_kept_open:
                cache.close()
                cache.load()
            cache.save(a_tree(tree))
        assert files_of(loaded(folder / "digests.sqlite")) == files_of(a_tree(trees[-1]))


def test_only_what_is_different_is_written(place: Path, cache: DigestCache) -> None:
    first = a_tree({"d/a": b"1", "d/b": b"1", "e/a": b"1", "gone/x": b"1", "k": b"1"})
    cache.save(first)
    with closing(sqlite3.connect(place)) as other:  # whoever wrote the other rows again would heal them
        other.execute("UPDATE file SET record = x'00'")
        other.commit()
    edits = {RelPath("d/a"): a_file(b"2"), RelPath("gone"): None, RelPath("k"): a_file(b"1", inode=2)}
    cache.save(edited(first, edits))
    rows = rows_of(place)
    assert {path for path, record in rows.items() if record != b"\0"} == {b"d\0a", b"k"}
    assert set(rows) == {b"d\0a", b"d\0b", b"e\0a", b"k"}


def test_after_loading_only_what_is_different_is_written(place: Path, cache: DigestCache) -> None:
    cache.save(a_tree({"d/a": b"1", "d/b": b"1"}))
    cache.close()
    known = cache.load()
    with closing(sqlite3.connect(place)) as other:
        other.execute("UPDATE file SET record = x'00'")
        other.commit()
    cache.save(edited(known, {RelPath("d/a"): a_file(b"2")}))
    assert {path for path, record in rows_of(place).items() if record != b"\0"} == {b"d\0a"}


def test_without_loading_all_is_written(place: Path, cache: DigestCache) -> None:
    cache.save(a_tree({"a": b"1", "b": b"1"}))
    cache.close()
    cache.save(a_tree({"b": b"2"}))
    assert loaded(place) == a_tree({"b": b"2"})


def test_a_save_is_there_for_others_at_once_and_survives_a_kill(tmp_path: Path) -> None:
    program = (
        "import os, signal; from pathlib import Path; from tests.tree.test_memory import *;"
        f"DigestCache(Path({str(tmp_path / 'x')!r})).save(a_tree({{'a': b'1'}})); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == -9
    assert loaded(tmp_path / "x") == a_tree({"a": b"1"})


def test_any_thread_may_save_and_close(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache = DigestCache(place)
    cache.save(a_tree({"a": b"1"}))
    for step in (lambda: cache.save(a_tree({"b": b"1"})), cache.close):
        thread = threading.Thread(target=step)
        thread.start()
        thread.join()
    assert caplog.records == []
    assert loaded(place) == a_tree({"b": b"1"})


def test_nobody_else_may_read_it_and_nothing_is_left_beside_it(tmp_path: Path, place: Path) -> None:
    cache = DigestCache(place)
    cache.save(a_tree({"a": b"1"}))
    assert {found.stat().st_mode & 0o777 for found in tmp_path.iterdir()} == {0o600}
    cache.close()
    assert [found.name for found in tmp_path.iterdir()] == ["digests.sqlite"]


def test_the_cache_of_earlier_versions_goes_with_the_first_save(tmp_path: Path, cache: DigestCache) -> None:
    (tmp_path / "digests.json").write_text("{}", encoding="ascii")
    cache.load()
    assert (tmp_path / "digests.json").exists()
    cache.save(EMPTY_FOLDER)
    assert not (tmp_path / "digests.json").exists()


def test_there_may_be_nothing_yet(tmp_path: Path, cache: DigestCache, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    assert cache.load() == EMPTY_FOLDER
    assert caplog.records == []
    assert list(tmp_path.iterdir()) == []


def an_sql(*statements: str) -> Callable[[Path], None]:
    def spoil(place: Path) -> None:
        with closing(sqlite3.connect(place)) as other:
            for statement in statements:
                other.execute(statement)
            other.commit()

    return spoil


def a_row(path: str, record: str = "(SELECT record FROM file)") -> Callable[[Path], None]:
    return an_sql(f"REPLACE INTO file SELECT {path}, {record}")


def truncated(place: Path) -> None:
    os.truncate(place, place.stat().st_size - 4096)


def a_foreign_one(place: Path) -> None:
    place.unlink()
    an_sql("CREATE TABLE other (x)", "INSERT INTO other VALUES (1)")(place)


WRONG = {
    "garbage": lambda place: place.write_bytes(b"\xff" * 5000),
    "json": lambda place: place.write_bytes(b'{"version": 1, "files": {}}'),
    "truncated": truncated,
    "foreign": a_foreign_one,
    "other program": an_sql("PRAGMA application_id=1"),
    "other version": an_sql("PRAGMA user_version=3"),
    "other table": an_sql("ALTER TABLE file ADD COLUMN more"),
    "more tables": an_sql("CREATE TABLE more (x)"),
    "no table": an_sql("DROP TABLE file"),
    "text as path": a_row("'x'"),
    "number as record": a_row("x'40'", "7"),
    "short record": a_row("x'40'", "x'00'"),
    "record of another path": a_row("x'40'"),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("is_loaded_first", [True, False])
def test_what_is_wrong_is_not_believed_and_made_anew_with_a_word(
    place: Path, caplog: pytest.LogCaptureFixture, wrong: Callable[[Path], None], is_loaded_first: bool
) -> None:
    with closing(DigestCache(place)) as cache:
        cache.save(a_tree({"a": b"1"}))
    wrong(place)
    with closing(DigestCache(place)) as cache:
        if is_loaded_first:
            assert cache.load() == EMPTY_FOLDER
            assert "is made anew: " in caplog.text
        cache.save(a_tree({"b": b"2"}))
    assert loaded(place) == a_tree({"b": b"2"})


@settings(max_examples=150)
@given(st.data())
def test_no_damage_gives_a_wrong_digest(data: st.DataObject) -> None:
    tree = a_tree({f"{n % 7}/{n}": b"%d" % n for n in range(100)})
    with public_folder() as folder:
        place = folder / "digests.sqlite"
        with closing(DigestCache(place)) as cache:
            cache.save(tree)
        content = bytearray(place.read_bytes())
        for _ in range(data.draw(st.integers(1, 3))):
            at = data.draw(st.integers(0, len(content) - 1))
            content[at : at + 4] = data.draw(st.binary(min_size=1, max_size=4))
        place.write_bytes(content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content)
        found = loaded(place)
        for path, what in files_of(found).items():
            assert files_of(tree)[path] == what


@given(st.binary(max_size=200))
def test_no_bytes_do_any_harm(content: bytes) -> None:
    with public_folder() as folder:
        (folder / "x").write_bytes(content)
        assert loaded(folder / "x") == EMPTY_FOLDER


def test_a_cache_that_is_too_big_is_not_read(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    with closing(DigestCache(place)) as cache:
        cache.save(a_tree({"a": b"1"}))
    with place.open("r+b") as file:
        file.truncate((512 << 20) + 1)
    assert loaded(place) == EMPTY_FOLDER
    assert "too big" in caplog.text


def test_a_cache_that_is_removed_or_replaced_meanwhile_is_written_whole(place: Path, cache: DigestCache) -> None:
    first, second = a_tree({"a": b"1", "b": b"1"}), a_tree({"a": b"1", "b": b"2"})
    cache.save(first)
    place.unlink()
    cache.save(edited(first, {RelPath("b"): get(second, RelPath("b"))}))
    assert loaded(place) == second
    with closing(DigestCache(place.with_name("other"))) as other:
        other.save(a_tree({"z": b"1"}))
    place.with_name("other").replace(place)
    cache.save(first)
    assert loaded(place) == first


def test_a_lock_of_somebody_else_costs_no_content(
    place: Path, cache: DigestCache, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("sync_core.tree.database._BUSY_TIMEOUT_S", 0.01)
    first, second = a_tree({"a": b"1"}), a_tree({"a": b"2"})
    cache.save(first)
    with closing(sqlite3.connect(place, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(FileTroubleError, match="can't be written: database is locked"):
            cache.save(second)
        assert loaded(place) == EMPTY_FOLDER
        assert "is not used: database is locked" in caplog.text
        other.execute("ROLLBACK")
    assert loaded(place) == first
    cache.save(second)
    assert loaded(place) == second


def test_a_folder_in_its_place_is_not_used_and_not_replaced(place: Path, cache: DigestCache) -> None:
    place.mkdir()
    assert cache.load() == EMPTY_FOLDER
    with pytest.raises(FileTroubleError, match="can't be written"):
        cache.save(EMPTY_FOLDER)
    assert place.is_dir()


def test_a_fifo_in_its_place_does_not_hold_us(place: Path, cache: DigestCache) -> None:
    os.mkfifo(place)
    assert cache.load() == EMPTY_FOLDER
    cache.save(a_tree({"a": b"1"}))
    assert loaded(place) == a_tree({"a": b"1"})


def test_where_it_cannot_be_written_it_says_so() -> None:
    with public_folder() as above:
        folder = above / "state"
        folder.mkdir(mode=0o500)
        with unprivileged(), pytest.raises(FileTroubleError, match="Permission denied"):
            DigestCache(folder / "digests.sqlite").save(EMPTY_FOLDER)
