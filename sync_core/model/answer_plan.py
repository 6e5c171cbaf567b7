"""What a master answers to a classic list: the comparison of ``protocol.md`` section 3.4, with its known faults mended.

Contents are compared by md5 whatever the times say, a change of kind is sent as a removal and the new kind, and what
is held back is neither sent nor removed. ``plan_answer`` says which contents are needed, ``portion`` how much of that
goes in one answer, and ``build_changes`` puts the contents in, once somebody has read them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self, TypeAlias, TypeVar

from sync_core.model.change import Adjust, Change, Changes, MakeDirectory, Remove, WriteFile
from sync_core.model.equality import has_content, is_withheld
from sync_core.model.errors import TreeError
from sync_core.model.file import File, Layer, md5_of, sha256_of
from sync_core.model.folder import EMPTY_FOLDER, Entry, Folder, is_same, kind_of, names_of
from sync_core.model.overlay import layer_in, own_below
from sync_core.model.path import ROOT, RelPath, join
from sync_core.model.scan import Trouble

__all__ = ["BuiltChanges", "Plan", "PlannedWrite", "ReadContent", "build_changes", "plan_answer", "portion"]

_SMALL_SHARE: Final = 16
"""A file is small if so many of its size fit into one answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedWrite:
    """A file that must be sent.

    Attributes:
        path: where it belongs.
        md5: what its content must have when it is read.
        sha256: likewise; ``None`` where it is not known.
        last_write_time: whole seconds since the epoch, UTC.
        size_bytes: as far as it is known.
        mode: permission bits, at most 0o777; ``None`` where they are not known.
        layer: which folder of ``remote`` holds the content; ``None`` if that is nobody's matter here.
    """

    path: RelPath
    md5: str
    last_write_time: int
    sha256: bytes | None = None
    size_bytes: int | None = None
    mode: int | None = None
    layer: Layer | None = None

    @classmethod
    def of(cls, file: File, path: RelPath, layer: Layer | None = None) -> Self:
        """Return what must be sent of ``file``, of which a state must be known."""
        assert file.md5 is not None, "what has no state is withheld"  # noqa: S101 - narrows the type
        return cls(
            path=path,
            md5=file.md5,
            last_write_time=file.last_write_time or 0,
            sha256=file.sha256,
            size_bytes=file.size_bytes,
            mode=file.mode,
            layer=layer,
        )


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


def plan_answer(view: Folder, listed: Folder, *, own: Folder | None = None) -> Plan:
    """Return what turns the listed tree into the view.

    Folders that both have are always repeated; a removed folder is one element. Only what was listed is removed. Of
    folders that are known to be the same only the folders are walked.

    Args:
        view: what the slave should have.
        listed: what the slave says it has.
        own: the layer of the slave's own folder in the view; without one everything comes from ``_all``.
    """
    planner = _Planner()
    planner.folders(view, listed, own or EMPTY_FOLDER, ROOT, is_blind=view.is_unreadable)
    return tuple(planner.plan)


class _Planner:
    """One walk over the view and the list, and what it planned so far."""

    def __init__(self) -> None:
        self.plan: list[MakeDirectory | PlannedWrite | Remove] = []

    def folders(self, view: Folder, listed: Folder, own: Folder, path: RelPath, *, is_blind: bool) -> None:
        """Plan what is in a folder.

        Args:
            view: the view's.
            listed: the slave's, empty where it has none.
            own: the own layer's, likewise.
            path: where they lie.
            is_blind: not all of the view's could be read, so nothing is removed.
        """
        if is_same(view, listed):
            if view.totals.folders:
                self._repeat(view, path)
            return
        for name in names_of(view, listed):
            ours, theirs = view.children.get(name), listed.children.get(name)
            if ours is None:
                if theirs is not None and not is_blind:
                    self.plan.append(Remove(path=join(path, name), kind=kind_of(theirs)))
            elif isinstance(ours, File) and isinstance(theirs, File) and has_content(theirs, ours):
                continue
            elif not is_withheld(ours, theirs):
                self._entry(ours, theirs, own, path, name, is_blind=is_blind)

    def _entry(
        self, ours: Entry, theirs: Entry | None, own: Folder, above: RelPath, name: str, *, is_blind: bool
    ) -> None:
        path = join(above, name)
        if theirs is not None and kind_of(theirs) is not kind_of(ours):
            self.plan.append(Remove(path=path, kind=kind_of(theirs)))
        if isinstance(ours, File):
            self.plan.append(PlannedWrite.of(ours, path, layer_in(own, name, ours)))
            return
        self.plan.append(MakeDirectory(path=path))
        below = theirs if isinstance(theirs, Folder) else EMPTY_FOLDER
        self.folders(ours, below, own_below(own, name), path, is_blind=is_blind or ours.is_unreadable)

    def _repeat(self, folder: Folder, path: RelPath) -> None:
        """Tell the folders of one that both have alike."""
        for name, entry in folder.children.items():
            if isinstance(entry, Folder) and not is_withheld(entry, entry):
                inner = join(path, name)
                self.plan.append(MakeDirectory(path=inner))
                if entry.totals.folders:
                    self._repeat(entry, inner)


_Step = TypeVar("_Step", bound=MakeDirectory | PlannedWrite | Adjust | Remove)


def portion(plan: tuple[_Step, ...], *, most_bytes: int) -> tuple[tuple[_Step, ...], bool]:
    """Return as much of the plan as one answer carries; the next list brings the rest.

    Small files go first, the newest before the others, then the large ones by their size, so that nothing urgent waits
    behind something big. One file goes always. Folders and removals go at once, but a removal that makes room for a
    file that has to wait waits with it: so the slave keeps what it has until then.

    Args:
        plan: from ``plan_answer``, or what ``empty_first`` made of it, or from ``plan_update``.
        most_bytes: of contents.

    Returns:
        The plan in document order, and whether there is more.
    """
    writes = [item for item in plan if isinstance(item, PlannedWrite)]
    if sum(_size(item, most_bytes) for item in writes) <= most_bytes:
        return plan, False
    writes.sort(key=lambda item: _urgency(item, most_bytes))
    chosen = {writes[0].path}
    left_bytes = most_bytes - _size(writes[0], most_bytes)
    for item in writes[1:]:
        if (size_bytes := _size(item, most_bytes)) <= left_bytes:
            chosen.add(item.path)
            left_bytes -= size_bytes
    waiting = {item.path for item in writes} - chosen
    return tuple(item for item in plan if item.path not in waiting), bool(waiting)


def _size(item: PlannedWrite, most_bytes: int) -> int:
    """Return a file's size; one that nobody knows fills an answer."""
    return most_bytes if item.size_bytes is None else item.size_bytes


def _urgency(item: PlannedWrite, most_bytes: int) -> tuple[bool, int, int]:
    size_bytes = _size(item, most_bytes)
    is_large = size_bytes * _SMALL_SHARE > most_bytes
    return is_large, size_bytes if is_large else 0, -item.last_write_time


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
    is_planned = md5_of(content) == item.md5 if item.sha256 is None else sha256_of(content) == item.sha256
    if not is_planned:
        return Trouble(path=item.path, reason="its content changed meanwhile")
    return WriteFile(path=item.path, last_write_time=item.last_write_time, content=content)
