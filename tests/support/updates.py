"""Updates of a tree in short: what is listed, changes, and how they are applied."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from sync_core.model.answer_plan import PlannedWrite
from sync_core.model.change import Adjust, Change, Changes, MakeDirectory, Remove, WriteFile
from sync_core.model.edit import folder_of, tree_of
from sync_core.model.file import File, Kind, Stamp, md5_of, sha256_of
from sync_core.model.folder import EMPTY_FOLDER, Entry, Folder, kind_of, names_of
from sync_core.model.inventory import MaxDelete
from sync_core.model.path import ROOT, RelPath, join
from sync_core.model.removal_budget import NO_REMOVALS, RemovalBudget
from sync_core.tree.apply import Applied, Update
from sync_core.tree.disk import LOCAL_DISK, Disk
from sync_core.tree.temporaries import new_token
from sync_core.tree.update import Step
from tests.support.disk import TIME, Tree

__all__ = [
    "ANY",
    "adjust",
    "apply",
    "apply_changes",
    "content_tree",
    "give",
    "listed",
    "make",
    "planned",
    "remove",
    "steps_between",
    "write",
]

ANY = MaxDelete(number=100, is_percentage=True)


def write(path: str, content: bytes = b"new", *, time: int = TIME + 1, mode: int | None = None) -> WriteFile:
    return WriteFile(path=RelPath(path), last_write_time=time, content=content, mode=mode)


def planned(path: str, content: bytes = b"new", *, time: int = TIME + 1, mode: int | None = 0o644) -> PlannedWrite:
    """Return what a plan of our own dialect says of a file."""
    return PlannedWrite(
        path=RelPath(path),
        md5=md5_of(content),
        sha256=sha256_of(content),
        last_write_time=time,
        size_bytes=len(content),
        mode=mode,
    )


def make(path: str) -> MakeDirectory:
    return MakeDirectory(path=RelPath(path))


def remove(path: str, kind: Kind = Kind.FILE) -> Remove:
    return Remove(path=RelPath(path), kind=kind)


def adjust(path: str, *, time: int = TIME + 1, mode: int | None = None) -> Adjust:
    return Adjust(path=RelPath(path), last_write_time=time, mode=mode)


def content_tree(tree: Tree, *, time: int = TIME) -> Folder:
    """Return the tree of contents, as a list without stamps gives it."""
    return tree_of((RelPath(path), _entry(content, time)) for path, content in tree.items())


def _entry(content: bytes | None, time: int) -> Entry:
    if content is None:
        return Folder()
    return File(
        md5=md5_of(content), sha256=sha256_of(content), size_bytes=len(content), last_write_time=time, mode=0o644
    )


def listed(root: Path) -> Folder:
    """Return what is at ``root`` with all marks and stamps; names with a dot in front are left out, links too."""
    children: dict[str, Entry] = {}
    for place in root.iterdir():
        if place.name.startswith(".") or place.is_symlink():
            continue
        children[place.name] = listed(place) if place.is_dir() else _seen(place)
    return folder_of(children)


def _seen(place: Path) -> File:
    content, found = place.read_bytes(), place.stat()
    return File(
        md5=md5_of(content),
        sha256=sha256_of(content),
        size_bytes=len(content),
        last_write_time=found.st_mtime_ns // 10**9,
        mode=found.st_mode & 0o777,
        stamp=Stamp(found.st_mtime_ns, found.st_ctime_ns, found.st_ino, 1),
    )


def apply_changes(
    root: Path,
    changes: Changes,
    *,
    before: Folder,
    max_delete: MaxDelete,
    burst: RemovalBudget = NO_REMOVALS,
    token: Callable[[], str] = new_token,
    clock_ns: Callable[[], int] = time.time_ns,
    disk: Disk = LOCAL_DISK,
) -> Applied:
    """Bring the tree at ``root`` in line with ``changes``, whose contents are all there; return what was done."""
    with Update(
        root, changes, before=before, max_delete=max_delete, burst=burst, token=token, clock_ns=clock_ns, disk=disk
    ) as update:
        for change in changes:
            if isinstance(change, WriteFile) and update.awaits(change.path):
                update.write(change.path, change.content)
        return update.show()


def apply(root: Path, *changes: Change, before: Tree | None = None, disk: Disk = LOCAL_DISK) -> Applied:
    """Apply changes; ``before``: what was listed to the master, by default what is there."""
    known = listed(root) if before is None and root.exists() else content_tree(before or {})
    return apply_changes(root, changes, before=known, max_delete=ANY, disk=disk)


def steps_between(old: Folder, new: Folder, above: RelPath = ROOT) -> Iterator[Step]:
    """Give what turns one tree into the other, in document order."""
    for name in names_of(old, new):
        path = join(above, name)
        ours, theirs = old.children.get(name), new.children.get(name)
        if ours is not None and (theirs is None or kind_of(ours) is not kind_of(theirs)):
            yield Remove(path=path, kind=kind_of(ours))
            ours = None
        if isinstance(theirs, Folder):
            if ours is None:
                yield MakeDirectory(path=path)
            yield from steps_between(ours if isinstance(ours, Folder) else EMPTY_FOLDER, theirs, path)
        elif theirs is not None and theirs != ours:
            yield _step_to(path, theirs, ours)


def _step_to(path: RelPath, wanted: File, old: Entry | None) -> Step:
    assert wanted.md5 is not None
    assert wanted.last_write_time is not None
    if isinstance(old, File) and old.sha256 == wanted.sha256:
        return Adjust(path=path, last_write_time=wanted.last_write_time, mode=wanted.mode)
    return PlannedWrite(
        path=path,
        md5=wanted.md5,
        sha256=wanted.sha256,
        last_write_time=wanted.last_write_time,
        size_bytes=wanted.size_bytes,
        mode=wanted.mode,
    )


def give(update: Update, steps: Iterable[Step], tree: Tree, *, piece_bytes: int | None = None) -> None:
    """Give an update the contents that it awaits, in pieces if their size is told."""
    for step in steps:
        if not isinstance(step, PlannedWrite) or not update.awaits(step.path):
            continue
        content = tree[step.path] or b""
        if piece_bytes is None:
            update.write(step.path, content)
            continue
        file = update.open(step.path)
        for offset in range(file.size_bytes, len(content), piece_bytes):
            file.write(content[offset : offset + piece_bytes])
        file.done()
