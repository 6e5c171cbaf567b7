"""The difference between two trees, as ``jsync diff`` reports it (``cli.md`` section 3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from sync_core.model.manifest import Entry, Kind, Layer, Manifest
from sync_core.model.path import RelPath, ancestors, sort_key

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
        layer: which folder of ``remote`` the master's entry comes from, if the list says so.
        master: the master's entry, ``None`` where the state is ``extra``.
        slave: the slave's entry, ``None`` where the state is ``missing``.
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


def compare(master: Manifest, slave: Manifest) -> Diff:
    """Return how ``slave`` differs from ``master``; ``compare(a, a)`` has no entries.

    Contents are compared by md5; another time is no difference. Folders count only where they are missing or extra.
    What the master holds back counts with its old state; without one (a new file that settles, a folder that can't be
    read) the slave's part is left out of the comparison, since nothing would be sent or removed there.

    Args:
        master: what the master would hand out.
        slave: what the slave has.
    """
    paths = sorted(master.by_path.keys() | slave.by_path.keys(), key=sort_key)
    same = sum(_is_same_file(master.get(path), slave.get(path)) for path in paths)
    entries = tuple(entry for path in paths for entry in _difference(path, master, slave))
    states = [entry.state for entry in entries]
    return Diff(
        counts=Counts(
            same=same,
            changed=states.count(State.CHANGED),
            missing=states.count(State.MISSING),
            extra=states.count(State.EXTRA),
        ),
        entries=entries,
        settling=master.settling,
        unreadable=sum(entry.is_unreadable for entry in master),
    )


def _is_same_file(ours: Entry | None, theirs: Entry | None) -> bool:
    return (
        ours is not None
        and theirs is not None
        and ours.is_file
        and theirs.is_file
        and ours.md5 is not None
        and ours.md5 == theirs.md5
    )


def _difference(path: RelPath, master: Manifest, slave: Manifest) -> Iterator[DiffEntry]:
    ours, theirs = master.get(path), slave.get(path)
    if ours is None:
        if theirs is not None and not _is_shielded(path, master):
            yield DiffEntry(path=path, kind=theirs.kind, state=State.EXTRA, layer=None, master=None, slave=theirs)
    elif theirs is None:
        if not _is_unknown(ours):
            yield DiffEntry(path=path, kind=ours.kind, state=State.MISSING, layer=ours.layer, master=ours, slave=None)
    elif not (_is_unknown(ours) or _is_same_file(ours, theirs) or not (ours.is_file or theirs.is_file)):
        yield DiffEntry(path=path, kind=ours.kind, state=State.CHANGED, layer=ours.layer, master=ours, slave=theirs)


def _is_unknown(entry: Entry) -> bool:
    """Whether the entry is there without any state to compare."""
    return entry.is_held_back and entry.md5 is None


def _is_shielded(path: RelPath, master: Manifest) -> bool:
    """Whether ``path`` lies below something of which the master does not know what is in it."""
    above = (master.get(folder) for folder in ancestors(path))
    return any(entry is not None and _is_unknown(entry) for entry in above)
