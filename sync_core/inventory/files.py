"""The files of an inventory, read once each, and bounded together."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from sync_core.inventory.document import MAX_FILE_BYTES, parse
from sync_core.inventory.node import Node
from sync_core.inventory.problems import Problems, whole

__all__ = ["MAX_FILES", "MAX_TOTAL_BYTES", "VARIABLE_FOLDERS", "Files", "is_left_over"]

MAX_TOTAL_BYTES = 64 * 1024 * 1024
"""Of all files together."""

MAX_FILES = 20_000
"""One of variables for each host, and as many again."""

VARIABLE_FOLDERS = ("group_vars", "host_vars")
"""Folders beside an inventory that hold variables; they are no inventories themselves."""

_VAULT = b"$ANSIBLE_VAULT;"
_LEFT_OVER = (".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".cfg", ".retry", ".ini")


def is_left_over(name: str) -> bool:
    """Return whether Ansible passes over a file of this name in a folder: hidden ones, backups, texts, INI files."""
    return name.startswith(".") or name.endswith(_LEFT_OVER)


class Files:
    """Reads files and remembers what the paths in them are relative to.

    Args:
        problems: gets what can't be read.
    """

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._bytes_left = MAX_TOTAL_BYTES
        self._files_left = MAX_FILES
        self.bases: dict[str, Path] = {}
        self.is_complete = True

    def read(self, path: Path, *, base: Path) -> Node | None:
        """Return the document at ``path``, or ``None`` after noting why there is none.

        Args:
            path: as the user named it, or below what the user named.
            base: the absolute folder that relative paths in it are relative to.
        """
        data = self._bytes(path)
        if data is not None and data.startswith(_VAULT):
            self.miss(str(path), "it is encrypted by Ansible Vault", "values for jsync stand in a file of their own")
            return None
        return self.keep(None if data is None else parse(data, self._problems, str(path)), str(path), base=base)

    def keep(self, document: Node | None, file: str, *, base: Path) -> Node | None:
        """Return ``document`` after remembering its base, or that there is a gap where it should be."""
        self.bases[file] = base
        self.is_complete = self.is_complete and document is not None
        return document

    def miss(self, file: str, message: str, hint: str | None = None) -> None:
        """Note that ``file`` can't be had, so that what the inventory lacks may be in there."""
        self._problems.add(whole(file), message, hint)
        self.is_complete = False

    def names(self, folder: Path) -> list[str]:
        """Return the names in ``folder`` in the order in which Ansible reads them."""
        try:
            return sorted(os.listdir(folder), key=os.fsencode)  # noqa: PTH208 - names, not paths
        except OSError as error:
            self.miss(str(folder), f"can't be read: {error.strerror}")
            return []

    def kind(self, path: Path) -> int:
        """Return the kind of what is at ``path``, links followed: ``stat.S_IFREG`` and so on; 0 if there is nothing.

        What can't be looked at counts as a file: reading it says why.
        """
        try:
            return stat.S_IFMT(path.stat().st_mode)
        except FileNotFoundError:
            return 0
        except (OSError, ValueError):
            return stat.S_IFREG

    def is_program(self, path: Path) -> bool:
        """Return whether ``path`` is a file that we may run."""
        try:
            return stat.S_ISREG(path.stat().st_mode) and os.access(path, os.X_OK)
        except (OSError, ValueError):
            return False

    def _bytes(self, path: Path) -> bytes | None:
        self._files_left -= 1
        if self._files_left < 0:
            self.miss("", f"it has more than {MAX_FILES} files")
            return None
        try:
            with path.open("rb") as file:
                data = file.read(min(MAX_FILE_BYTES, self._bytes_left) + 1)
        except FileNotFoundError:
            self.miss(str(path), "there is no such file", "`jsync init` writes a working example")
        except OSError as error:
            self.miss(str(path), f"can't be read: {error.strerror}")
        except ValueError:
            self.miss(str(path), "can't be read: no file has such a name")
        else:
            self._bytes_left -= len(data)
            if self._bytes_left >= 0 or len(data) > MAX_FILE_BYTES:
                return data
            self.miss("", f"its files have more than {MAX_TOTAL_BYTES} bytes together")
        return None
