"""Settling: half-written files never count (``design.md`` section 3, ``protocol.md`` section 3.7).

A ``Settler`` gets one look at a tree after the other and says what the tree is *settled* to be. Three rules:

- A new or changed file counts when somebody saw it closed after writing or moved into place (*trusted*), or when it
  stayed the same for 3 s. Until then its old state stands, marked as settling.
- A vanished file counts after 2 s and a later look that still misses it. Coming back in time cancels that.
- Folders never settle. One that vanished stays as long as files below it do.

A change of kind follows from the three: what is on its way out stays until it has gone, what takes its place waits.
What can't be read neither counts nor vanishes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from typing import Final

from sync_core.model.manifest import EMPTY_MANIFEST, Entry, Kind, Manifest
from sync_core.model.observation import Observation, Observations, Scan
from sync_core.model.path import RelPath, ancestors

__all__ = ["SETTLE_CHANGED_S", "SETTLE_VANISHED_S", "Settler", "manifest_of"]

SETTLE_CHANGED_S: Final = 3.0
SETTLE_VANISHED_S: Final = 2.0

_NS_PER_S: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pending:
    """A difference between the disk and the settled state that does not count yet.

    Attributes:
        seen: the file as it is on disk; ``None`` where it vanished.
        since: when it was first seen like this.
    """

    seen: Observation | None
    since: float

    @property
    def due(self) -> float:
        """When it counts, if a look then finds it unchanged."""
        return self.since + (SETTLE_VANISHED_S if self.seen is None else SETTLE_CHANGED_S)


def manifest_of(scan: Scan) -> Manifest:
    """Return what a scan saw as a manifest, without any settling: a slave's cache is listed like this."""
    return Manifest(_entry_of(path, seen) for path, seen in scan.observations.items())


def _entry_of(path: RelPath, seen: Observation, *, is_settling: bool = False, is_unreadable: bool = False) -> Entry:
    """Return one observation as an entry; times become whole seconds, never negative."""
    if seen.kind is Kind.DIRECTORY:
        return Entry(path=path, kind=Kind.DIRECTORY, is_unreadable=seen.is_unreadable)
    has_content = seen.md5 is not None
    return Entry(
        path=path,
        md5=seen.md5,
        last_write_time=_second_of(seen) if has_content else None,
        size_bytes=seen.size_bytes if has_content else None,
        is_settling=is_settling,
        is_unreadable=is_unreadable or seen.is_unreadable,
    )


