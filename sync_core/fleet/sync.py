"""One fetch now, without an agent: here, or by the jsync of the machine where the slave is."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import filelock

from sync_core.agent.cache_rights import rights_of
from sync_core.agent.digest_keeper import DigestKeeper
from sync_core.agent.master_link import Checked, open_link
from sync_core.agent.root_guard import RootGuard
from sync_core.agent.state import HostState
from sync_core.fleet.ask import ask
from sync_core.fleet.each import FleetOptions, Outcome, for_each, outcome_of
from sync_core.fleet.effects import Effect, effects_from, effects_of, tree_after
from sync_core.fleet.far_calls import FarCalls
from sync_core.fleet.far_jsync import error_from
from sync_core.fleet.lists import first_error
from sync_core.fleet.own_sockets import own_socket
from sync_core.fleet.reach import Reach
from sync_core.fleet.shown_cache import ContentChange, ShownCache
from sync_core.model.change import Changes, WriteFile
from sync_core.model.errors import HostError, JsyncError, PeerError, StateError, UsageError
from sync_core.model.inventory import Connection, Host, Inventory
from sync_core.net.resolve import Resolver
from sync_core.net.tls import Tls
from sync_core.protocol.messages import ChangesAnswer, FetchDifferences
from sync_core.tree.applied import Applied

__all__ = ["Synced", "sync_slaves"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """One slave's fetch.

    Attributes:
        slave: the inventory's name.
        master: the master that was asked.
        effects: what changed, or would change.
        contents: for showing differences: the files whose content changes, as far as they are small enough.
        unified: likewise, as the text that another machine's jsync made of them.
        applied: what became visible, update by update; nothing with ``check``, after an error, or on another machine.
        error: why it did not work.
    """

    slave: str
    master: str
    effects: tuple[Effect, ...] = ()
    contents: tuple[ContentChange, ...] = field(default=(), repr=False)
    unified: str | None = field(default=None, repr=False)
    applied: tuple[Applied, ...] = ()
    error: JsyncError | None = None

    @property
    def outcome(self) -> Outcome:
        """What the recap says."""
        return outcome_of(self.error, is_changed=bool(self.effects))


def sync_slaves(
    inventory: Inventory,
    slaves: Iterable[Host],
    state_folder: Path,
    *,
    check: bool = False,
    with_contents: bool = False,
    options: FleetOptions | None = None,
) -> tuple[Synced, ...]:
    """Fetch once for each slave and bring its cache in line; one slave's failure is its result.

    Args:
        inventory: where they are declared.
        slaves: which.
        state_folder: where run state lies; an agent that runs is left alone, and does this by itself.
        check: only say what would change; the master books nothing either.
        with_contents: keep the contents of the files that change.
        options: how many at once; how long a slave elsewhere may take.

    Raises:
        UsageError: a master was named.
    """
    chosen = tuple(slaves)
    for host in chosen:
        if host.is_master:
            raise UsageError(f"{host.name} is a master: only slaves are synced", hint="name a slave")
    options = options or FleetOptions()

    async def all_of_them() -> tuple[Synced, ...]:
        reach = Reach(options.runners())
        here = _Here(inventory, state_folder, reach, check=check, with_contents=with_contents)
        calls = FarCalls(inventory, reach, timeout_s=options.timeout_s)

        async def one(slave: Host) -> Synced:
            if await reach.connection_of(slave) is Connection.LOCAL:
                return await here.sync(slave)
            return await _sync_there(calls, slave, check=check, with_contents=with_contents)

        try:
            return await for_each(
                chosen,
                one,
                # A fetch here has the deadlines of an agent's, and is never broken off in the middle.
                options=replace(options, timeout_s=math.inf),
                failed=lambda slave, error: Synced(slave=slave.name, master=slave.masters[0], error=error),
                outcome=lambda result: result.outcome,
            )
        finally:
            await reach.close()

    return asyncio.run(all_of_them())


async def _sync_there(calls: FarCalls, slave: Host, *, check: bool, with_contents: bool) -> Synced:
    """Let the jsync of the slave's machine fetch; raises what ``FarCalls.ask`` raises."""
    words = [*(["--check"] if check else []), *(["--diff"] if with_contents else [])]
    document = await calls.ask(slave, "sync", slave.name, *words)
    said = document.get("slaves")
    entries = [one for one in said if isinstance(one, dict)] if isinstance(said, list) else []
    entry = next((one for one in entries if one.get("slave") == slave.name), None)
    if entry is None:
        raise HostError(f"the jsync of {slave.address} says nothing of it", host=slave.name)
    error, unified, master = entry.get("error"), entry.get("unified"), entry.get("master")
    return Synced(
        slave=slave.name,
        master=master if isinstance(master, str) else slave.masters[0],
        effects=effects_from(entry.get("changes")),
        unified=unified if isinstance(unified, str) else None,
        error=error_from(error, host=slave.name) if isinstance(error, dict) else None,
    )


