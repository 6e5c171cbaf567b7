"""Trees as elements: the list that a slave uploads, and the file list that ``<jsync.files/>`` answers.

The first is what a real peer validates (``protocol.md`` section 3.2), so nothing may be added to it and nothing else
is taken (``protocol.list_reader``). The second has the same elements with more attributes, and a digest on the outer
one. Lists are long, so they are written as markup without a tree of elements.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import TypeAlias

from sync_core.model.errors import UnsafeNameError
from sync_core.model.file import File
from sync_core.model.folder import Entry, Folder, walk
from sync_core.model.overlay import layer_in, own_below
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


_Marks: TypeAlias = Callable[[Folder | None, str, Entry], str]
"""Returns what is said of an entry beyond its state: given the own layer's folder, its name, and itself."""


def list_element(tree: Folder, name: str = LIST) -> Element:
    """Return the list as an element called ``name``; sizes and marks are left out.

    ``UnsafeNameError``: a name can't travel; the error names it.
    """
    return Element(name, text="".join(_parts(tree, 0, None, _no_marks)))


def file_list_element(tree: Folder, own: Folder | None = None) -> Element:
    """Return the list with all that the format holds: sizes, layers, marks, and the digest on the outer element.

    ``own``: what of it comes from a slave's own folder, where ``tree`` is the view of a slave; ``None`` = say nothing
    about layers. ``UnsafeNameError``: a name can't travel; the error names it.
    """
    return Element(LIST, {TREE_MD5: tree_md5(tree)}, text="".join(_parts(tree, 0, own, _all_marks)))


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


def _parts(folder: Folder, depth: int, own: Folder | None, marks: _Marks) -> Iterator[str]:
    if depth >= MAX_FOLDERS and folder.children:
        name = one_line(next(iter(folder.children))[:80])
        raise UnsafeNameError(f"'{name}...' lies below more than {MAX_FOLDERS} folders")
    for name, entry in folder.children.items():
        named = f'name="{attribute(wire_name(name))}"'
        if isinstance(entry, File):
            yield f"<{FILE} {named}{_state_of(entry)}{marks(own, name, entry)}/>"
        elif entry.children:
            yield f"<{DIRECTORY} {named}{marks(own, name, entry)}>"
            yield from _parts(entry, depth + 1, own_below(own, name), marks)
            yield f"</{DIRECTORY}>"
        else:
            yield f"<{DIRECTORY} {named}{marks(own, name, entry)}/>"


def _no_marks(_own: Folder | None, _name: str, _entry: Entry) -> str:
    return ""


def _all_marks(own: Folder | None, name: str, entry: Entry) -> str:
    size = entry.size_bytes if isinstance(entry, File) else None
    said = "" if size is None else f' size="{size}"'
    layer = layer_in(own, name, entry)
    if layer is not None:
        said += f' layer="{layer}"'
    if isinstance(entry, File) and entry.is_settling:
        said += ' settling="yes"'
    return said + ' unreadable="yes"' if entry.is_unreadable else said


def _state_of(file: File) -> str:
    time = file.last_write_time
    written = "" if time is None else f' last_write_time="{format_last_write_time(time)}"'
    return written if file.md5 is None else f'{written} md5="{file.md5}"'
