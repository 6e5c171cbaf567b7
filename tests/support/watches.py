"""Watched trees for tests, and a kernel that refuses."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from sync_core.model.hints import Hint, HintKind
from sync_core.model.path import RelPath
from sync_core.tree.inotify import Inotify
from sync_core.tree.watch import Watch
from tests.support.hints import trusted_paths
from tests.support.net import eventually

__all__ = ["MeanKernel", "Watched", "inotify_descriptors", "watching"]

Told = tuple[str, HintKind]

_MARKER = "marker"


class Watched:
    """A watch and the hints that came from it."""

    def __init__(self, root: Path, *, again_s: float = 5.0, kernel: Callable[[], Inotify] = Inotify) -> None:
        self.root = root
        self.hints: list[Hint] = []
        self.watch = Watch(root, self.hints.append, again_s=again_s, kernel=kernel)

    @property
    def told(self) -> list[Told]:
        """The hints so far, each once where it came several times in a row."""
        found: list[Told] = []
        for hint in self.hints:
            if hint.path != _MARKER and (hint.path, hint.kind) not in found[-1:]:
                found.append((hint.path, hint.kind))
        return found

    @property
    def trusted(self) -> frozenset[RelPath]:
        return trusted_paths(self.hints)

    async def hears(self, path: str, kind: HintKind) -> None:
        """Return when that hint has come."""
        await eventually(lambda: (path, kind) in self.told)

    async def quiet(self) -> list[Told]:
        """Return the hints so far, after all that happened before this call."""
        (self.root / _MARKER).write_bytes(b"")
        await eventually(lambda: any(hint.path == _MARKER and hint.kind is HintKind.COMPLETE for hint in self.hints))
        self.hints[:] = [hint for hint in self.hints if hint.path != _MARKER]
        return self.told

    async def lives(self) -> None:
        await eventually(lambda: self.watch.status.is_live)

    async def is_made_anew(self) -> None:
        """Return when the watch was lost, with a hint, and another one stands, with a hint."""
        await self.hears("", HintKind.BEGUN)
        await self.hears("", HintKind.LOOK)
        await self.lives()

    async def hears_a_write(self, path: str = "later") -> None:
        """Prove that events are told: write a file until that is heard of."""
        (self.root / path).write_bytes(b"1")
        await self.hears(path, HintKind.COMPLETE)


@asynccontextmanager
async def watching(
    root: Path, *, again_s: float = 5.0, kernel: Callable[[], Inotify] = Inotify
) -> AsyncIterator[Watched]:
    """Watch a folder meanwhile."""
    it = Watched(root, again_s=again_s, kernel=kernel)
    await it.watch.start()
    try:
        yield it
    finally:
        await it.watch.stop()


class MeanKernel:
    """Gives inotify instances as long as it likes.

    Attributes:
        most_instances: that it gives at all, ever.
        most_watches: that all of its instances may have added together.
        error: what it raises beyond.
    """

    def __init__(self, *, most_instances: int = 1000, most_watches: int = 1000, error: int = errno.ENOSPC) -> None:
        self.most_instances = most_instances
        self.most_watches = most_watches
        self.error = error
        self.refusals = 0

    def __call__(self) -> Inotify:
        self.most_instances -= 1
        if self.most_instances < 0:
            self.refuse()
        return _MeanInotify(self)

    def refuse(self) -> None:
        self.refusals += 1
        raise OSError(self.error, os.strerror(self.error))


class _MeanInotify(Inotify):
    def __init__(self, kernel: MeanKernel) -> None:
        super().__init__()
        self._mean_kernel = kernel
        self._known: set[int] = set()

    def add(self, place: str, mask: int) -> int:
        if self._mean_kernel.most_watches <= 0:
            self._mean_kernel.refuse()
        watch = super().add(place, mask)
        if watch not in self._known:
            self._mean_kernel.most_watches -= 1
            self._known.add(watch)
        return watch


def inotify_descriptors() -> set[int]:
    """Return the inotify instances of this process."""
    found = set()
    for place in Path("/proc/self/fd").iterdir():
        try:
            if str(place.readlink()) == "anon_inode:inotify":
                found.add(int(place.name))
        except FileNotFoundError:
            continue  # the descriptor of this very listing
    return found
