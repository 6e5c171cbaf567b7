"""What one update changes, path by path, as people are told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from sync_core.model.change import Changes, MakeDirectory, WriteFile
from sync_core.model.edit import edited
from sync_core.model.equality import has_content
from sync_core.model.file import File, Kind, md5_of, sha256_of
from sync_core.model.folder import EMPTY_FOLDER, Entry, Folder, get, is_same, kind_of, names_of
from sync_core.model.path import ROOT, RelPath, ancestors, join

__all__ = ["Action", "Effect", "effects_from", "effects_of", "tree_after"]


class Action(StrEnum):
    """What happens to a path."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One path that changes.

    Attributes:
        path: where.
        kind: of what is there afterwards, or was before.
        action: what happens.
    """

    path: RelPath
    kind: Kind
    action: Action


def effects_of(before: Folder, after: Folder) -> tuple[Effect, ...]:
    """Return what an update changes, in the order of documents; what is the same in both trees is not walked.

    Another time or mode of the same content is no change here, as it is none for ``jsync diff``.
    """
    return tuple(_effects(before, after, ROOT))


def tree_after(before: Folder, changes: Changes) -> Folder:
    """Return what a tree becomes by classic changes.

    A master repeats folders that are there, and may remove one by one what is in a folder that goes.
    """
    edits: dict[RelPath, Entry | None] = {}
    for change in changes:
        if isinstance(change, WriteFile):
            edits[change.path] = _written(change)
        elif not isinstance(change, MakeDirectory):
            edits[change.path] = None
        elif change.path in edits or not isinstance(get(before, change.path), Folder):
            edits[change.path] = EMPTY_FOLDER
    closed = {path for path, entry in edits.items() if not isinstance(entry, Folder)}
    return edited(before, {path: entry for path, entry in edits.items() if closed.isdisjoint(ancestors(path))})


def _written(change: WriteFile) -> File:
    content = change.content
    return File(
        md5=md5_of(content),
        sha256=sha256_of(content),
        size_bytes=len(content),
        last_write_time=change.last_write_time,
        mode=change.mode,
    )


def _effects(before: Folder, after: Folder, above: RelPath) -> Iterator[Effect]:
    if is_same(before, after):
        return
    for name in names_of(before, after):
        path = join(above, name)
        old, new = before.children.get(name), after.children.get(name)
        if old is not None and (new is None or kind_of(new) is not kind_of(old)):
            yield from _all(path, old, Action.REMOVED)
            old = None
        if new is None:
            continue
        if old is None:
            yield from _all(path, new, Action.ADDED)
        elif isinstance(old, Folder) and isinstance(new, Folder):
            yield from _effects(old, new, path)
        elif isinstance(old, File) and isinstance(new, File) and old != new and not has_content(old, new):
            yield Effect(path=path, kind=Kind.FILE, action=Action.CHANGED)


def _all(path: RelPath, entry: Entry, action: Action) -> Iterator[Effect]:
    yield Effect(path=path, kind=kind_of(entry), action=action)
    if isinstance(entry, Folder):
        for name, inner in entry.children.items():
            yield from _all(join(path, name), inner, action)


def effects_from(changes: object) -> tuple[Effect, ...]:
    """Return the effects that another machine's document tells of; what makes no sense is left out."""
    entries = [one for one in changes if isinstance(one, dict)] if isinstance(changes, list) else []
    effects = []
    for one in entries:
        try:
            effect = Effect(path=RelPath(str(one["path"])), kind=Kind(one["kind"]), action=Action(one["action"]))
        except (KeyError, ValueError):
            continue
        effects.append(effect)
    return tuple(effects)
