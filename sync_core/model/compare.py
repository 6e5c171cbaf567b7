"""The difference between two trees, as ``jsync diff`` reports it (``cli.md`` section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sync_core.model.equality import has_content
from sync_core.model.file import File, Kind, Layer
from sync_core.model.folder import EMPTY_FOLDER, Entry, Folder, is_same, kind_of, names_of
from sync_core.model.overlay import layer_in, own_below
from sync_core.model.path import ROOT, RelPath, join

__all__ = ["Counts", "Diff", "DiffEntry", "State", "compare"]


class State(StrEnum):
    """How a path of the slave stands against the master's."""

    CHANGED = "changed"
    MISSING = "missing"
    EXTRA = "extra"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffEntry:
    """One path that is not the same on both sides.

    Attributes:
        path: where.
        kind: the master's kind, the slave's where the master has nothing. A path that is a file on one side and a
            folder on the other is one ``changed`` entry.
        state: what is wrong with it.
        layer: which folder of ``remote`` the master's entry comes from, if that is known.
        master: what the master has, ``None`` where the state is ``extra``.
        slave: what the slave has, ``None`` where the state is ``missing``.
    """

    path: RelPath
    kind: Kind
    state: State
    layer: Layer | None
    master: Entry | None
    slave: Entry | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many entries are in which state: ``same`` counts files, the others every entry that the diff lists."""

    same: int = 0
    changed: int = 0
    missing: int = 0
    extra: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """What ``compare`` found.

    Attributes:
        counts: by state.
        entries: what differs, sorted by path.
        settling: how many of the master's files still settle, so that their old state was compared.
        unreadable: how many of the master's files and folders can't be read, so that a slave keeps what it has.
    """

    counts: Counts
    entries: tuple[DiffEntry, ...]
    settling: int
    unreadable: int

    @property
    def is_in_sync(self) -> bool:
        """Whether the slave has what the master would hand out now."""
        return not self.entries


def compare(master: Folder, slave: Folder, *, own: Folder | None = None) -> Diff:
    """Return how ``slave`` differs from ``master``; ``compare(a, a)`` has no entries.

    Only contents are compared (``equality.has_content``): another time or mode is no difference. Folders count only
    where they are missing or extra. What the master holds back counts with its old state; without one (a new file that
    settles, a folder that can't be read) the slave's part is left out of the comparison, since nothing would be sent
    or removed there. What is the same is not walked.

    Args:
        master: what the master would hand out.
        slave: what the slave has.
        own: the layer of the slave's own folder in ``master``, empty where it has none; ``None`` where nobody knows
            the layers, then entries have none.
    """
    comparison = _Comparison()
    comparison.folders(master, slave, own, ROOT, is_shielded=master.is_unreadable)
    states = [entry.state for entry in comparison.entries]
    return Diff(
        counts=Counts(
            same=comparison.same,
            changed=states.count(State.CHANGED),
            missing=states.count(State.MISSING),
            extra=states.count(State.EXTRA),
        ),
        entries=tuple(comparison.entries),
        settling=master.totals.settling,
        unreadable=master.totals.unreadable,
    )


class _Comparison:
    """One walk over both sides, and what it found so far."""

    def __init__(self) -> None:
        self.same = 0
        self.entries: list[DiffEntry] = []

    def folders(self, master: Folder, slave: Folder, own: Folder | None, path: RelPath, *, is_shielded: bool) -> None:
        """Compare two folders; ``is_shielded``: not all of the master's is known, so nothing is extra there."""
        if is_same(master, slave) and not master.totals.unknown:
            self.same += master.totals.files
            return
        for name in names_of(master, slave):
            ours, theirs = master.children.get(name), slave.children.get(name)
            if isinstance(ours, File) and isinstance(theirs, File) and has_content(theirs, ours):
                self.same += 1
            elif ours is not None:
                self._ours(ours, theirs, own, path, name, is_shielded=is_shielded)
            elif theirs is not None and not is_shielded:
                self._extra(theirs, join(path, name))

    def _ours(
        self, ours: Entry, theirs: Entry | None, own: Folder | None, above: RelPath, name: str, *, is_shielded: bool
    ) -> None:
        """Compare what the master has with what the slave has at the same place, if that is not the same file."""
        path = join(above, name)
        is_unknown = ours.is_unreadable if isinstance(ours, Folder) else ours.is_held_back and ours.md5 is None
        if not is_unknown and not (isinstance(ours, Folder) and isinstance(theirs, Folder)):
            state = State.MISSING if theirs is None else State.CHANGED
            self._tell(path, state, ours, theirs, layer_in(own, name, ours))
        below = theirs if isinstance(theirs, Folder) else EMPTY_FOLDER
        if isinstance(ours, Folder):
            self.folders(ours, below, own_below(own, name), path, is_shielded=is_shielded or is_unknown)
        elif not (is_shielded or is_unknown):
            for inner, entry in below.children.items():
                self._extra(entry, join(path, inner))

    def _extra(self, theirs: Entry, path: RelPath) -> None:
        self._tell(path, State.EXTRA, None, theirs, None)
        if isinstance(theirs, Folder):
            for name, entry in theirs.children.items():
                self._extra(entry, join(path, name))

    def _tell(self, path: RelPath, state: State, ours: Entry | None, theirs: Entry | None, layer: Layer | None) -> None:
        shown = theirs if ours is None else ours
        assert shown is not None, "one side has it"  # noqa: S101 - narrows the type
        self.entries.append(
            DiffEntry(path=path, kind=kind_of(shown), state=state, layer=layer, master=ours, slave=theirs)
        )
