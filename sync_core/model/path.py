r"""Paths inside a tree, as they travel: names joined by ``/``, relative to the tree's root.

A name is what the operating system gives Python for the bytes on disk (UTF-8 with ``surrogateescape``), so any name
survives a round trip. The wire of ``protocol.md`` section 3.2 carries names byte by byte as ISO-8859-1;
``to_wire`` and ``from_wire`` translate.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import NewType

from sync_core.model.errors import UnsafeNameError

__all__ = [
    "ROOT",
    "RelPath",
    "ancestors",
    "check_name",
    "from_wire",
    "join",
    "lies_below",
    "name_bytes",
    "name_of",
    "parent_of",
    "rel_path",
    "sort_key",
    "sort_names",
    "to_wire",
]

RelPath = NewType("RelPath", str)
"""A checked path below a root: ``"stresstest/a.job.xml"``; the root itself is ``""``."""

ROOT = RelPath("")

_FORBIDDEN = {"/": "a slash", "\\": "a backslash", "\0": "a NUL"}


def check_name(name: str) -> str:
    r"""Return ``name`` if it may become the name of a file below a root.

    Args:
        name: one path component.

    Raises:
        UnsafeNameError: it is empty, ``.``, ``..``, or contains ``/``, ``\\`` or NUL. The error names it.
    """
    if name in {"", ".", ".."}:
        raise UnsafeNameError(f"the name {name!r} is not allowed")
    for character, what in _FORBIDDEN.items():
        if character in name:
            raise UnsafeNameError(f"the name {name!r} is not allowed: it contains {what}")
    return name


def rel_path(text: str) -> RelPath:
    """Return ``text`` as a path (``""`` is the root); ``UnsafeNameError``: a name in it is not allowed."""
    if text:
        for name in text.split("/"):
            check_name(name)
    return RelPath(text)


def join(parent: RelPath, name: str) -> RelPath:
    """Return the path of ``name`` in the folder ``parent``; the name must have been checked."""
    return RelPath(f"{parent}/{name}" if parent else name)


def parent_of(path: RelPath) -> RelPath:
    """Return the folder that holds ``path``; the root for a first-level name."""
    return RelPath(path.rpartition("/")[0])


def name_of(path: RelPath) -> str:
    """Return the last name of ``path``."""
    return path.rpartition("/")[2]


def ancestors(path: RelPath) -> tuple[RelPath, ...]:
    """Return the folders above ``path``, outermost first, without the root."""
    names = path.split("/")[:-1]
    return tuple(RelPath("/".join(names[: n + 1])) for n in range(len(names)))


def lies_below(path: RelPath, folders: Container[RelPath]) -> bool:
    """Whether one of the folders above ``path`` is among ``folders``."""
    return any(folder in folders for folder in ancestors(path))


def name_bytes(name: str) -> bytes:
    """Return the bytes that ``name`` has on disk."""
    return name.encode("utf-8", "surrogateescape")


def sort_names(names: Iterable[str]) -> list[str]:
    """Return ``names`` in the order of their bytes."""
    given = list(names)
    # ASCII sorts by characters as it does by bytes, and needs no key for that; what is sorted nearly costs a look.
    given.sort(key=None if "".join(given).isascii() else name_bytes)
    return given


def sort_key(path: RelPath) -> tuple[bytes, ...]:
    """Return the key that sorts paths as answers do: folder by folder, names in byte order (section 3.4)."""
    return tuple(name_bytes(name) for name in path.split("/"))


def to_wire(name: str) -> str:
    """Return ``name`` as it stands in a document: each byte on disk is one ISO-8859-1 character."""
    return name_bytes(name).decode("latin-1")


def from_wire(text: str) -> str:
    """Return the name whose bytes a document carries as ISO-8859-1 characters; ``UnsafeNameError``: it has others."""
    try:
        return text.encode("latin-1").decode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise UnsafeNameError(f"the name {text!r} has characters beyond ISO-8859-1") from None
