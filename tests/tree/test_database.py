from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sync_core.tree import database
from sync_core.tree.database import Kind, open_database, remove_database

KIND = Kind(application_id=7, version=1, schema="CREATE TABLE t (x)", max_bytes=1 << 20)


def test_the_settings_that_durability_rests_on_are_in_force(tmp_path: Path) -> None:
    """A log of checksummed pages, synced before its pages go to the file (1 is NORMAL)."""
    for _ in range(2):  # one that is new, one that was there
        with closing(open_database(tmp_path / "x", KIND)) as connection:
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            assert connection.execute("PRAGMA synchronous").fetchone() == (1,)


def test_without_a_log_everything_is_synced() -> None:
    """A database in memory stands for a file system that can't keep a log (2 is FULL)."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        database._prepare(connection, KIND)
        assert connection.execute("PRAGMA journal_mode").fetchone() != ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_making_it_is_one_step(tmp_path: Path) -> None:
    with closing(open_database(tmp_path / "x", KIND)), closing(sqlite3.connect(tmp_path / "x")) as other:
        assert other.execute("SELECT sql FROM sqlite_master").fetchall() == [(KIND.schema,)]
        assert other.execute("PRAGMA application_id").fetchone() == (7,)


def test_all_of_it_is_removed(tmp_path: Path) -> None:
    for ending in ("", "-wal", "-shm", "-journal"):
        (tmp_path / f"x{ending}").touch()
    (tmp_path / "other").touch()
    remove_database(tmp_path / "x")
    remove_database(tmp_path / "x")
    assert [place.name for place in tmp_path.iterdir()] == ["other"]


def test_a_log_counts_as_part_of_the_size(tmp_path: Path) -> None:
    open_database(tmp_path / "x", KIND).close()
    (tmp_path / "x-wal").write_bytes(bytes(KIND.max_bytes))
    with pytest.raises(ValueError, match="too big"):
        open_database(tmp_path / "x", KIND)
