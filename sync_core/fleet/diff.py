"""The master's file list for each slave against the slave's (``cli.md`` section 3)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sync_core.fleet.each import FleetOptions, Outcome, for_each, outcome_of
from sync_core.fleet.file_list import FileList, Source, unreadable
from sync_core.fleet.lists import Found, Lists, first_error
from sync_core.fleet.reach import Reach
from sync_core.fleet.two_trees import lists_of_both
from sync_core.model.compare import Diff
from sync_core.model.errors import JsyncError, UsageError
from sync_core.model.inventory import Host, Inventory

if TYPE_CHECKING:
    from sync_core.fleet.content_pairs import ContentPair

__all__ = ["DiffReport", "SlaveDiff", "diff_slaves"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlaveDiff:
    """One slave's comparison.

    Attributes:
        slave: the inventory's name.
        master: the master whose list was compared.
        master_source: how its list was read; ``None`` where it could not be had.
        slave_source: likewise.
        diff: what differs; ``None`` where a list could not be had.
        contents: for the entries, if they were asked for.
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

    @property
    def outcome(self) -> Outcome:
        """What the recap says."""
        return outcome_of(self.error, is_changed=self.in_sync is False)


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


def diff_slaves(
    inventory: Inventory,
    slaves: Iterable[Host],
    *,
    with_contents: bool = False,
    state_folder: Path | None = None,
    options: FleetOptions | None = None,
) -> DiffReport:
    """Compare each slave with its master; one slave's failure is its result, the others go on.

    Args:
        inventory: where they are declared.
        slaves: which of them.
        with_contents: also read the contents of the files that differ.
        state_folder: where the run state of this machine's agents lies.
        options: how many at once, and how long each may take.

    Raises:
        UsageError: a master was named.
    """
    chosen = tuple(slaves)
    for host in chosen:
        if host.is_master:
            raise UsageError(
                f"{host.name} is a master: diff compares slaves with it", hint="name a slave, or the group `slaves`"
            )
    options = options or FleetOptions()
    return DiffReport(slaves=asyncio.run(_diff_all(inventory, chosen, with_contents, state_folder, options)))


async def _diff_all(
    inventory: Inventory,
    slaves: tuple[Host, ...],
    with_contents: bool,
    state_folder: Path | None,
    options: FleetOptions,
) -> tuple[SlaveDiff, ...]:
    reach = Reach(options.runners())
    lists = Lists(inventory, reach, timeout_s=options.timeout_s, state_folder=state_folder)
    try:
        return await for_each(
            slaves,
            lambda slave: _diff(lists, slave, with_contents),
            options=options,
            failed=lambda slave, error: SlaveDiff(slave=slave.name, master=slave.masters[0], error=error),
            outcome=lambda one: one.outcome,
        )
    finally:
        await lists.close()
        await reach.close()


async def _diff(lists: Lists, slave: Host, with_contents: bool) -> SlaveDiff:
    ours, theirs = await asyncio.gather(_first_master(lists, slave), _cache_of(lists, slave))
    head = SlaveDiff(
        slave=slave.name,
        master=slave.masters[0] if isinstance(ours, JsyncError) else ours.host.name,
        master_source=None if isinstance(ours, JsyncError) else _source_of(ours),
        slave_source=None if isinstance(theirs, JsyncError) else _source_of(theirs),
    )
    if isinstance(ours, JsyncError) or isinstance(theirs, JsyncError):
        await asyncio.gather(_let_go(ours), _let_go(theirs))
        error = ours if isinstance(ours, JsyncError) else theirs if isinstance(theirs, JsyncError) else None
        return replace(head, error=error)
    try:
        both = await lists_of_both(ours, theirs)
    except JsyncError as error:
        return replace(head, error=error)
    contents: tuple[ContentPair, ...] = ()
    if with_contents:
        from sync_core.fleet.content_pairs import read_pairs  # noqa: PLC0415 - seldom wanted

        contents = await read_pairs(lists, both.master, both.slave, both.diff.entries)
    return replace(head, diff=both.diff, contents=contents, error=unreadable((both.master, both.slave)))


async def _first_master(lists: Lists, slave: Host) -> Found | JsyncError:
    """Return what the first master says that says anything."""
    errors: list[JsyncError] = []
    for master in lists.inventory.masters_of(slave):
        try:
            return await lists.find_master(master, slave)
        except JsyncError as error:
            errors.append(error)
    return first_error(errors)


async def _cache_of(lists: Lists, slave: Host) -> Found | JsyncError:
    try:
        return await lists.find_slave(slave)
    except JsyncError as error:
        return error


async def _let_go(found: Found | JsyncError) -> None:
    if not isinstance(found, JsyncError | FileList):
        await found.close()


def _source_of(found: Found) -> Source:
    return found.source if isinstance(found, FileList) else Source.AGENT
