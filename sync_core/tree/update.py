"""What must be true of an update before the first byte is written: names, removals, ``max_delete``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from sync_core.model.answer_plan import PlannedWrite
from sync_core.model.change import Adjust, MakeDirectory, Remove, WriteFile
from sync_core.model.errors import TooManyRemovalsError, UnsafeNameError
from sync_core.model.file import File, Kind
from sync_core.model.folder import Entry, Folder, get, kind_of
from sync_core.model.inventory import MaxDelete
from sync_core.model.path import RelPath, ancestors, lies_below, rel_path
from sync_core.model.removal_budget import NO_REMOVALS, RemovalBudget

__all__ = ["Step", "check_removals", "count_vanishing", "split_hidden", "with_removals"]

Step: TypeAlias = MakeDirectory | WriteFile | PlannedWrite | Adjust | Remove
"""One thing that an update does; the content of a ``PlannedWrite`` comes later."""


def split_hidden(steps: Iterable[Step]) -> tuple[tuple[Step, ...], tuple[RelPath, ...]]:
    """Return the steps that count, and the paths of those that don't: a name in them begins with ``.``.

    Such names are never listed (``protocol.md`` section 3.3) and may be our own temporaries.

    Raises:
        UnsafeNameError: a name that must not reach the file system, whoever sent it.
    """
    kept: list[Step] = []
    skipped: list[RelPath] = []
    for step in steps:
        path = rel_path(step.path)
        if not path:
            raise UnsafeNameError("a change without a name is not allowed")
        if path.startswith(".") or "/." in path:
            skipped.append(path)
        else:
            kept.append(step)
    return tuple(kept), tuple(skipped)


def with_removals(steps: Iterable[Step], before: Folder) -> tuple[Step, ...]:
    """Return the steps with a removal before every change of kind.

    A real master sends the new kind alone (``protocol.md`` section 3.4).

    Args:
        steps: as they came.
        before: the cache's tree.
    """
    complete: list[Step] = []
    removed: set[RelPath] = set()
    for step in steps:
        if isinstance(step, Remove):
            removed.add(step.path)
        elif not isinstance(step, Adjust):
            old = get(before, step.path)
            new_kind = Kind.DIRECTORY if isinstance(step, MakeDirectory) else Kind.FILE
            if old is not None and kind_of(old) is not new_kind and not _is_removed(step.path, removed):
                removed.add(step.path)
                complete.append(Remove(path=step.path, kind=kind_of(old)))
        complete.append(step)
    return tuple(complete)


def _is_removed(path: RelPath, removed: set[RelPath]) -> bool:
    return path in removed or lies_below(path, removed)


def check_removals(
    steps: Iterable[Step], before: Folder, max_delete: MaxDelete, burst: RemovalBudget = NO_REMOVALS
) -> int:
    """Make sure that no more files vanish than ``max_delete`` allows; return how many do.

    Counted are files, not folders, whose path would vanish, against the files in the cache before: before the
    burst of removals to which the update belongs.

    Args:
        steps: with all removals, see ``with_removals``.
        before: the cache's tree.
        max_delete: the slave's limit.
        burst: what has gone lately.

    Raises:
        TooManyRemovalsError: more would vanish.
    """
    files, vanishing = before.totals.files, count_vanishing(steps, before)
    if burst.allows(vanishing, files=files, max_delete=max_delete):
        return vanishing
    counted = burst.counted_of(files)
    earlier = f", {burst.removed} more have just gone" if burst.removed else ""
    raise TooManyRemovalsError(
        f"the update would remove {vanishing} of {files} files{earlier}; "
        f"max_delete ({max_delete}) allows {max_delete.limit(counted)}" + (f" of {counted}" if earlier else ""),
        hint="if the files are really meant to go, raise max_delete for this slave; "
        "if not, look for what is missing on the master",
    )


def count_vanishing(steps: Iterable[Step], before: Folder) -> int:
    """Return how many files of ``before`` are not there after the steps; it costs the steps, not the tree."""
    removed_at: dict[RelPath, int] = {}
    written_at: dict[RelPath, int] = {}
    for position, step in enumerate(steps):
        if isinstance(step, Remove):
            removed_at[step.path] = position
        elif isinstance(step, WriteFile | PlannedWrite):
            written_at[step.path] = position
    if not removed_at:
        return 0
    going = sum(_files_of(get(before, path)) for path in removed_at if not lies_below(path, removed_at))
    back = sum(
        1
        for path, position in written_at.items()
        if -1 < _last_removal(path, removed_at) < position and isinstance(get(before, path), File)
    )
    return going - back


def _files_of(entry: Entry | None) -> int:
    if isinstance(entry, Folder):
        return entry.totals.files
    return 0 if entry is None else 1


def _last_removal(path: RelPath, removed_at: dict[RelPath, int]) -> int:
    """Return when ``path`` last went, with one of its folders or alone; -1 if it did not."""
    return max(removed_at.get(place, -1) for place in (*ancestors(path), path))
