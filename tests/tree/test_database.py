from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sync_core.tree import database
from sync_core.tree.database import open_database, remove_database


def test_the_settings_that_durability_rests_on_are_in_force(tmp_path: Path) -> None:
    """A log of checksummed pages, synced before its pages go to the file (1 is NORMAL)."""
    for _ in range(2):  # one that is new, one that was there
        with closing(open_database(tmp_path / "x")) as connection:
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            assert connection.execute("PRAGMA synchronous").fetchone() == (1,)


def test_without_a_log_everything_is_synced() -> None:
    """A database in memory stands for a file system that can't keep a log (2 is FULL)."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        database._prepare(connection)
        assert connection.execute("PRAGMA journal_mode").fetchone() != ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_making_it_is_one_step(tmp_path: Path) -> None:
    with closing(open_database(tmp_path / "x")), closing(sqlite3.connect(tmp_path / "x")) as other:
        assert other.execute("SELECT sql FROM sqlite_master").fetchall() == [(database._SCHEMA,)]
        assert other.execute("PRAGMA application_id").fetchone() == (database._APPLICATION_ID,)


def test_all_of_it_is_removed(tmp_path: Path) -> None:
    for ending in ("", "-wal", "-shm", "-journal"):
        (tmp_path / f"x{ending}").touch()
    (tmp_path / "other").touch()
    remove_database(tmp_path / "x")
    remove_database(tmp_path / "x")
    assert [place.name for place in tmp_path.iterdir()] == ["other"]


def test_a_log_counts_as_part_of_the_size(tmp_path: Path) -> None:
    open_database(tmp_path / "x").close()
    with (tmp_path / "x-wal").open("wb") as log:
        log.truncate(database._MAX_BYTES)
    with pytest.raises(ValueError, match="too big"):
        open_database(tmp_path / "x")
