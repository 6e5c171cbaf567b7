"""The master's file list for each slave against the slave's (``cli.md`` section 3)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from sync_core.fleet.lists import FileList, Source, first_error, master_list, slave_list
from sync_core.model.compare import Diff, DiffEntry, compare
from sync_core.model.errors import FileTroubleError, JsyncError, UsageError
from sync_core.model.inventory import Host, Inventory
from sync_core.model.manifest import Entry

__all__ = ["ContentPair", "DiffReport", "SlaveDiff", "diff_slaves"]

_AT_ONCE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentPair:
    """The two contents behind one entry.

    Attributes:
        entry: what differs.
        master: the master's bytes; ``None`` where it has no such file.
        slave: the slave's bytes; ``None`` where it has no such file.
        trouble: why the contents can't be shown, if so.
    """

    entry: DiffEntry
    master: bytes | None = None
    slave: bytes | None = None
    trouble: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlaveDiff:
    """One slave's comparison.

    Attributes:
        slave: the inventory's name.
        master: the master whose list was compared.
        master_source: how its list was read; ``None`` where it could not be had.
        slave_source: likewise.
        diff: what differs; ``None`` where a list could not be had.
        contents: for the entries that are files, if they were asked for.
        error: why there is no diff, or why it is not the whole truth.
    """

    slave: str
    master: str
    master_source: Source | None = None
    slave_source: Source | None = None
    diff: Diff | None = None
    contents: tuple[ContentPair, ...] = field(default=(), repr=False)
    error: JsyncError | None = None

    @property
    def in_sync(self) -> bool | None:
        """Whether the two are the same; ``None`` if that can't be said."""
        return self.diff.is_in_sync if self.diff is not None and self.error is None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffReport:
    """All comparisons, in inventory order."""

    slaves: tuple[SlaveDiff, ...]

    @property
    def in_sync(self) -> bool | None:
        """Whether all are in sync; ``None`` if one of them can't be judged and no other differs."""
        judged = [slave.in_sync for slave in self.slaves]
        return False if False in judged else None if None in judged else True

    @property
    def has_trouble(self) -> bool:
        """Whether a list could not be had."""
        return any(slave.error is not None for slave in self.slaves)


def diff_slaves(inventory: Inventory, slaves: Iterable[Host], *, with_contents: bool = False) -> DiffReport:
    """Compare each slave with its master; one slave's failure is its result, the others go on.

    Args:
        inventory: where they are declared.
        slaves: which of them.
        with_contents: also read the contents of the files that differ.

    Raises:
        UsageError: a master was named.
    """
    chosen = tuple(slaves)
    for host in chosen:
        if host.is_master:
            raise UsageError(
                f"{host.name} is a master: diff compares slaves with it", hint="name a slave, or the group `slaves`"
            )
    return DiffReport(slaves=asyncio.run(_diff_all(inventory, chosen, with_contents)))


async def _diff_all(inventory: Inventory, slaves: tuple[Host, ...], with_contents: bool) -> tuple[SlaveDiff, ...]:
    limit = asyncio.Semaphore(_AT_ONCE)

    async def one(slave: Host) -> SlaveDiff:
        async with limit:
            return await _diff(inventory, slave, with_contents)

    return tuple(await asyncio.gather(*(one(slave) for slave in slaves)))


async def _diff(inventory: Inventory, slave: Host, with_contents: bool) -> SlaveDiff:
    ours, theirs = await asyncio.gather(_first_list(inventory, slave), _list_of(slave))
    master = ours.host if isinstance(ours, FileList) else slave.masters[0]
    head = SlaveDiff(
        slave=slave.name,
        master=master,
        master_source=ours.source if isinstance(ours, FileList) else None,
        slave_source=theirs.source if isinstance(theirs, FileList) else None,
    )
    if not isinstance(ours, FileList):
        return replace(head, error=ours)
    if not isinstance(theirs, FileList):
        return replace(head, error=theirs)
    diff = compare(ours.manifest, theirs.manifest)
    contents = tuple(_contents(entry, ours, theirs) for entry in diff.entries) if with_contents else ()
    return replace(head, diff=diff, contents=contents, error=_unreadable(ours, theirs))


async def _first_list(inventory: Inventory, slave: Host) -> FileList | JsyncError:
    """Return the list of the first master that gives one."""
    errors: list[JsyncError] = []
    for master in inventory.masters_of(slave):
        try:
            return await master_list(inventory, master, slave)
        except JsyncError as error:
            errors.append(error)
    return first_error(errors)


async def _list_of(slave: Host) -> FileList | JsyncError:
    try:
        return await slave_list(slave)
    except JsyncError as error:
        return error


def _unreadable(*lists: FileList) -> JsyncError | None:
    """Return an error that names what could not be read, since nothing is known of it."""
    for one in lists:
        paths = [entry.path for entry in one.manifest if entry.is_unreadable]
        if paths:
            more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
            return FileTroubleError(
                f"{one.host} can't read {paths[0]}{more}",
                hint="mend its owner or mode; a link that leads out of the folder must go",
                host=one.host,
            )
    return None


def _contents(entry: DiffEntry, ours: FileList, theirs: FileList) -> ContentPair:
    try:
        return ContentPair(entry=entry, master=_read(ours, entry.master), slave=_read(theirs, entry.slave))
    except JsyncError as error:
        return ContentPair(entry=entry, trouble=str(error))


def _read(one: FileList, entry: Entry | None) -> bytes | None:
    return one.read(entry.path, entry.layer) if entry is not None and entry.is_file else None
