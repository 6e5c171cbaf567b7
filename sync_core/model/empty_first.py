"""Folders are emptied in one answer and removed in the next, for peers that must not be told both at once.

JobScheduler's 32-bit build once in a while dies when it is told to remove a folder that holds several files; a folder
with one file, or without any, does it no harm (``protocol.md`` section 17).
"""

from __future__ import annotations

from collections.abc import Iterator

from sync_core.model.answer_plan import Plan, PlannedWrite
from sync_core.model.change import MakeDirectory, Remove
from sync_core.model.manifest import Entry, Kind, Manifest
from sync_core.model.path import RelPath, ancestors

__all__ = ["empty_first"]


def empty_first(plan: Plan, listed: Manifest) -> tuple[Plan, bool]:
    """Return the plan with every removal of a folder that holds several files replaced by those of its files.

    Args:
        plan: from ``plan_answer``.
        listed: what the peer says it has.

    Returns:
        The plan, and whether the next one must bring the rest: the empty folders, and what takes their place.
    """
    full = _full_folders(plan, listed)
    return (tuple(_emptied(plan, full)), True) if full else (plan, False)


def _full_folders(plan: Plan, listed: Manifest) -> dict[RelPath, list[Entry]]:
    below: dict[RelPath, list[Entry]] = {
        item.path: [] for item in plan if isinstance(item, Remove) and item.kind is Kind.DIRECTORY
    }
    if below:
        for entry in listed:
            for folder in ancestors(entry.path):
                if folder in below:
                    below[folder].append(entry)
    return {folder: entries for folder, entries in below.items() if sum(entry.is_file for entry in entries) > 1}


def _emptied(plan: Plan, full: dict[RelPath, list[Entry]]) -> Iterator[MakeDirectory | PlannedWrite | Remove]:
    for item in plan:
        if item.path not in full:
            yield item
        elif isinstance(item, Remove):
            yield MakeDirectory(path=item.path)
            for entry in full[item.path]:
                yield Remove(path=entry.path, kind=entry.kind) if entry.is_file else MakeDirectory(path=entry.path)
