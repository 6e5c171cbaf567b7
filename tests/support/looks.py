"""What looks at a tree see, for tests of settling: values, and successive looks at a tree that changes wildly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from hypothesis import strategies as st

from sync_core.model.edit import tree_of
from sync_core.model.file import File, Stamp, md5_of, sha256_of
from sync_core.model.folder import Entry, Folder
from sync_core.model.path import RelPath, ancestors
from tests.support.plain.flat import folder_from

__all__ = ["BLIND", "TIME", "Look", "a_look", "seen", "shared_with", "some_looks"]

TIME = 1_350_000_000
"""The time of files that say nothing of it."""

BLIND = Folder(is_unreadable=True)

Seen: TypeAlias = Mapping[str, Entry | bytes | None]
"""What is seen by path: contents stand for files, ``None`` for folders; folders above are added."""


def seen(
    content: bytes | None = b"",
    *,
    mtime_s: float = TIME,
    inode: int = 1,
    mode: int = 0o644,
    is_unreadable: bool = False,
    hashed_at_s: int = TIME + 100,
) -> File:
    """Return a file as a scan sees it; another content has another size or inode only if the caller says so."""
    return File(
        md5=None if content is None else md5_of(content),
        sha256=None if content is None else sha256_of(content),
        size_bytes=len(content or b""),
        last_write_time=int(mtime_s),
        mode=mode,
        is_unreadable=is_unreadable,
        stamp=Stamp(int(mtime_s * 10**9), int(mtime_s * 10**9), inode, hashed_at_s * 10**9),
    )


def a_look(at: Seen) -> Folder:
    """Return what a scan sees."""
    entries: dict[RelPath, Entry] = {}
    for path, what in at.items():
        entries[RelPath(path)] = seen(what) if isinstance(what, bytes) else what or Folder()
    return tree_of(entries.items())


def shared_with(before: Entry | None, after: Entry) -> Entry:
    """Return ``after``, made of the objects of ``before`` wherever that looks the same: so scans hand on a tree."""
    if isinstance(before, Folder) and isinstance(after, Folder):
        inner = {name: shared_with(before.children.get(name), entry) for name, entry in after.children.items()}
        made = Folder(inner, is_unreadable=after.is_unreadable)
        are_same = all(before.children.get(name) is entry for name, entry in inner.items())
        return before if are_same and made == before else made
    if isinstance(before, File) and isinstance(after, File):
        return before if before == after and before.stamp == after.stamp else after
    return after


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look: what it saw, when, and what was trusted by then."""

    seen: Folder
    began: float
    now: float
    trusted: frozenset[RelPath]


@st.composite
def some_files(draw: st.DrawFn) -> File:
    """Draw a file as a scan may see it: at times it can't be read, or changes while it is."""
    content = draw(st.sampled_from([b"1", b"1", b"2", b"2", b"3", None]))
    return seen(
        content,
        mtime_s=TIME + draw(st.sampled_from([0, 0, 0.5, 1])),
        inode=draw(st.integers(min_value=1, max_value=2)),
        mode=draw(st.sampled_from([0o644, 0o644, 0o755])),
        is_unreadable=content is None and draw(st.booleans()),
        hashed_at_s=draw(st.integers(min_value=1, max_value=2)),
    )


_NAMES = st.sampled_from(["a", "b", "a.b", "ä"])
_PATHS = st.lists(_NAMES, min_size=1, max_size=3).map(lambda names: RelPath("/".join(names)))


def _put(disk: dict[RelPath, Entry], path: RelPath, entry: Entry | None) -> None:
    """Put something in the place of all that is at a path and below; files above give way to folders."""
    for other in [other for other in disk if other == path or other.startswith(f"{path}/")]:
        del disk[other]
    if entry is None:
        return
    for above in ancestors(path):
        if not isinstance(disk.get(above), Folder):
            disk[above] = Folder()
    disk[path] = entry


def _seen_of(disk: Mapping[RelPath, Entry], blind: Mapping[RelPath, bool]) -> Folder:
    """Return what a scan sees where some folders can't be read: nothing of what is in them, or all of it."""
    visible = {}
    for path, entry in disk.items():
        if any(blind.get(above) for above in ancestors(path)):
            continue
        visible[path] = BLIND if path in blind and isinstance(entry, Folder) else entry
    return folder_from(visible)


@st.composite
def some_looks(draw: st.DrawFn, *, most: int = 8) -> list[Look]:
    """Draw successive looks at a tree that changes wildly.

    Folders come back as the same objects, as a scan gives them, or all as new ones, as after a restart.
    """
    disk: dict[RelPath, Entry] = {}
    looks: list[Look] = []
    now = 0.0
    before = Folder()
    for _ in range(draw(st.integers(min_value=1, max_value=most))):
        for _ in range(draw(st.integers(min_value=0, max_value=4))):
            path = draw(_PATHS | st.sampled_from(sorted(disk))) if disk else draw(_PATHS)
            _put(disk, path, draw(some_files() | some_files() | st.just(Folder()) | st.none()))
        folders = sorted(path for path, entry in disk.items() if isinstance(entry, Folder))
        blind = draw(st.dictionaries(st.sampled_from(folders), st.booleans(), max_size=1)) if folders else {}
        fresh = _seen_of(disk, blind)
        found = shared_with(before, fresh) if draw(st.sampled_from([True, True, False])) else fresh
        assert isinstance(found, Folder)
        passed = draw(st.sampled_from([0.0, 0.1, 0.5, 1.0, 2.0, 3.0, 12.0, 60.0]))
        lasted = draw(st.sampled_from([0.0, 0.0, 0.1, 1.0]))
        now += passed + lasted
        trusted = draw(st.frozensets(_PATHS | st.sampled_from(sorted(disk)) if disk else _PATHS, max_size=2))
        looks.append(Look(seen=found, began=now - lasted, now=now, trusted=trusted))
        before = found
    return looks
