"""Trees as elements: the list that a slave uploads, and the file list that ``<jsync.files/>`` answers.

The first is what a real peer validates (``protocol.md`` section 3.2), so nothing may be added to it and nothing else
is taken (``protocol.list_reader``). The second has the same elements with more attributes, and a digest on the outer
one. Lists are long, so they are written as markup without a tree of elements.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from sync_core.model.errors import UnsafeNameError
from sync_core.model.file import File, Layer
from sync_core.model.folder import EMPTY_FOLDER, Folder, walk
from sync_core.model.path import name_bytes
from sync_core.protocol.names import DIRECTORY, FILE, MAX_FOLDERS, wire_name
from sync_core.protocol.texts import one_line
from sync_core.protocol.times import MAX_TIME_S, format_last_write_time
from sync_core.protocol.xml import Element, attribute

__all__ = ["LIST", "TREE_MD5", "file_list_element", "list_element", "tree_md5"]

LIST = "supervisor.remote_scheduler.configuration.fetch_updated_files"
"""The element that holds a list: a slave's request, and the answer to ``<jsync.files/>``."""

TREE_MD5 = "tree_md5"
"""The attribute with the digest of a file list."""


def list_element(tree: Folder, name: str = LIST) -> Element:
    """Return the list as an element called ``name``; sizes and marks are left out.

    Raises:
        UnsafeNameError: a name can't travel; the error names it.
    """
    return Element(name, text="".join(_list_parts(tree, 0)))


def file_list_element(tree: Folder, own: Folder | None = None) -> Element:
    """Return the list with all that the format holds: sizes, layers, marks, and the digest on the outer element.

    Args:
        tree: what is listed.
        own: what of it comes from a slave's own folder, where ``tree`` is the view of a slave; ``None`` = say nothing
            about layers.

    Raises:
        UnsafeNameError: a name can't travel; the error names it.
    """
    return Element(LIST, {TREE_MD5: tree_md5(tree)}, text="".join(_file_list_parts(tree, own, 0)))


def tree_md5(tree: Folder) -> str:
    """Return the digest that goes with a file list: the md5 over one line per entry, as jsync 0.1 computes it.

    A line is ``kind md5 time path`` with a NUL behind it; ``-`` stands for what is not known, and for md5 and time of a
    folder. It is about what the other end reads, and a time that the format can't hold arrives as its nearest end.
    """
    digest = hashlib.md5(usedforsecurity=False)
    for path, entry in walk(tree):
        if isinstance(entry, File):
            time = "-" if entry.last_write_time is None else min(max(0, entry.last_write_time), MAX_TIME_S)
            digest.update(b"file %b %b %b\0" % ((entry.md5 or "-").encode(), str(time).encode(), name_bytes(path)))
        else:
            digest.update(b"directory - - %b\0" % name_bytes(path))
    return digest.hexdigest()


def _list_parts(folder: Folder, depth: int) -> Iterator[str]:
    _check_depth(folder, depth)
    for name, entry in folder.children.items():
        if isinstance(entry, File):
            yield f'<{FILE} name="{attribute(wire_name(name))}"{_state_of(entry)}/>'
        elif entry.children:
            yield f'<{DIRECTORY} name="{attribute(wire_name(name))}">'
            yield from _list_parts(entry, depth + 1)
            yield f"</{DIRECTORY}>"
        else:
            yield f'<{DIRECTORY} name="{attribute(wire_name(name))}"/>'


def _file_list_parts(folder: Folder, own: Folder | None, depth: int) -> Iterator[str]:
    _check_depth(folder, depth)
    for name, entry in folder.children.items():
        named = f'name="{attribute(wire_name(name))}"'
        theirs = None if own is None else own.children.get(name)
        if isinstance(entry, File):
            is_own = isinstance(theirs, File)
            size = "" if entry.size_bytes is None else f' size="{entry.size_bytes}"'
            layer = "" if own is None else _layer(is_own=is_own)
            settling = ' settling="yes"' if entry.is_settling else ""
            unreadable = ' unreadable="yes"' if entry.is_unreadable else ""
            yield f"<{FILE} {named}{_state_of(entry)}{size}{layer}{settling}{unreadable}/>"
            continue
        inner = theirs if isinstance(theirs, Folder) else EMPTY_FOLDER
        layer = "" if own is None else _layer(is_own=isinstance(theirs, Folder))
        unreadable = ' unreadable="yes"' if entry.is_unreadable else ""
        if not entry.children:
            yield f"<{DIRECTORY} {named}{layer}{unreadable}/>"
            continue
        yield f"<{DIRECTORY} {named}{layer}{unreadable}>"
        yield from _file_list_parts(entry, None if own is None else inner, depth + 1)
        yield f"</{DIRECTORY}>"


def _state_of(file: File) -> str:
    time = file.last_write_time
    written = "" if time is None else f' last_write_time="{format_last_write_time(time)}"'
    return written if file.md5 is None else f'{written} md5="{file.md5}"'


def _layer(*, is_own: bool) -> str:
    return f' layer="{Layer.OWN if is_own else Layer.ALL}"'


def _check_depth(folder: Folder, depth: int) -> None:
    if depth >= MAX_FOLDERS and folder.children:
        name = one_line(next(iter(folder.children))[:80])
        raise UnsafeNameError(f"'{name}...' lies below more than {MAX_FOLDERS} folders")
