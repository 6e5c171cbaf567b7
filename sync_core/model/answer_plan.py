"""What a master answers to a slave's list: the comparison of ``protocol.md`` section 3.4, with its known faults mended.

Contents are compared by md5 whatever the times say, a change of kind is sent as a removal and the new kind, and what
is held back is neither sent nor removed. Two steps: ``plan_answer`` says which contents are needed, ``build_changes``
puts them in, once somebody has read them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from sync_core.model.change import Change, Changes, MakeDirectory, Remove, WriteFile
from sync_core.model.errors import TreeError
from sync_core.model.manifest import Entry, Layer, Manifest, md5_of
from sync_core.model.observation import Trouble
from sync_core.model.path import RelPath, parent_of, sort_key

__all__ = ["BuiltChanges", "Plan", "PlannedWrite", "ReadContent", "build_changes", "plan_answer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedWrite:
    """A file that must be sent.

    Attributes:
        path: where it belongs.
        md5: what its content must have when it is read.
        last_write_time: whole seconds since the epoch, UTC.
        size_bytes: as far as it is known.
        layer: which folder of ``remote`` holds the content; ``None`` if the view has no layers.
    """

    path: RelPath
    md5: str
    last_write_time: int
    size_bytes: int | None = None
    layer: Layer | None = None


Plan: TypeAlias = tuple[MakeDirectory | PlannedWrite | Remove, ...]
"""In document order, like ``Changes``."""

ReadContent: TypeAlias = Callable[[PlannedWrite], bytes]
"""Returns the content of a planned file; raises a ``TreeError`` where it can't."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltChanges:
    """The changes to send.

    Attributes:
        changes: in document order.
        left_out: files that could not be read, or no longer have the planned content; the next answer brings them.
    """

    changes: Changes
    left_out: tuple[Trouble, ...]


def plan_answer(view: Manifest, listed: Manifest) -> Plan:
    """Return what turns the listed tree into the view.

    Folders that both have are always repeated; a removed folder is one element. Only what was listed is removed.

    Args:
        view: what the slave should have.
        listed: what the slave says it has.
    """
    return tuple(_plan(view, listed))


def _plan(view: Manifest, listed: Manifest) -> Iterator[MakeDirectory | PlannedWrite | Remove]:
    closed: RelPath | None = None  # below here all is settled: it goes with its folder, or is held back
    blind: RelPath | None = None  # below here nothing is removed: the folder could not be read
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
        if ours.is_file:
            if theirs is None or theirs.md5 != ours.md5:
                yield _planned_write(ours)
            continue
        yield MakeDirectory(path=path)
        if ours.is_unreadable and not _is_below(path, blind):
            blind = path


def _is_below(path: RelPath, top: RelPath | None) -> bool:
    return top is not None and path.startswith(f"{top}/")


def _is_withheld(ours: Entry, theirs: Entry | None, *, is_empty: bool) -> bool:
    """Whether nothing can be said at this path and below it for now; ``is_empty``: the view has nothing below."""
    if ours.is_file:
        return ours.is_held_back or ours.md5 is None
    return ours.is_unreadable and (is_empty or (theirs is not None and theirs.is_file))


def _planned_write(entry: Entry) -> PlannedWrite:
    assert entry.md5 is not None, "entries without md5 are withheld"  # noqa: S101 - narrows the type
    return PlannedWrite(
        path=entry.path,
        md5=entry.md5,
        last_write_time=entry.last_write_time or 0,
        size_bytes=entry.size_bytes,
        layer=entry.layer,
    )


def build_changes(plan: Plan, read_content: ReadContent) -> BuiltChanges:
    """Return the plan with contents.

    A file that can't be read, or whose content is no longer the planned one, is left out together with the removal
    that makes room for it, so that the slave keeps what it has.

    Args:
        plan: from ``plan_answer``.
        read_content: called once for every planned file, in order.
    """
    changes: list[Change] = []
    left_out: list[Trouble] = []
    for item in plan:
        if not isinstance(item, PlannedWrite):
            changes.append(item)
            continue
        written = _read(item, read_content)
        if isinstance(written, WriteFile):
            changes.append(written)
            continue
        left_out.append(written)
        if changes and isinstance(changes[-1], Remove) and changes[-1].path == item.path:
            changes.pop()
    return BuiltChanges(changes=tuple(changes), left_out=tuple(left_out))


def _read(item: PlannedWrite, read_content: ReadContent) -> WriteFile | Trouble:
    try:
        content = read_content(item)
    except TreeError as error:
        return Trouble(path=item.path, reason=str(error))
    if md5_of(content) != item.md5:
        return Trouble(path=item.path, reason="its content changed meanwhile")
    return WriteFile(path=item.path, last_write_time=item.last_write_time, content=content)
