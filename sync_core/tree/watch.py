"""File events: they only say where to look now; the periodic scan stays the truth (``design.md`` section 3)."""

from __future__ import annotations

import itertools
import logging
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from watchdog import events
from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers.inotify import InotifyObserver

from sync_core.model.errors import UnsafeNameError
from sync_core.model.path import ROOT, RelPath, ancestors, check_name, rel_path

__all__ = ["Hint", "Watch", "trusted_paths"]

_log = logging.getLogger(__name__)

_WANTED: Final[list[type[FileSystemEvent]]] = [
    events.FileCreatedEvent,
    events.FileModifiedEvent,
    events.FileClosedEvent,
    events.FileMovedEvent,
    events.FileDeletedEvent,
    events.DirCreatedEvent,
    events.DirMovedEvent,
    events.DirDeletedEvent,
]
"""The kernel is asked for these only: our own reading must not wake us.

Modes and times are left to the full scan: who sets them after closing a file must not take back the trust in it.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """Something happened at a path.

    Attributes:
        path: where; the root means that nobody knows.
        is_complete: a file was closed after writing or moved into place, or a folder was moved into place.
    """

    path: RelPath
    is_complete: bool


def trusted_paths(hints: Iterable[Hint], newer: Iterable[Hint] = ()) -> frozenset[RelPath]:
    """Return what a ``Settler`` may trust: the paths whose last hint said that they are complete.

    A write below a folder that was moved into place takes the trust from the whole folder.

    Args:
        hints: those that came before the look, in order.
        newer: those that came since it began. They only take trust away: what the look saw may be the half of what
            is complete now. They belong to the next look too, which then can trust.
    """
    trusted: set[RelPath] = set()
    for hint in hints:
        if hint.is_complete:
            trusted.add(hint.path)
        else:
            trusted.difference_update((hint.path, *ancestors(hint.path)))
    for hint in newer:
        trusted.difference_update((hint.path, *ancestors(hint.path)))
    return frozenset(trusted)


class Watch:
    """Watches a tree for changes.

    Args:
        root: the folder, with all that is below. Names that begin with ``.`` are ignored; links are not followed.
        on_hint: called for every event, on a thread of the watch: it must be quick and thread-safe, and must not
            call ``stop``.
    """

    def __init__(self, root: Path, on_hint: Callable[[Hint], None]) -> None:
        self._root = root
        self._on_hint = on_hint
        self._observer: InotifyObserver | None = None
        self._watched: tuple[str, int, int] | None = None

    def start(self) -> bool:
        """Watch from now on; return whether that works.

        Calling it again is cheap and keeps a watch true whose folder was replaced or came back: do so before each
        full scan. It does not work while there is no such folder, or where the system's limits are reached.
        """
        current = self._identify()
        if self._observer is not None and current == self._watched:
            return True
        self.stop()
        if current is None:
            return False
        try:
            self._observer = self._observe(current[0])
        except OSError as error:
            _log.debug("! no events from %s: %s", self._root, error)
            return False
        self._watched = current
        return True

    def stop(self) -> None:
        """Stop watching; no hint comes after it returned. Harmless when nothing is watched."""
        observer, self._observer, self._watched = self._observer, None, None
        if observer is not None:
            observer.stop()
            observer.join()

    def _identify(self) -> tuple[str, int, int] | None:
        try:
            real = os.path.realpath(self._root, strict=True)
            found = Path(real).stat()
        except OSError:
            return None
        return real, found.st_dev, found.st_ino

    def _observe(self, real: str) -> InotifyObserver:
        # Folders that are made one in the other quickly may be registered twice, which watchdog warns of; it is
        # harmless, but turned into an error it would end the thread that reads events.
        warnings.filterwarnings("ignore", message="Callback with id", category=RuntimeWarning)
        # Full events keep what was moved in from outside apart from what was merely created.
        observer = InotifyObserver(generate_full_events=True)
        try:
            observer.schedule(_Handler(real, self._on_hint), real, recursive=True, event_filter=_WANTED)
            observer.start()
        except OSError:
            observer.stop()
            raise
        return observer


class _Handler(FileSystemEventHandler):
    """Turns events into hints."""

    def __init__(self, real: str, on_hint: Callable[[Hint], None]) -> None:
        self._real = real
        self._prefix = real.rstrip("/") + "/"
        self._on_hint = on_hint

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Pass on what ``event`` means, if it concerns a name that counts."""
        if event.is_synthetic:  # watchdog's own guess at what is in a folder; the folder's hint covers that
            return
        for place, is_complete in _places(event):
            hint = self._hint_at(os.fsdecode(place), is_complete=is_complete)
            if hint is not None:
                self._on_hint(hint)

    def _hint_at(self, place: str, *, is_complete: bool) -> Hint | None:
        """Return the hint at ``place``; ``None`` where it does not count."""
        if place == self._real:
            return Hint(path=ROOT, is_complete=is_complete)
        if not place.startswith(self._prefix):
            return None
        text = place[len(self._prefix) :]
        if any(name.startswith(".") for name in text.split("/")):
            return None
        try:
            return Hint(path=rel_path(text), is_complete=is_complete)
        except UnsafeNameError:
            return Hint(path=_safe_part(text), is_complete=False)  # a look at its folder reports it


def _safe_part(text: str) -> RelPath:
    """Return the folders of a path up to the first name that is not allowed."""
    return rel_path("/".join(itertools.takewhile(_is_allowed, text.split("/"))))


def _is_allowed(name: str) -> bool:
    try:
        check_name(name)
    except UnsafeNameError:
        return False
    return True


def _places(event: FileSystemEvent) -> Iterator[tuple[bytes | str, bool]]:
    """Give the places of an event, and whether what is there now is complete."""
    if event.event_type == events.EVENT_TYPE_MOVED:
        yield event.src_path, False
        yield event.dest_path, True
    else:
        yield event.src_path, event.event_type == events.EVENT_TYPE_CLOSED
