"""What turns one tree into another: an answer to a classic list, and an update of the cache in our own dialect.

Classic is the comparison of ``protocol.md`` section 3.4, with its known faults mended: contents are compared by md5
whatever the times say, and a change of kind is sent as a removal and the new kind. An update compares the whole state.
What is held back is neither sent nor removed. ``portion`` says how much of a plan goes in one answer, ``build_changes``
puts the contents in, once somebody has read them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Self, TypeAlias, TypeVar

from sync_core.model.change import Adjust, Change, Changes, MakeDirectory, Remove, WriteFile
from sync_core.model.differences import changed_names
from sync_core.model.equality import has_content, has_state, is_withheld
from sync_core.model.errors import TreeError
from sync_core.model.file import File, Layer, md5_of, sha256_of
from sync_core.model.folder import EMPTY_FOLDER, Entry, Folder, is_same, kind_of, names_of
from sync_core.model.overlay import layer_in, own_below
from sync_core.model.path import ROOT, RelPath, join
from sync_core.model.scan import Trouble

__all__ = [
    "BuiltChanges",
    "Plan",
    "PlannedWrite",
    "ReadContent",
    "UpdatePlan",
    "build_changes",
    "plan_answer",
    "plan_update",
    "portion",
    "realizes",
]

_SMALL_SHARE: Final = 16
"""A file is small if so many of its size fit into one answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedWrite:
    """A file that must be sent; its fields are those of ``File``.

    Attributes:
        path: where it belongs.
        md5: what its content must have when it is read; likewise its ``sha256`` where that is known.
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

_AnyStep: TypeAlias = MakeDirectory | PlannedWrite | Adjust | Remove

UpdatePlan: TypeAlias = tuple[_AnyStep, ...]
"""The same for a cache, where files may keep their contents."""

ReadContent: TypeAlias = Callable[[PlannedWrite], bytes]
"""Returns the content of a planned file; raises a ``TreeError`` where it can't."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltChanges:
    """The changes to send; ``left_out``: files that can't be read, or are others now, and come with the next answer."""

    changes: Changes
    left_out: tuple[Trouble, ...]


def plan_answer(view: Folder, listed: Folder, *, own: Folder | None = None) -> Plan:
    """Return what turns the listed tree into the view; folders that both have are repeated, a removed one is one step.

    ``own``: the layer of the slave's own folder in the view; without one everything comes from ``_all``.
    """
    steps = _Planner(is_answer=True).folders(view, listed, own or EMPTY_FOLDER, ROOT, is_blind=view.is_unreadable)
    return tuple(step for step in steps if not isinstance(step, Adjust))


def plan_update(cache: Folder, wanted: Folder) -> UpdatePlan:
    """Return what turns ``cache`` into ``wanted``.

    Only new folders are made, and a file of which only time or permission bits are others is adjusted.
    """
    return tuple(_update_steps(cache, wanted))


def realizes(have: Folder, wanted: Folder) -> bool:
    """Whether nothing would be sent to a slave that has ``have``, and nothing removed; it ends at the first difference.

    Files are compared by their whole state where both sides know it (``equality.has_state``), by md5 where one of them
    comes from a classic list. So it speaks for ``plan_answer`` too.
    """
    return next(_update_steps(have, wanted), None) is None


def _update_steps(cache: Folder, wanted: Folder) -> Iterator[_AnyStep]:
    return _Planner(is_answer=False).folders(wanted, cache, None, ROOT, is_blind=wanted.is_unreadable)


class _Planner:
    """One walk over what is wanted and what is there; an answer repeats folders, and leaves files with their content.

    ``own``: the own layer's folder at the place, ``None`` where layers don't matter. ``is_blind``: not all that is
    wanted could be read, so nothing is removed.
    """

    def __init__(self, *, is_answer: bool) -> None:
        self._is_answer = is_answer

    def folders(
        self, wanted: Folder, have: Folder, own: Folder | None, path: RelPath, *, is_blind: bool
    ) -> Iterator[_AnyStep]:
        if is_same(wanted, have):
            if self._is_answer and wanted.totals.folders:
                yield from _repeated(wanted, path)
            return
        for name in names_of(wanted, have) if self._is_answer else changed_names(have, wanted):
            entry, there = wanted.children.get(name), have.children.get(name)
            if entry is None:
                if there is not None and not is_blind:
                    yield Remove(path=join(path, name), kind=kind_of(there))
            elif isinstance(entry, File) and isinstance(there, File) and has_content(there, entry):
                if not (self._is_answer or has_state(there, entry) or is_withheld(entry, there)):
                    time = there.last_write_time if entry.last_write_time is None else entry.last_write_time
                    yield Adjust(path=join(path, name), last_write_time=time or 0, mode=entry.mode)
            elif not is_withheld(entry, there):
                yield from self._entry(entry, there, own, path, name, is_blind=is_blind)

    def _entry(
        self, wanted: Entry, there: Entry | None, own: Folder | None, above: RelPath, name: str, *, is_blind: bool
    ) -> Iterator[_AnyStep]:
        path = join(above, name)
        if there is not None and kind_of(there) is not kind_of(wanted):
            yield Remove(path=path, kind=kind_of(there))
            there = None
        if isinstance(wanted, File):
            yield PlannedWrite.of(wanted, path, layer_in(own, name, wanted))
            return
        if self._is_answer or there is None:
            yield MakeDirectory(path=path)
        below = there if isinstance(there, Folder) else EMPTY_FOLDER
        yield from self.folders(wanted, below, own_below(own, name), path, is_blind=is_blind or wanted.is_unreadable)


def _repeated(folder: Folder, path: RelPath) -> Iterator[MakeDirectory]:
    """Give the folders of one that both have alike."""
    for name, entry in folder.children.items():
        if isinstance(entry, Folder) and not is_withheld(entry, entry):
            inner = join(path, name)
            yield MakeDirectory(path=inner)
            if entry.totals.folders:
                yield from _repeated(entry, inner)


_Step = TypeVar("_Step", bound=_AnyStep)


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
    that makes room for it, so that the slave keeps what it has. ``read_content`` is called once for each, in order.
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
