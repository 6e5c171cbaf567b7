"""Disks for updates: one that forgets what was not synced, and ones that do something wrong."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from sync_core.tree.disk import LOCAL_DISK, Disk

__all__ = ["ForgetfulDisk", "Found", "OddDisk", "OnDisk", "assert_untorn", "lay_out", "without_temporaries"]


class OddDisk(Disk):
    """The real disk but for what a test replaces."""

    def __init__(
        self,
        *,
        write: Callable[[int, bytes | memoryview], int] = os.write,
        fsync: Callable[[int], None] = os.fsync,
        sync_all: Callable[[int], None] = LOCAL_DISK.sync_all,
        can_sync_all: bool = True,
    ) -> None:
        self._write = write
        self._fsync = fsync
        self._sync_all = sync_all
        self._can_sync_all = can_sync_all

    def write(self, fd: int, data: bytes | memoryview, /) -> int:
        return self._write(fd, data)

    def rename(self, source: str, target: str, /, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        os.rename(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    def fsync(self, fd: int, /) -> None:
        self._fsync(fd)

    def can_sync_all(self, _: int, /) -> bool:
        return self._can_sync_all

    def sync_all(self, fd: int, /) -> None:
        self._sync_all(fd)


class OnDisk(NamedTuple):
    """A file as it is found after a crash; without content where nobody saw to it that it was there."""

    content: bytes | None
    mode: int = 0
    time_s: int = 0


FOLDER = None
Found = dict[str, OnDisk | None]
"""What is found after a crash; ``None`` is a folder."""


class ForgetfulDisk(Disk):
    """A disk that knows what would be left if the power failed right now; everything that is there at first is safe.

    A file's content is safe once the file, or all, was synced after the last write; a folder's names once it, or all,
    was synced. What is not safe may be there or not, so two ends are looked at before every call and at the end:
    every name has got there but no unsafe content has; and nothing unsafe has got there.

    Args:
        root: the tree.
        can_sync_all: whether ``sync_all`` may be used.
        is_watched: whether it looks before every call.

    Attributes:
        crashes: what would have been found, for each moment and each of the two ends.
        syncs: how often a single file or folder, and how often all was synced.
    """

    def __init__(self, root: Path, *, can_sync_all: bool, is_watched: bool = True) -> None:
        self._root = root
        self._is_watched = is_watched
        self._can_sync_all = can_sync_all
        self._files: dict[int, OnDisk] = {}
        self._names: dict[int, dict[str, int]] = {}
        self._held: list[int] = []
        self.crashes: list[Found] = []
        self.syncs = {"one": 0, "all": 0}

    def __enter__(self) -> Self:
        """Hold everything, so that nothing new gets the inode of what is still safe on the disk."""
        self._held = [os.open(place, os.O_RDONLY) for place in self._root.rglob("*")]
        self._keep_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for fd in self._held:
            os.close(fd)

    def write(self, fd: int, data: bytes | memoryview, /) -> int:
        self._watch()
        self._files.pop(os.fstat(fd).st_ino, None)
        return os.write(fd, data)

    def rename(self, source: str, target: str, /, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        self._watch()
        os.rename(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    def fsync(self, fd: int, /) -> None:
        self._watch()
        self.syncs["one"] += 1
        self._keep(fd)

    def can_sync_all(self, _: int, /) -> bool:
        return self._can_sync_all

    def sync_all(self, _: int, /) -> None:
        self._watch()
        self.syncs["all"] += 1
        self._keep_all()

    def safe(self) -> Found:
        """Return what is on the disk for sure."""
        return dict(self._walk(self._root.stat().st_ino, "", self._names.get))

    def _watch(self) -> None:
        if self._is_watched:
            self.look()

    def look(self) -> None:
        """Note what would be found if the power failed now."""
        self.crashes.append(self.safe())
        everywhere = {place.stat().st_ino: _names_in(place) for place in (self._root, *_folders(self._root))}
        self.crashes.append(dict(self._walk(self._root.stat().st_ino, "", everywhere.get)))

    def _walk(
        self, folder: int, above: str, names_of: Callable[[int], dict[str, int] | None]
    ) -> Iterator[tuple[str, OnDisk | None]]:
        for name, inode in (names_of(folder) or {}).items():
            path = f"{above}{name}"
            if inode < 0:
                yield path, FOLDER
                yield from self._walk(-inode, f"{path}/", names_of)
            else:
                yield path, self._files.get(inode, OnDisk(None))

    def _keep_all(self) -> None:
        for place in (self._root, *self._root.rglob("*")):
            fd = os.open(place, os.O_RDONLY)
            self._keep(fd)
            os.close(fd)

    def _keep(self, fd: int) -> None:
        found = os.fstat(fd)
        if stat.S_ISDIR(found.st_mode):
            self._names[found.st_ino] = _names_in(Path(f"/proc/self/fd/{fd}"))
        else:
            content = os.pread(fd, found.st_size + 1, 0)
            self._files[found.st_ino] = OnDisk(content, found.st_mode & 0o7777, found.st_mtime_ns // 10**9)


def lay_out(root: Path, found: Found) -> None:
    """Make a tree as it was found after a crash; a content that nobody saw to is empty."""
    for path, what in sorted(found.items()):
        place = root / path
        if what is None:
            place.mkdir(parents=True, exist_ok=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(what.content or b"")
        place.chmod(what.mode)
        os.utime(place, (what.time_s, what.time_s))


def without_temporaries(found: Found) -> Found:
    return {path: what for path, what in found.items() if "/.jsync-" not in f"/{path}"}


def assert_untorn(crash: Found, old: Found, new: Found) -> None:
    """Make sure that every file is whole, old or new, and that none is missing which both have."""
    for path, found in without_temporaries(crash).items():
        whole = {_kind_and_content(tree[path]) for tree in (old, new) if path in tree}
        assert _kind_and_content(found) in whole, f"{path!r} is neither old nor new: {found!r}"
    for path in old.keys() & new.keys():
        if (old[path] is None) == (new[path] is None):
            assert path in crash, f"{path!r} has vanished"


def _kind_and_content(found: OnDisk | None) -> bytes | str | None:
    return "a folder" if found is None else found.content


def _folders(root: Path) -> Iterator[Path]:
    return (place for place in root.rglob("*") if place.is_dir())


def _names_in(folder: Path) -> dict[str, int]:
    """Return the inodes by name; those of folders are negative."""
    with os.scandir(folder) as entries:
        return {entry.name: -entry.inode() if entry.is_dir() else entry.inode() for entry in entries}
