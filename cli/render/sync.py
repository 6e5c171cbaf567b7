"""``jsync sync``: what one fetch changed, or would change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from cli.documents import plain
from cli.render.unified import unified
from cli.tables import Cell, Style, Styled
from sync_core.model.change import MakeDirectory, WriteFile
from sync_core.model.manifest import Kind
from sync_core.model.path import RelPath

if TYPE_CHECKING:
    from sync_core.fleet.sync import Synced

__all__ = ["sync_document", "sync_lines", "sync_summary", "sync_unified"]


class _Action(StrEnum):
    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


_STYLES = {_Action.ADDED: Style.GOOD, _Action.CHANGED: Style.DOUBTFUL, _Action.REMOVED: Style.BAD}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Effect:
    """One path that changes."""

    path: RelPath
    kind: Kind
    action: _Action


def _effects(result: Synced) -> Iterator[_Effect]:
    """Yield what changes: a master repeats folders that are there already, and may remove what is gone."""
    for change in result.changes:
        before = result.before.get(change.path)
        if isinstance(change, WriteFile):
            action = _Action.CHANGED if before is not None and before.is_file else _Action.ADDED
            yield _Effect(path=change.path, kind=Kind.FILE, action=action)
        elif isinstance(change, MakeDirectory):
            if before is None or before.is_file:
                yield _Effect(path=change.path, kind=Kind.DIRECTORY, action=_Action.ADDED)
        elif before is not None:
            yield _Effect(path=change.path, kind=before.kind, action=_Action.REMOVED)


def sync_document(result: Synced, *, with_contents: bool) -> dict[str, object]:
    """Return one slave's part of the document; ``with_contents`` adds ``unified``."""
    document: dict[str, object] = {
        "slave": result.slave,
        "master": result.master,
        "changes": plain(tuple(_effects(result))),
        "error": plain(result.error),
    }
    if with_contents:
        document["unified"] = "".join(f"{line}\n" for line in sync_unified(result))
    return document


def sync_summary(result: Synced, *, check: bool) -> str:
    """Return one line about one slave."""
    actions = [effect.action for effect in _effects(result)]
    if not actions:
        return f"{result.slave}: in sync with {result.master}"
    counts = ", ".join(f"{actions.count(action)} {action}" for action in _Action)
    return f"{result.slave}: {'would fetch' if check else 'fetched'} from {result.master}: {counts}"


def sync_lines(result: Synced) -> list[Cell]:
    """Return a line for each path that changes."""
    return [
        Styled(f"  {effect.action:7}  {effect.path}{'' if effect.kind is Kind.FILE else '/'}", _STYLES[effect.action])
        for effect in _effects(result)
    ]


def sync_unified(result: Synced) -> list[str]:
    """Return the lines that change in all files."""
    after = {change.path: change.content for change in result.changes if isinstance(change, WriteFile)}
    before = result.contents_before
    paths = dict.fromkeys(effect.path for effect in _effects(result) if effect.path in after or effect.path in before)
    return [
        line
        for path in paths
        for line in unified(
            before.get(path),
            after.get(path),
            old_name=f"{result.slave}/{path}",
            new_name=f"{result.master}/{path}",
        )
    ]
