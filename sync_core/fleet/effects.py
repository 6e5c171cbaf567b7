"""What one update changes, path by path, as people are told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from sync_core.model.change import Changes, MakeDirectory, WriteFile
from sync_core.model.manifest import Kind, Manifest
from sync_core.model.path import RelPath

__all__ = ["Action", "Effect", "effects_from", "effects_of"]


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


def effects_of(before: Manifest, changes: Changes) -> tuple[Effect, ...]:
    """Return what changes: a master repeats folders that are there already, and may remove what is gone."""
    return tuple(_effects(before, changes))


def _effects(before: Manifest, changes: Changes) -> Iterator[Effect]:
    for change in changes:
        known = before.get(change.path)
        if isinstance(change, WriteFile):
            action = Action.CHANGED if known is not None and known.is_file else Action.ADDED
            yield Effect(path=change.path, kind=Kind.FILE, action=action)
        elif isinstance(change, MakeDirectory):
            if known is None or known.is_file:
                yield Effect(path=change.path, kind=Kind.DIRECTORY, action=Action.ADDED)
        elif known is not None:
            yield Effect(path=change.path, kind=known.kind, action=Action.REMOVED)


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
