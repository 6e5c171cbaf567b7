"""Folders are emptied from the bottom up, for peers that must not be told to remove them with all that is in them.

A real JobScheduler slave dies (signal 11) when it is told to remove a folder that has two or more entries of any kind,
or one below it that has; with one entry at most in each it takes no harm (``protocol.md`` section 17). So its files and
inner folders go first, over as many answers as it takes.
"""

from __future__ import annotations

from sync_core.model.answer_plan import Plan, PlannedWrite
from sync_core.model.change import MakeDirectory, Remove
from sync_core.model.folder import Entry, Folder, get, kind_of
from sync_core.model.path import RelPath, join

__all__ = ["empty_first"]


def empty_first(plan: Plan, listed: Folder) -> tuple[Plan, bool]:
    """Return the plan with every removal of a folder that would kill the peer replaced by what may go before it.

    What is to take the place of such a folder waits until that has gone: the second value says whether a later plan
    must bring it. ``listed``: what the peer says it has.
    """
    safe: list[MakeDirectory | PlannedWrite | Remove] = []
    waiting: RelPath | None = None
    for item in plan:
        folder = get(listed, item.path) if isinstance(item, Remove) else None
        if isinstance(folder, Folder) and not _is_harmless(folder):
            waiting = item.path
            safe += _emptied(folder, item.path)
        elif item.path != waiting:
            safe.append(item)
    return (plan, False) if waiting is None else (tuple(safe), True)


def _emptied(folder: Folder, path: RelPath) -> Plan:
    """Return the removal of all in a folder that may go now."""
    steps: list[MakeDirectory | PlannedWrite | Remove] = [MakeDirectory(path=path)]
    for name, entry in folder.children.items():
        inner = join(path, name)
        if _is_harmless(entry):
            steps.append(Remove(path=inner, kind=kind_of(entry)))
        elif isinstance(entry, Folder):
            steps += _emptied(entry, inner)
    return tuple(steps)


def _is_harmless(entry: Entry) -> bool:
    """Whether the removal does no harm: there is one entry at most in it and in all below."""
    while isinstance(entry, Folder) and entry.children:
        if len(entry.children) > 1:
            return False
        (entry,) = entry.children.values()
    return True
