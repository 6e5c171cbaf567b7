"""What ``-i`` may name: a file, a folder of files, an executable. All of them become documents of groups."""

from __future__ import annotations

import stat
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sync_core.inventory.ansible_list import as_groups, host_names, host_variables, is_list
from sync_core.inventory.document import parse_json
from sync_core.inventory.files import VARIABLE_FOLDERS, Files, is_left_over
from sync_core.inventory.names import check_member_name
from sync_core.inventory.node import Node
from sync_core.inventory.paths import absolute
from sync_core.inventory.problems import Problems, shown
from sync_core.inventory.script import DEADLINE_S, NoProgramError, Output, ScriptError, run

__all__ = ["Sources", "read_sources"]

_MAX_FOLDERS_DEEP = 10
_NOT_IN_A_FOLDER = {*VARIABLE_FOLDERS, "vars_plugins"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What was read.

    Attributes:
        documents: groups in the shape of YAML inventories, the last one winning.
        home: the absolute folder of the first source.
        folders: where ``group_vars/`` and ``host_vars/`` may lie, as the user named them, the last one winning.
        flat: the files in which a host has its inherited values as its own.
    """

    documents: tuple[Node, ...]
    home: Path
    folders: tuple[Path, ...]
    flat: frozenset[str]


def read_sources(paths: Sequence[Path], files: Files, *, environ: Mapping[str, str], problems: Problems) -> Sources:
    """Return the documents at ``paths``.

    Args:
        paths: in the order in which they were named.
        files: reads them.
        environ: the environment of executables.
        problems: gets everything that is wrong with a source as a whole.
    """
    reader = _Reader(files, environ, problems)
    folders: list[Path] = []
    for path in paths:
        is_folder = files.kind(path) == stat.S_IFDIR
        if is_folder:
            reader.read_folder(path)
        else:
            reader.read_file(path)
        folders.append(path if is_folder else path.parent)
    last = {absolute(folder): place for place, folder in enumerate(folders)}  # read once, where it counts most
    return Sources(
        documents=tuple(reader.documents),
        home=absolute(folders[0]),
        folders=tuple(folders[place] for place in sorted(last.values())),
        flat=frozenset(reader.flat),
    )


class _Reader:
    def __init__(self, files: Files, environ: Mapping[str, str], problems: Problems) -> None:
        self.documents: list[Node] = []
        self.flat: set[str] = set()
        self._files = files
        self._environ = environ
        self._problems = problems

    def read_folder(self, folder: Path, depth: int = 1) -> None:
        if depth > _MAX_FOLDERS_DEEP:
            self._files.miss(str(folder), f"it is more than {_MAX_FOLDERS_DEEP} folders deep")
            return
        names = [name for name in self._files.names(folder) if not is_left_over(name)]
        inside = [name for name in names if name not in _NOT_IN_A_FOLDER]
        if not inside:
            self._files.miss(str(folder), "the folder has no inventory in it", "YAML, JSON or executable files")
        for name in VARIABLE_FOLDERS:
            if depth > 1 and name in names:
                self._problems.warn(f"{folder / name} is not read: only those beside the inventory that was named are")
        for name in inside:
            path = folder / name
            kind = self._files.kind(path)
            if kind == stat.S_IFDIR:
                self.read_folder(path, depth + 1)
            elif kind == stat.S_IFREG:
                self.read_file(path)
            else:
                self._files.miss(str(path), "it is neither a file nor a folder")

    def read_file(self, path: Path) -> None:
        if not (self._files.is_program(path) and self._run(path)):
            self._add(self._files.read(path, base=absolute(path).parent), str(path))

    def _add(self, document: Node | None, file: str) -> None:
        if document is None:
            return
        if document.content is None:
            self._files.miss(file, "the file is empty", "`jsync init` writes a working example")
            return
        if is_list(document):
            variables = host_variables(document)
            document = self._groups(document, {} if variables is None else self._tables(variables))
        self.documents.append(document)

    def _groups(self, document: Node, variables: Mapping[str, Node]) -> Node:
        self.flat.update(table.place.file for table in variables.values())
        return as_groups(document, variables, self._problems)

    def _tables(self, variables: Node) -> Mapping[str, Node]:
        if not isinstance(variables.content, Mapping):
            self._problems.add(variables.place, f"`hostvars`: {shown(variables.plain)} is not a mapping of hosts")
        return variables.table

    def _run(self, path: Path) -> bool:
        """Read what the executable prints; return whether it is one."""
        script = _Script(path, self._files, self._environ, self._problems)
        try:
            document = script.document("--list")
        except NoProgramError:
            return False
        if document is None:
            return True
        variables = host_variables(document)
        if variables is None:
            tables = {name: script.document("--host", name) for name in host_names(document) if _is_safe(name)}
            known = {name: table for name, table in tables.items() if table is not None}
            self.documents.append(self._groups(document, known))
        else:
            self.documents.append(self._groups(document, self._tables(variables)))
        return True


class _Script:
    """An executable inventory, whose runs together have one deadline."""

    def __init__(self, path: Path, files: Files, environ: Mapping[str, str], problems: Problems) -> None:
        self._path = path
        self._files = files
        self._environ = environ
        self._problems = problems
        self._deadline = time.monotonic() + DEADLINE_S
        self._has_failed = False

    def document(self, *arguments: str) -> Node | None:
        """Return what the script prints, or ``None`` after noting why it is nothing that can be used."""
        name = " ".join([str(self._path), *arguments])
        output = self._output(name, arguments)
        if output is None:
            return None
        if output.said:
            self._problems.warn(f"{name}: it said: {output.said}")
        if arguments[0] == "--host" and not output.data.strip():
            return None
        document = parse_json(output.data, self._problems, name)
        if document is not None and not isinstance(document.content, Mapping):
            what = "groups" if arguments[0] == "--list" else "variables"
            self._files.miss(name, f"{shown(document.plain)} is not a mapping of {what}", "Ansible's JSON document")
            return None
        return self._files.keep(document, name, base=absolute(self._path).parent)

    def _output(self, name: str, arguments: Sequence[str]) -> Output | None:
        if self._has_failed:  # once is enough: it would fail for each of a thousand hosts
            return None
        try:
            return run(self._path.absolute(), arguments, environ=self._environ, deadline=self._deadline)
        except ScriptError as error:
            self._has_failed = True
            self._files.miss(name, str(error), f"it said: {error.said}" if error.said else None)
            return None


def _is_safe(name: str) -> bool:
    """Return whether ``name`` can be a host; others are refused when the groups are read, and nobody is asked."""
    try:
        check_member_name(name)
    except ValueError:
        return False
    return True
