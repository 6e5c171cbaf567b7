"""One fetch now, without an agent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import filelock

from sync_core.agent.cache import CacheFolder
from sync_core.agent.master_link import open_link
from sync_core.agent.state import HostState
from sync_core.fleet.ask import ask
from sync_core.fleet.lists import first_error
from sync_core.fleet.places import require_local
from sync_core.model.change import Changes, MakeDirectory
from sync_core.model.errors import HostError, JsyncError, PeerError, StateError, UsageError
from sync_core.model.inventory import Host, Inventory
from sync_core.model.manifest import Manifest
from sync_core.model.path import RelPath
from sync_core.net.resolve import Resolver
from sync_core.protocol.messages import ChangesAnswer, FetchDifferences
from sync_core.tree.apply import Applied
from sync_core.tree.memory import load_observations, save_observations

__all__ = ["Synced", "sync_slaves"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """One slave's fetch.

    Attributes:
        slave: the inventory's name.
        master: the master that was asked.
        before: what the cache held.
        changes: what the master sent.
        applied: what became visible; ``None`` with ``check`` or after an error.
        contents_before: the bytes of the files that change, for showing differences.
        error: why it did not work.
    """

    slave: str
    master: str
    before: Manifest = field(default_factory=Manifest, repr=False)
    changes: Changes = field(default=(), repr=False)
    applied: Applied | None = None
    contents_before: dict[RelPath, bytes] = field(default_factory=dict, repr=False)
    error: JsyncError | None = None


def sync_slaves(
    inventory: Inventory,
    slaves: Iterable[Host],
    state_folder: Path,
    *,
    check: bool = False,
    with_contents: bool = False,
) -> tuple[Synced, ...]:
    """Fetch once for each slave and bring its cache in line; one slave's failure is its result.

    Args:
        inventory: where they are declared.
        slaves: which; each on this machine.
        state_folder: where run state lies; an agent that runs is left alone, and does this by itself.
        check: only say what would change; the master books nothing either.
        with_contents: keep the old contents of the files that change.

    Raises:
        UsageError: a master was named.
    """
    chosen = tuple(slaves)
    for host in chosen:
        if host.is_master:
            raise UsageError(f"{host.name} is a master: only slaves are synced", hint="name a slave")
    return tuple(_sync(inventory, slave, state_folder, check, with_contents) for slave in chosen)


def _sync(inventory: Inventory, slave: Host, state_folder: Path, check: bool, with_contents: bool) -> Synced:
    try:
        require_local(slave)
        state = HostState(state_folder, slave.name)
        if check:
            return asyncio.run(_Fetch(inventory, slave, state, with_contents).preview())
        state.create()
        lock = state.agent_lock()
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise _agent_runs(state) from None
        try:
            state.claim(inventory.source)
            return asyncio.run(_Fetch(inventory, slave, state, with_contents).apply())
        finally:
            lock.release()
    except JsyncError as error:
        return Synced(slave=slave.name, master=slave.masters[0], error=error)


def _agent_runs(state: HostState) -> StateError:
    return StateError(
        f"an agent for {state.host} runs and fetches by itself",
        hint=f"`jsync notify {state.host}` makes it check now",
        host=state.host,
    )


class _Fetch:
    """One slave's fetch from the first of its masters that answers."""

    def __init__(self, inventory: Inventory, slave: Host, state: HostState, with_contents: bool) -> None:
        assert slave.cache is not None, "the inventory refuses a slave without cache"  # noqa: S101
        self._slave = slave
        self._masters = inventory.masters_of(slave)
        self._with_contents = with_contents
        self._cache = CacheFolder(
            slave.cache,
            max_delete=slave.max_delete,
            known=load_observations(state.digests_path),
            save=lambda seen: save_observations(state.digests_path, seen),
        )

    async def preview(self) -> Synced:
        """Ask what differs, without a registration and without writing anything."""
        before = await self._cache.peek()

        async def differences(master: Host) -> Changes:
            answer = await ask(master, FetchDifferences(slave=self._slave.name, listed=before))
            if isinstance(answer, ChangesAnswer):
                return answer.changes
            raise PeerError(f"{master.name} is no jsync master: it can't be asked without a registration")

        master, changes = await self._from_first(differences)
        self._cache.check(before, changes)
        return self._result(master, before, changes, None, await self._contents(before, changes))

    async def apply(self) -> Synced:
        """Register, fetch, and bring the cache in line."""
        await self._cache.prepare()
        before = await self._cache.manifest()

        async def fetch(master: Host) -> Changes:
            link = await open_link(self._slave, master, Resolver())
            try:
                await link.register(self._slave)
                return await link.fetch(before)
            finally:
                await link.close()

        master, changes = await self._from_first(fetch)
        contents = await self._contents(before, changes)
        return self._result(master, before, changes, await self._cache.update(before, changes), contents)

    async def _from_first(self, get: Callable[[Host], Awaitable[Changes]]) -> tuple[str, Changes]:
        errors: list[JsyncError] = []
        for master in self._masters:
            try:
                return master.name, await get(master)
            except (PeerError, HostError) as error:
                errors.append(error)
        raise first_error(errors)

    async def _contents(self, before: Manifest, changes: Changes) -> dict[RelPath, bytes]:
        if not self._with_contents:
            return {}
        changed = [before.get(c.path) for c in changes if not isinstance(c, MakeDirectory)]
        return {entry.path: await self._cache.read(entry.path) for entry in changed if entry and entry.is_file}

    def _result(
        self, master: str, before: Manifest, changes: Changes, applied: Applied | None, contents: dict[RelPath, bytes]
    ) -> Synced:
        return Synced(
            slave=self._slave.name,
            master=master,
            before=before,
            changes=changes,
            applied=applied,
            contents_before=contents,
        )
