"""``group_vars/`` and ``host_vars/`` beside an inventory, found and read as Ansible does."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sync_core.inventory.files import Files, is_left_over
from sync_core.inventory.node import Node
from sync_core.inventory.paths import absolute
from sync_core.inventory.problems import Problems, shown
from sync_core.inventory.shape import check_variables_shape

__all__ = ["VariableFiles", "read_variable_files"]

_ENDINGS = ("", ".yml", ".yaml", ".json")
_MAX_FOLDERS_DEEP = 10
_MAX_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableFiles:
    """What the files of one folder say.

    Attributes:
        groups: by group, the tables of variables, the last one winning.
        hosts: the same by host.
    """

    groups: Mapping[str, tuple[Node, ...]]
    hosts: Mapping[str, tuple[Node, ...]]


def read_variable_files(
    folder: Path, files: Files, *, groups: Iterable[str], hosts: Iterable[str], problems: Problems
) -> VariableFiles:
    """Return what ``folder`` has in ``group_vars/`` and ``host_vars/``.

    For each name the first of ``NAME``, ``NAME.yml``, ``NAME.yaml`` and ``NAME.json`` counts; a folder stands for all
    such files below it, in the order of their names.

    Args:
        folder: as the user named it, or that of the file that the user named.
        files: reads them.
        groups: all groups.
        hosts: all hosts.
        problems: gets wrong values, and warnings of files that nobody reads.
    """
    reader = _Reader(absolute(folder), files, problems)
    return VariableFiles(
        groups=reader.tables(folder / "group_vars", "group", groups),
        hosts=reader.tables(folder / "host_vars", "host", hosts),
    )


class _Reader:
    def __init__(self, base: Path, files: Files, problems: Problems) -> None:
        self._base = base
        self._files = files
        self._problems = problems

    def tables(self, folder: Path, kind: str, owners: Iterable[str]) -> dict[str, tuple[Node, ...]]:
        """Return the tables of all ``owners`` that have any."""
        if not self._is_folder(folder):
            return {}
        there = dict.fromkeys(self._files.names(folder))
        found: dict[str, tuple[Node, ...]] = {}
        for owner in owners:
            mine = [owner + ending for ending in _ENDINGS if owner + ending in there]
            for name in mine:
                del there[name]
            for name in mine[1:]:
                self._problems.warn(f"{folder / name} is not read: {mine[0]} comes first")
            found.update({owner: tuple(self._read(folder / mine[0]))} if mine else {})
        self._warn_of_strangers(folder, kind, [name for name in there if not is_left_over(name)])
        return found

    def _is_folder(self, folder: Path) -> bool:
        kind = self._files.kind(folder)
        if kind not in {0, stat.S_IFDIR}:
            self._problems.warn(f"{folder} is not read: it is no folder")
        return kind == stat.S_IFDIR

    def _read(self, path: Path) -> Iterator[Node]:
        for file in self._files_at(path):
            table = self._files.read(file, base=self._base)
            if table is not None and table.content is not None:  # an empty file is nothing to speak of
                check_variables_shape(table, self._problems)
                yield table

    def _files_at(self, path: Path, depth: int = 1) -> Iterator[Path]:
        kind = self._files.kind(path)
        if kind == stat.S_IFREG:
            yield path
        elif kind != stat.S_IFDIR:
            self._files.miss(str(path), "it is neither a file nor a folder")
        elif depth > _MAX_FOLDERS_DEEP:
            self._files.miss(str(path), f"it is more than {_MAX_FOLDERS_DEEP} folders deep")
        else:
            for name in self._files.names(path):
                inner, ending = path / name, os.path.splitext(name)[1]  # noqa: PTH122 - the name alone
                allowed = {stat.S_IFREG: _ENDINGS, stat.S_IFDIR: ("",)}.get(self._files.kind(inner), ())
                if ending in allowed and not name.startswith(".") and not name.endswith("~"):
                    yield from self._files_at(inner, depth + 1)

    def _warn_of_strangers(self, folder: Path, kind: str, names: list[str]) -> None:
        if names:
            more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
            listed = ", ".join(map(shown, names[:_MAX_NAMED]))
            self._problems.warn(f"{folder}: {listed}{more} not read: there is no {kind} of that name")