def _second_of(seen: Observation) -> int:
    return max(0, seen.mtime_ns // _NS_PER_S)


class Settler:
    """The settled state of one layer.

    Args:
        known: settled files from before a restart. What still looks the same counts from the first look on.
    """

    def __init__(self, known: Observations) -> None:
        self._settled: dict[RelPath, Observation] = {
            path: seen for path, seen in known.items() if seen.kind is Kind.FILE and seen.md5 is not None
        }
        self._pending: dict[RelPath, _Pending] = {}
        self._view = EMPTY_MANIFEST

    def observe(self, scan: Scan, *, now: float, trusted: frozenset[RelPath] = frozenset()) -> bool:
        """Take one more look into account.

        Args:
            scan: what is there.
            now: monotonic seconds.
            trusted: files that were closed after writing or moved into place since the last look, and not touched
                after that; a folder that was moved into place stands for all that is below it.

        Returns:
            Whether a slave could get something, or lose something, that it could not before. A file that merely
            begins to settle is no change.
        """
        files = {path: seen for path, seen in scan.observations.items() if seen.kind is Kind.FILE}
        blind = {path for path, seen in scan.observations.items() if _is_blind_folder(seen)}
        self._take_vanished(files, blind, now)
        self._take_present(files, now, trusted)
        before, self._view = self._view, self._build_view(scan, files, blind)
        return _has_news(before, self._view)

    def view(self) -> Manifest:
        """Return the tree as it counts after the last look; what is held back is marked."""
        return self._view

    def next_deadline(self) -> float | None:
        """Return when the next look is due (monotonic seconds), ``None`` if nothing settles."""
        obstructed = self._obstructed()
        return min((pending.due for path, pending in self._pending.items() if path not in obstructed), default=None)

    def settled(self) -> Observations:
        """Return the settled files, to be handed to the ``Settler`` of the next run."""
        return dict(self._settled)

    def _take_vanished(self, files: Mapping[RelPath, Observation], blind: Set[RelPath], now: float) -> None:
        for path in [*self._settled, *(path for path in self._pending if path not in self._settled)]:
            if path in files:
                continue
            if path not in self._settled or _is_below_any(path, blind):
                self._pending.pop(path, None)
                continue
            pending = self._pending.get(path)
            if pending is None or pending.seen is not None:
                self._pending[path] = _Pending(seen=None, since=now)
            elif now >= pending.due:
                del self._pending[path], self._settled[path]

    def _take_present(self, files: Mapping[RelPath, Observation], now: float, trusted: frozenset[RelPath]) -> None:
        for path, seen in files.items():
            if seen.is_unreadable or self._is_known(path, seen):
                self._pending.pop(path, None)
                continue
            pending = self._pending.get(path)
            if pending is None or not _is_steady(pending.seen, seen):
                pending = _Pending(seen=seen, since=now)
            if seen.md5 is not None and (path in trusted or _is_below_any(path, trusted)):
                pending = replace(pending, since=now - SETTLE_CHANGED_S)
            self._pending[path] = replace(pending, seen=seen)
        self._settle_present(now)

    def _is_known(self, path: RelPath, seen: Observation) -> bool:
        """Whether the settled state already says what is seen; takes over what only differs in other marks."""
        settled = self._settled.get(path)
        if settled is None:
            return False
        is_same = settled.md5 == seen.md5 and _second_of(settled) == _second_of(seen)
        if is_same:
            self._settled[path] = seen
        return is_same

    def _settle_present(self, now: float) -> None:
        obstructed = self._obstructed()
        for path, pending in list(self._pending.items()):
            if pending.seen is not None and now >= pending.due and path not in obstructed:
                self._settled[path] = pending.seen
                del self._pending[path]

    def _obstructed(self) -> set[RelPath]:
        """Return what waits for something of another kind, at its own or at a folder's place, to have gone."""
        waiting = [path for path, pending in self._pending.items() if pending.seen is not None]
        folders = _folders_of(self._settled) if waiting else set()
        return {path for path in waiting if path in folders or _is_below_any(path, self._settled.keys())}

    def _build_view(self, scan: Scan, files: Mapping[RelPath, Observation], blind: Set[RelPath]) -> Manifest:
        entries = {path: self._settled_entry(path, seen, files, blind) for path, seen in self._settled.items()}
        folders = _folders_of(entries)
        for path, seen in scan.observations.items():
            if path in entries or _is_below_any(path, self._settled.keys()):
                continue
            if seen.kind is Kind.DIRECTORY:
                entries[path] = _entry_of(path, seen)
            elif path not in folders:
                entries[path] = Entry(path=path, is_settling=not seen.is_unreadable, is_unreadable=seen.is_unreadable)
        return Manifest(entries.values())

    def _settled_entry(
        self, path: RelPath, settled: Observation, files: Mapping[RelPath, Observation], blind: Set[RelPath]
    ) -> Entry:
        seen = files.get(path)
        is_unreadable = seen.is_unreadable if seen is not None else _is_below_any(path, blind)
        return _entry_of(path, settled, is_settling=path in self._pending, is_unreadable=is_unreadable)


def _is_steady(before: Observation | None, seen: Observation) -> bool:
    """Whether a file stayed as it was; one that changed while it was read did not."""
    return before is not None and seen.md5 is not None and before.signature == seen.signature


def _is_blind_folder(seen: Observation) -> bool:
    return seen.kind is Kind.DIRECTORY and seen.is_unreadable


def _is_below_any(path: RelPath, tops: Set[RelPath]) -> bool:
    return bool(tops) and any(folder in tops for folder in ancestors(path))


def _folders_of(paths: Iterable[RelPath]) -> set[RelPath]:
    return {folder for path in paths for folder in ancestors(path)}


def _has_news(before: Manifest, after: Manifest) -> bool:
    return bool(set(_offers(after)) - set(_offers(before))) or any(path not in after.by_path for path in before.by_path)


def _offers(view: Manifest) -> Iterator[tuple[RelPath, Kind, str | None, int | None]]:
    """What a slave can get from a view."""
    for entry in view:
        if not entry.is_held_back:
            yield entry.path, entry.kind, entry.md5, entry.last_write_time
