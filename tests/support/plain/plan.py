"""What a master answers to a classic list, planned in one pass over whole lists (``protocol.md`` section 3.4)."""

from __future__ import annotations

from collections.abc import Iterator

from sync_core.model.answer_plan import Plan, PlannedWrite
from sync_core.model.change import MakeDirectory, Remove
from sync_core.model.path import RelPath, parent_of, sort_key
from tests.support.plain.lists import PlainEntry, PlainTree

__all__ = ["planned"]


def planned(view: PlainTree, listed: PlainTree) -> Plan:
    """Return what turns the listed tree into the view."""
    return tuple(_plan(view, listed))


def _plan(view: PlainTree, listed: PlainTree) -> Iterator[MakeDirectory | PlannedWrite | Remove]:
    closed: RelPath | None = None  # below here all is settled: it goes with its folder, or is held back
    blind: RelPath | None = RelPath("") if view.is_unreadable else None  # below here nothing is removed
    filled = {parent_of(path) for path in view.by_path}
    for path in sorted(view.by_path.keys() | listed.by_path.keys(), key=sort_key):
        if _is_below(path, closed):
            continue
        ours, theirs = view.get(path), listed.get(path)
        if ours is None:
            if theirs is not None and not _is_below(path, blind):
                yield Remove(path=path, kind=theirs.kind)
                closed = path
            continue
        if _is_withheld(ours, theirs, is_empty=path not in filled):
            closed = path
            continue
        if theirs is not None and theirs.kind is not ours.kind:
            yield Remove(path=path, kind=theirs.kind)
            closed = path if ours.is_file else closed
        if ours.file is not None:
            if theirs is None or theirs.md5 != ours.md5:
                yield PlannedWrite.of(ours.file, path, ours.layer)
            continue
        yield MakeDirectory(path=path)
        if ours.is_unreadable and not _is_below(path, blind):
            blind = path


def _is_below(path: RelPath, top: RelPath | None) -> bool:
    return top is not None and (top == "" or path.startswith(f"{top}/"))


def _is_withheld(ours: PlainEntry, theirs: PlainEntry | None, *, is_empty: bool) -> bool:
    if ours.is_file:
        return ours.is_held_back or ours.md5 is None
    return ours.is_unreadable and (is_empty or (theirs is not None and theirs.is_file))
