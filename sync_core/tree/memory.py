"""The digest cache on disk: the settled files of a tree, kept over a restart.

It only saves work. Whatever is wrong with it, it is made anew, and the tree is hashed again.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import sqlite3
from pathlib import Path
from typing import Final

from sync_core.model.errors import FileTroubleError
from sync_core.model.folder import EMPTY_FOLDER, Folder
from sync_core.tree.database import open_database, remove_database
from sync_core.tree.rows import rows_between, tree_of_rows

__all__ = ["DigestCache"]

_log = logging.getLogger(__name__)

_OLD_NAME: Final = "digests.json"
"""The cache of earlier versions."""

_BATCH_ROWS: Final = 10_000


class DigestCache:
    """One tree's digests, in one file.

    May be used from any thread, but from one at a time.

    Args:
        path: the file; its folder must exist by the time something is saved.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._opened: tuple[int, int] | None = None
        self._saved: Folder | None = None

    def load(self) -> Folder:
        """Return the files that were saved last, with their stamps; nothing if anything is wrong with the cache."""
        try:
            if self._identity() is None:
                return EMPTY_FOLDER
            self._saved = tree_of_rows(self._open().execute("SELECT path, record FROM file ORDER BY path"))
        except (sqlite3.OperationalError, OSError) as error:  # a lock, a missing right: it may be whole
            self.close()
            _log.warning("the digest cache %r is not used: %s", str(self._path), _reason(error))
            return EMPTY_FOLDER
        except (sqlite3.Error, ValueError) as error:
            self._start_anew(error)
            return EMPTY_FOLDER
        return self._saved

    def save(self, tree: Folder) -> None:
        """Keep the files of ``tree`` whose digests and stamps are known; only what is different is written.

        Args:
            tree: what a ``Settler`` calls settled, or what a scan saw. Marks are not kept.

        Raises:
            FileTroubleError: it can't be written.
        """
        try:
            self._write_or_start_anew(tree)
        except (sqlite3.Error, OSError, ValueError) as error:
            self.close()  # whatever is in the file now, the next save writes all of it
            raise FileTroubleError(
                f"the digest cache {str(self._path)!r} can't be written: {_reason(error)}"
            ) from error
        self._saved = tree

    def close(self) -> None:
        """Close the file; what was saved is saved. It opens again when it is needed."""
        connection, self._connection, self._saved = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):  # a broken file can't be closed in order
                connection.close()

    def _write_or_start_anew(self, tree: Folder) -> None:
        try:
            self._write(tree)
        except sqlite3.OperationalError:
            raise  # a full disk, a lock: nothing that a new file would heal
        except (sqlite3.Error, ValueError) as error:
            self._start_anew(error)
            self._write(tree)

    def _write(self, tree: Folder) -> None:
        connection = self._open()
        if self._saved is tree:
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            if self._saved is None:
                connection.execute("DELETE FROM file")
            rows = rows_between(self._saved or EMPTY_FOLDER, tree)
            while batch := list(itertools.islice(rows, _BATCH_ROWS)):
                connection.executemany(
                    "DELETE FROM file WHERE path = ?", [(path,) for path, new in batch if new is None]
                )
                connection.executemany("REPLACE INTO file VALUES (?, ?)", [row for row in batch if row[1] is not None])
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
        with contextlib.suppress(OSError):
            self._path.with_name(_OLD_NAME).unlink()

    def _open(self) -> sqlite3.Connection:
        """Return the connection; a new one if somebody removed the file or put another one in its place."""
        if self._connection is not None and self._opened != self._identity():
            self.close()
        if self._connection is None:
            self._connection = open_database(self._path)
            self._opened = self._identity()
        return self._connection

    def _identity(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _start_anew(self, error: Exception) -> None:
        self.close()
        _log.warning("the digest cache %r is made anew: %s", str(self._path), _reason(error))
        try:
            remove_database(self._path)
        except OSError as trouble:
            _log.warning("the digest cache %r can't be removed: %s", str(self._path), trouble.strerror)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
