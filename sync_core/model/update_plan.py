"""What brings the cache of a slave of our own dialect to the tree that its master offers."""

from __future__ import annotations

from typing import TypeAlias

from sync_core.model.answer_plan import PlannedWrite
from sync_core.model.change import Adjust, MakeDirectory, Remove
from sync_core.model.equality import has_content, has_state, is_withheld
from sync_core.model.file import File
from sync_core.model.folder import EMPTY_FOLDER, Entry, Folder, is_same, kind_of, names_of
from sync_core.model.path import ROOT, RelPath, join

__all__ = ["UpdatePlan", "plan_update"]

UpdatePlan: TypeAlias = tuple[MakeDirectory | PlannedWrite | Adjust | Remove, ...]
"""In document order: depth first, names sorted, a removal before the new kind of the same name."""


def plan_update(cache: Folder, wanted: Folder) -> UpdatePlan:
    """Return what turns ``cache`` into ``wanted``; nothing where the one realizes the other (``compare.realizes``).

    Only new folders are made, a removed folder is one step, and a file of which only time or permission bits are
    others is adjusted. What is held back, and what can't be read, stays in the cache as it is. What is the same is not
    walked.

    Args:
        cache: what the slave has.
        wanted: what it is to have.
    """
    planner = _Planner()
    planner.folders(cache, wanted, ROOT, is_blind=wanted.is_unreadable)
    return tuple(planner.plan)


class _Planner:
    """One walk over both trees, and what it planned so far."""

    def __init__(self) -> None:
        self.plan: list[MakeDirectory | PlannedWrite | Adjust | Remove] = []

    def folders(self, cache: Folder, wanted: Folder, path: RelPath, *, is_blind: bool) -> None:
        """Plan what is in a folder.

        Args:
            cache: the slave's, empty where it has none.
            wanted: what it is to be.
            path: where.
            is_blind: not all of ``wanted`` could be read, so nothing is removed.
        """
        if is_same(cache, wanted):
            return
        for name in names_of(cache, wanted):
            there, entry = cache.children.get(name), wanted.children.get(name)
            if entry is there:
                continue
            if entry is not None:
                self._entry(there, entry, join(path, name), is_blind=is_blind)
            elif there is not None and not is_blind:
                self.plan.append(Remove(path=join(path, name), kind=kind_of(there)))

    def _entry(self, there: Entry | None, wanted: Entry, path: RelPath, *, is_blind: bool) -> None:
        if is_withheld(wanted, there):
            return
        if there is not None and kind_of(there) is not kind_of(wanted):
            self.plan.append(Remove(path=path, kind=kind_of(there)))
            there = None
        if isinstance(wanted, File):
            self._file(there, wanted, path)
            return
        if there is None:
            self.plan.append(MakeDirectory(path=path))
        below = there if isinstance(there, Folder) else EMPTY_FOLDER
        self.folders(below, wanted, path, is_blind=is_blind or wanted.is_unreadable)

    def _file(self, there: Entry | None, wanted: File, path: RelPath) -> None:
        if not (isinstance(there, File) and has_content(there, wanted)):
            self.plan.append(PlannedWrite.of(wanted, path))
        elif not has_state(there, wanted):
            time = there.last_write_time if wanted.last_write_time is None else wanted.last_write_time
            self.plan.append(Adjust(path=path, last_write_time=time or 0, mode=wanted.mode))
