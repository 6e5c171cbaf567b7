"""The SQLite file of a digest cache. It only saves work: whatever is wrong with it, it can be made anew."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from pathlib import Path
from typing import Final

__all__ = ["open_database", "remove_database"]

_APPLICATION_ID: Final = 0x6A737964
_VERSION: Final = 2
_SCHEMA: Final = "CREATE TABLE file (path BLOB PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID"

_MAX_BYTES: Final = 512 << 20
"""Two million files, the log included."""

_BUSY_TIMEOUT_S: Final = 5.0
_JOURNAL_BYTES: Final = 4 << 20
"""What is left of a write-ahead log once its content is in the file."""


def open_database(path: Path) -> sqlite3.Connection:
    """Return ``path``, open for any thread, one at a time; it is made if it is not there.

    In write-ahead mode ``synchronous=NORMAL`` is enough: each page in the log carries a checksum, and the log is
    synced before its pages go to the file. After a power cut the last transactions may be missing, but never a part
    of one. Where the file system can't do that mode, ``FULL`` is needed for the same.

    Args:
        path: the file; its folder must exist.

    Raises:
        ValueError: it is something else; ``remove_database`` makes room.
        sqlite3.Error: it is broken (``DatabaseError``), or can't be used now (``OperationalError``).
        OSError: likewise.
    """
    # Made here, so that nobody else may read it; SQLite gives its log the same mode.
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise ValueError("it is no file")
    finally:
        os.close(fd)
    if sum(_size_bytes(place) for place in _places(path)) > _MAX_BYTES:
        raise ValueError("it is too big")
    connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    try:
        _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.execute("PRAGMA cell_size_check=ON")
    (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
    connection.execute(f"PRAGMA synchronous={'NORMAL' if mode == 'wal' else 'FULL'}")
    connection.execute(f"PRAGMA journal_size_limit={_JOURNAL_BYTES}")
    connection.execute("BEGIN IMMEDIATE")
    tables = [sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master")]
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if not tables and application_id == version == 0:
        connection.execute(_SCHEMA)
        connection.execute(f"PRAGMA application_id={_APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={_VERSION}")
    elif application_id != _APPLICATION_ID:
        raise ValueError("it belongs to another program")
    elif version != _VERSION or tables != [_SCHEMA]:
        raise ValueError("it has another version")
    connection.execute("COMMIT")


def remove_database(path: Path) -> None:
    """Remove ``path`` with what SQLite keeps beside it.

    Raises:
        OSError: it can't be removed.
    """
    # The file first: SQLite throws away a log without a file, but would believe one beside another file.
    for place in _places(path):
        with contextlib.suppress(FileNotFoundError):
            place.unlink()


def _places(path: Path) -> tuple[Path, ...]:
    return path, *(path.with_name(path.name + ending) for ending in ("-journal", "-wal", "-shm"))


def _size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