class _Here:
    """Fetches for slaves on this machine."""

    def __init__(
        self, inventory: Inventory, state_folder: Path, reach: Reach, *, check: bool, with_contents: bool
    ) -> None:
        self._inventory = inventory
        self._reach = reach
        self._state_folder = state_folder
        self._check = check
        self._with_contents = with_contents

    async def sync(self, slave: Host) -> Synced:
        """Fetch once; raises JsyncError."""
        state = HostState(self._state_folder, slave.name)
        if self._check:

            async def socket_of(master: Host) -> Path | None:
                return await own_socket(self._inventory, master, self._state_folder, self._reach)

            return await _Fetch(self._inventory, slave, state, self._with_contents).preview(socket_of)
        state.create()
        lock = state.agent_lock()
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            state.claim(self._inventory.source)  # if it is another inventory's, that is what must be said
            raise _agent_runs(state) from None
        try:
            state.claim(self._inventory.source)
            return await _Fetch(self._inventory, slave, state, self._with_contents).apply()
        finally:
            lock.release()


def _agent_runs(state: HostState) -> StateError:
    return StateError(
        f"an agent for {state.host} runs and fetches by itself",
        hint=f"`jsync notify {state.host}` makes it check now",
        host=state.host,
    )


T = TypeVar("T")


class _Fetch:
    """One slave's fetch from the first of its masters that answers."""

    def __init__(self, inventory: Inventory, slave: Host, state: HostState, with_contents: bool) -> None:
        assert slave.cache is not None, "the inventory refuses a slave without cache"  # noqa: S101
        self._slave = slave
        self._masters = inventory.masters_of(slave)
        self._with_contents = with_contents
        self._digests = DigestKeeper(state.digests_path)
        self._cache = ShownCache(
            slave.cache,
            max_delete=slave.max_delete,
            rights=rights_of(inventory, slave),
            digests=self._digests,
            keeps_contents=with_contents,
            guard=RootGuard(slave.cache, state, trust_path=slave.trust_path).check,
        )

    async def preview(self, socket_of: Callable[[Host], Awaitable[Path | None]]) -> Synced:
        """Ask what differs, without a registration and without writing anything; ``socket_of``: of an agent here."""
        try:
            before = await self._cache.peek()
        finally:
            await self._digests.close()

        async def differences(master: Host) -> Changes:
            question = FetchDifferences(slave=self._slave.name, listed=before)
            answer = await ask(master, question, beside=self._slave, own=await socket_of(master))
            if isinstance(answer, ChangesAnswer):
                return answer.changes
            raise PeerError(f"{master.name} is no jsync master: it can't be asked without a registration")

        master, changes = await self._from_first(differences)
        self._cache.check(before, changes)
        after = tree_after(before, changes)
        effects = effects_of(before, after)
        contents: tuple[ContentChange, ...] = ()
        if self._with_contents:
            await self._cache.keep([effect.path for effect in effects], before)
            new = {change.path: change.content for change in changes if isinstance(change, WriteFile)}
            contents = self._cache.changes(effects, before, after, new)
        return Synced(slave=self._slave.name, master=master, effects=effects, contents=contents)

    async def apply(self) -> Synced:
        """Register, and bring the cache in line."""
        try:
            await self._cache.prepare()
            before = await self._cache.look()
            master, checked = await self._from_first(self._check)
        finally:
            await self._digests.close()
        effects = effects_of(before, checked.tree)
        contents: tuple[ContentChange, ...] = ()
        if self._with_contents:
            new = await self._cache.read_small([effect.path for effect in effects], checked.tree)
            contents = self._cache.changes(effects, before, checked.tree, new)
        return Synced(
            slave=self._slave.name, master=master, effects=effects, contents=contents, applied=checked.applied
        )

    async def _check(self, master: Host) -> Checked:
        link = await open_link(self._slave, master, Resolver(), tls=Tls.of(self._slave))
        try:
            await link.register(self._slave)
            return await link.check(self._cache, looks=False, wake=asyncio.Event())
        finally:
            await link.close()

    async def _from_first(self, get: Callable[[Host], Awaitable[T]]) -> tuple[str, T]:
        errors: list[JsyncError] = []
        for master in self._masters:
            try:
                return master.name, await get(master)
            except (PeerError, HostError) as error:
                errors.append(error)
        raise first_error(errors)
