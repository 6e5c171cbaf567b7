"""Settling in the plainest way: every look goes through whole lists. The rules are those of ``model.settle``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace

from sync_core.model.file import File
from sync_core.model.folder import Folder
from sync_core.model.path import RelPath, ancestors
from tests.support.plain.flat import Flat

__all__ = ["PlainSettler"]

NEVER = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A difference between the disk and the settled state; ``seen=None`` where the file vanished."""

    seen: File | None
    due: float = NEVER


class PlainSettler:
    """As ``model.settle.Settler``, but slow and simple."""

    def __init__(self, known: Flat) -> None:
        self.settled: dict[RelPath, File] = {
            path: file
            for path, file in known.items()
            if isinstance(file, File) and file.md5 is not None and not file.is_held_back
        }
        self.pending: dict[RelPath, Pending] = {}
        self.view: dict[RelPath, File | Folder] = {}
        self.burst_first = self.burst_last = 0.0

    def observe(self, scan: Flat, *, now: float, trusted: frozenset[RelPath], began: float) -> bool:
        files = {path: seen for path, seen in scan.items() if isinstance(seen, File)}
        blind = {path for path, seen in scan.items() if isinstance(seen, Folder) and seen.is_unreadable}
        self.take_vanished(files, blind, now, began)
        self.take_present(files, now, began, trusted)
        before, self.view = self.view, self.build_view(scan, files, blind)
        return has_news(before, self.view)

    def next_deadline(self) -> float | None:
        obstructed = self.obstructed()
        dues = [pending.due for path, pending in self.pending.items() if pending.seen and path not in obstructed]
        if self.vanished():
            dues.append(self.burst_due())
        return min(dues, default=None)

    def vanished(self) -> set[RelPath]:
        return {path for path, pending in self.pending.items() if pending.seen is None}

    def burst_due(self) -> float:
        return min(self.burst_last + 2.0, self.burst_first + 30.0)

    def take_vanished(self, files: Mapping[RelPath, File], blind: Set[RelPath], now: float, began: float) -> None:
        gone = set()
        for path in {*self.settled, *self.pending}:
            if path in files:
                if path in self.vanished():
                    del self.pending[path]
            elif path not in self.settled or is_below_any(path, blind):
                self.pending.pop(path, None)
            else:
                gone.add(path)
        waiting = self.vanished()
        new = gone - waiting
        if new:
            self.burst_last = now
            if not waiting:
                self.burst_first = now
        if waiting and began >= self.burst_due():
            for path in waiting:
                del self.pending[path], self.settled[path]
            self.burst_first = now
        for path in new:
            self.pending[path] = Pending(seen=None)

    def take_present(
        self, files: Mapping[RelPath, File], now: float, began: float, trusted: frozenset[RelPath]
    ) -> None:
        for path, seen in files.items():
            if seen.is_unreadable or self.is_known(path, seen):
                self.pending.pop(path, None)
                continue
            pending = self.pending.get(path)
            if pending is None or not is_steady(pending.seen, seen):
                pending = Pending(seen=seen, due=now + 3.0)
            if seen.md5 is not None and (path in trusted or is_below_any(path, trusted)):
                pending = replace(pending, due=began)
            self.pending[path] = replace(pending, seen=seen)
        obstructed = self.obstructed()
        for path, pending in list(self.pending.items()):
            if pending.seen is not None and began >= pending.due and path not in obstructed:
                self.settled[path] = pending.seen
                del self.pending[path]

    def is_known(self, path: RelPath, seen: File) -> bool:
        settled = self.settled.get(path)
        if settled is None or (settled.md5, settled.sha256) != (seen.md5, seen.sha256):
            return False
        self.settled[path] = seen
        return True

    def obstructed(self) -> set[RelPath]:
        folders = folders_of(self.settled)
        waiting = [path for path, pending in self.pending.items() if pending.seen is not None]
        return {path for path in waiting if path in folders or is_below_any(path, self.settled.keys())}

    def build_view(
        self, scan: Flat, files: Mapping[RelPath, File], blind: Set[RelPath]
    ) -> dict[RelPath, File | Folder]:
        entries: dict[RelPath, File | Folder] = {}
        for path, settled in self.settled.items():
            seen = files.get(path)
            entries[path] = replace(
                settled,
                is_settling=path in self.pending,
                is_unreadable=seen.is_unreadable if seen is not None else is_below_any(path, blind),
            )
        folders = folders_of(entries)
        for path, entry in scan.items():
            if path in entries or is_below_any(path, self.settled.keys()):
                continue
            if isinstance(entry, Folder):
                entries[path] = entry
            elif path not in folders:
                entries[path] = File(is_settling=not entry.is_unreadable, is_unreadable=entry.is_unreadable)
        for path in folders:
            entries.setdefault(path, Folder())
        return entries


def is_steady(before: File | None, seen: File) -> bool:
    """Whether a file stayed as it was; one that changed while it was read did not."""
    if before is None or seen.md5 is None or before.stamp is None or seen.stamp is None:
        return False
    if before.md5 is not None and (before.md5, before.sha256) != (seen.md5, seen.sha256):
        return False
    return (before.size_bytes, *before.stamp[:3]) == (seen.size_bytes, *seen.stamp[:3])


def is_below_any(path: RelPath, tops: Set[RelPath]) -> bool:
    return any(folder in tops for folder in ancestors(path))


def folders_of(paths: Iterable[RelPath]) -> set[RelPath]:
    return {folder for path in paths for folder in ancestors(path)}


def has_news(before: Flat, after: Flat) -> bool:
    gained = [offer for offer in offers(after) if offer not in list(offers(before))]
    return bool(gained) or any(path not in after for path in before)


def offers(view: Flat) -> Iterator[tuple[RelPath, File | None]]:
    """What a slave can get from a view: files as they are, folders by their paths."""
    for path, entry in view.items():
        if isinstance(entry, File):
            if not entry.is_held_back:
                yield path, entry
        elif not entry.is_unreadable:
            yield path, None
