"""What a master has for a slave beside what the slave has, and how the two differ.

Where both agents speak our own dialect they are asked for digests first: where those are the same, nothing else is.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sync_core.fleet.file_list import FileList, Source
from sync_core.fleet.lists import Found, whole
from sync_core.model.compare import Diff, compare

if TYPE_CHECKING:
    from sync_core.fleet.offered import Offered

__all__ = ["TwoTrees", "lists_of_both"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoTrees:
    """Two lists, and how they differ.

    Attributes:
        master: what the master has for the slave.
        slave: what the slave has.
        diff: of the whole trees.
    """

    master: FileList
    slave: FileList
    diff: Diff


async def lists_of_both(ours: Found, theirs: Found) -> TwoTrees:
    """Return both lists and what differs; what was offered is closed.

    Args:
        ours: the master's.
        theirs: the slave's.

    Raises:
        JsyncError: an agent does not say what it offered.
    """
    if isinstance(ours, FileList) or isinstance(theirs, FileList) or _is_held_back(ours) or _is_held_back(theirs):
        # Digests say nothing of what is held back, so there is no short way.
        master, slave = await asyncio.gather(whole(ours), whole(theirs))
        return TwoTrees(master=master, slave=slave, diff=compare(master.tree, slave.tree, own=master.own))
    try:
        return await _side_by_side(ours, theirs)
    finally:
        await asyncio.gather(ours.close(), theirs.close())


async def _side_by_side(ours: Offered, theirs: Offered) -> TwoTrees:
    # Whoever asks no agent of today does without msgspec.
    from sync_core.protocol.dialect.side_by_side import SideBySide  # noqa: PLC0415

    both = SideBySide(ours.root.digest, theirs.root.digest)
    while both.go_on():
        await asyncio.gather(ours.ask(both.ours), theirs.ask(both.theirs))
    master, slave, own = both.trees()
    diff = compare(master, slave, own=own)
    # What nobody looked into is the same.
    same = diff.counts.same + ours.root.files - master.totals.files
    return TwoTrees(
        master=FileList(host=ours.host, slave=ours.slave, source=Source.AGENT, tree=master, own=own, is_whole=False),
        slave=FileList(host=theirs.host, slave=theirs.slave, source=Source.AGENT, tree=slave, is_whole=False),
        diff=replace(diff, counts=replace(diff.counts, same=same)),
    )


def _is_held_back(offered: Offered) -> bool:
    root = offered.root
    return bool(root.settling or root.unreadable or root.unknown)
