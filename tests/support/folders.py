"""Persistent trees for tests: builders, hypothesis strategies, and what an exact peer makes of a plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from hypothesis import strategies as st

from sync_core.model.answer_plan import PlannedWrite
from sync_core.model.change import Adjust, MakeDirectory, Remove
from sync_core.model.edit import edited, folder_of, tree_of
from sync_core.model.file import File, md5_of, sha256_of
from sync_core.model.folder import EMPTY_FOLDER, Entry, Folder, get, kind_of
from sync_core.model.path import RelPath, parent_of

__all__ = [
    "NEW",
    "TIME",
    "a_file",
    "a_listed_file",
    "a_tree",
    "as_listed",
    "copied",
    "file_at",
    "folder_at",
    "held_back",
    "obeyed",
    "some_edits",
    "some_files",
    "some_folders",
    "some_names",
]

Tree: TypeAlias = Mapping[str, bytes | Entry | None]
"""What is where: a content, an entry as it is to be, or ``None`` for a folder; folders on the way may be left out."""

TIME = 1_350_000_000
"""The time of files that say nothing of it."""

NEW = File(is_settling=True)
"""A file that settles and was never there before."""


def a_file(content: bytes = b"", *, time: int | None = TIME, mode: int | None = 0o644) -> File:
    """Return a file as a scan gives it, without the stamp."""
    return File(
        md5=md5_of(content), sha256=sha256_of(content), size_bytes=len(content), last_write_time=time, mode=mode
    )


def a_listed_file(content: bytes = b"", *, time: int | None = TIME) -> File:
    """Return a file as a classic list gives it: neither SHA-256 nor size nor permission bits."""
    return File(md5=md5_of(content), last_write_time=time)


def held_back(file: File, *, is_settling: bool = True, is_unreadable: bool = False) -> File:
    """Return the file with its marks."""
    return File(
        md5=file.md5,
        sha256=file.sha256,
        size_bytes=file.size_bytes,
        last_write_time=file.last_write_time,
        mode=file.mode,
        is_settling=is_settling,
        is_unreadable=is_unreadable,
    )


def a_tree(tree: Tree, *, time: int = TIME) -> Folder:
    """Return the tree of what is where. A ``Folder`` that is given stands for itself: it brings its mark alone."""
    return tree_of((RelPath(path), _entry(what, time)) for path, what in tree.items())


def _entry(what: bytes | Entry | None, time: int) -> Entry:
    if what is None:
        return Folder()
    return a_file(what, time=time) if isinstance(what, bytes) else what


def as_listed(folder: Folder) -> Folder:
    """Return the tree as its owner lists it in the classic way: no marks, no SHA-256, no permission bits."""
    children: dict[str, Entry] = {
        name: as_listed(entry)
        if isinstance(entry, Folder)
        else File(md5=entry.md5, last_write_time=entry.last_write_time)
        for name, entry in folder.children.items()
    }
    return Folder(children)


def copied(folder: Folder) -> Folder:
    """Return an equal tree of other objects, of which no digest is known."""
    children = {name: copied(entry) if isinstance(entry, Folder) else entry for name, entry in folder.children.items()}
    return Folder(children, is_unreadable=folder.is_unreadable)


def folder_at(folder: Folder, path: str) -> Folder:
    """Return the folder at ``path``."""
    found = get(folder, RelPath(path))
    assert isinstance(found, Folder), f"{path!r} is no folder"
    return found


def file_at(folder: Folder, path: str) -> File:
    """Return the file at ``path``."""
    found = get(folder, RelPath(path))
    assert isinstance(found, File), f"{path!r} is no file"
    return found


def obeyed(before: Folder, plan: Iterable[Remove | MakeDirectory | PlannedWrite | Adjust]) -> Folder:
    """Return what an exact peer has once it did one thing after the other; it insists on what a real one insists on."""
    tree = before
    for item in plan:
        there = get(tree, item.path)
        match item:
            case Remove():
                assert there is not None, f"{item.path!r} is not there"
                assert kind_of(there) is item.kind
                tree = edited(tree, {item.path: None})
            case MakeDirectory():
                assert not isinstance(there, File), "a removal must come first"
                tree = tree if there is not None else edited(tree, {item.path: EMPTY_FOLDER})
            case PlannedWrite():
                assert not isinstance(there, Folder), "a removal must come first"
                assert isinstance(get(tree, parent_of(item.path)), Folder), "its folder must come first"
                tree = edited(tree, {item.path: _written(item)})
            case Adjust():
                assert isinstance(there, File), "there is no such file"
                tree = edited(tree, {item.path: _adjusted(there, item)})
    return tree


def _written(item: PlannedWrite) -> File:
    return File(
        md5=item.md5,
        sha256=item.sha256,
        size_bytes=item.size_bytes,
        last_write_time=item.last_write_time,
        mode=item.mode,
    )


def _adjusted(file: File, item: Adjust) -> File:
    return File(
        md5=file.md5,
        sha256=file.sha256,
        size_bytes=file.size_bytes,
        last_write_time=item.last_write_time,
        mode=file.mode if item.mode is None else item.mode,
    )


def some_names() -> st.SearchStrategy[str]:
    """Few names, so that trees overlap; they sort differently as bytes, as text, and as paths."""
    return st.sampled_from(["a", "b", "a.b", "a b", "a-", "ä", "\udce9", "\U0001f600"])


@st.composite
def some_files(draw: st.DrawFn, *, is_marked: bool = False) -> File:
    """Files with few contents, times and permission bits.

    Args:
        draw: hypothesis's.
        is_marked: also files that are held back, without a known state, or known by md5 alone.
    """
    content = draw(st.sampled_from([b"", b"1", b"22"]))
    file = a_file(content, time=draw(st.sampled_from([TIME, TIME + 1])), mode=draw(st.sampled_from([0o644, 0o755])))
    if not is_marked:
        return file
    kinds = ["plain", "plain", "settling", "unreadable", "both", "new", "unread", "bare", "listed"]
    match kind := draw(st.sampled_from(kinds)):
        case "settling" | "unreadable" | "both":
            return held_back(file, is_settling=kind != "unreadable", is_unreadable=kind != "settling")
        case "new":
            return NEW
        case "unread":
            return File(is_unreadable=True, size_bytes=len(content))
        case "bare":
            return File()
        case "listed":
            return a_listed_file(content)
        case _:
            return file


@st.composite
def some_folders(draw: st.DrawFn, *, is_marked: bool = False, depth: int = 3, max_size: int = 4) -> Folder:
    """Trees of files and folders, three deep, that overlap with each other.

    Args:
        draw: hypothesis's.
        is_marked: also with files and folders that are held back, unreadable or without a known state.
        depth: how many folders lie in each other at most.
        max_size: how many entries a folder has at most.
    """
    entries: st.SearchStrategy[Entry] = some_files(is_marked=is_marked)
    if depth > 1:
        entries = entries | some_folders(is_marked=is_marked, depth=depth - 1, max_size=max_size)
    children = draw(st.dictionaries(some_names(), entries, max_size=max_size))
    is_unreadable = is_marked and draw(st.integers(min_value=0, max_value=7)) == 0
    return folder_of(children, is_unreadable=is_unreadable)


@st.composite
def some_edits(draw: st.DrawFn, *, is_marked: bool = False) -> dict[RelPath, Entry | None]:
    """Edits as ``model.edit.edited`` takes them: no path lies below one that becomes a file or nothing."""
    paths = draw(st.lists(st.lists(some_names(), min_size=1, max_size=3), max_size=4))
    entries = st.none() | some_files(is_marked=is_marked) | some_folders(is_marked=is_marked, depth=2, max_size=2)
    edits: dict[RelPath, Entry | None] = {}
    for names in sorted(paths, key=len):
        above = ["/".join(names[:n]) for n in range(1, len(names))]
        if not any(path in edits and not isinstance(edits[RelPath(path)], Folder) for path in above):
            edits[RelPath("/".join(names))] = draw(entries)
    return edits
