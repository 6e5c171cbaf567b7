"""Where the checks of a run work from: on the hosts themselves where those can be reached, else from here."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sync_core.fleet.access import HERE, Access, access_of, runners
from sync_core.model.errors import HostError, JsyncError, PeerError, UnreachableError
from sync_core.model.inventory import Connection, Host
from sync_core.model.probe import Vantage
from sync_core.net.outpost import Outpost

__all__ = ["Opener", "Outposts", "Post", "opener"]

Opener = Callable[["Access"], Awaitable[Outpost]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Where checks that start on a host, or look at it, work.

    Attributes:
        outpost: on that host, or else on this machine.
        vantage: which of the two, and how.
        reason: why it is not on the host, if so.
    """

    outpost: Outpost
    vantage: Vantage
    reason: str | None = None

    @property
    def on_host(self) -> Outpost | None:
        """The outpost, if it is on the host itself."""
        return None if self.vantage is Vantage.CONTROLLER else self.outpost


def opener(*, password: str | None, connect_s: float, deadline_s: float) -> Opener:
    """Return what opens outposts: on this machine and by SSH.

    Args:
        password: for SSH, where keys and agent are not enough.
        connect_s: for an SSH connection to stand.
        deadline_s: how long a program on a host may live at most.
    """
    runner_of = runners(password=password, connect_s=connect_s)

    async def open_(access: Access) -> Outpost:
        python = sys.executable if access.address is None else "python3"
        return await Outpost.open(runner_of(access), python=python, deadline_s=deadline_s)

    return open_


class Outposts:
    """The outposts of one run, opened when they are first needed. ``close`` them.

    Args:
        open_outpost: opens one.
    """

    def __init__(self, open_outpost: Opener) -> None:
        self._open = open_outpost
        self._opened: dict[Access, asyncio.Task[Outpost]] = {}

    async def here(self) -> Outpost:
        """Return the one on this machine.

        Raises:
            HostError: it can't be had.
        """
        return await self._of(HERE)

    async def of(self, host: Host) -> Post:
        """Return where checks that concern ``host`` work; a host that can't be reached is no error."""
        here = await self.here()
        access = access_of(host, is_here=await self._is_here(host, here))
        if access is None:
            return Post(outpost=here, vantage=Vantage.CONTROLLER, reason=f"{host.name} has `connection: none`")
        try:
            outpost = await self._of(access)
        except (HostError, PeerError) as error:
            return Post(outpost=here, vantage=Vantage.CONTROLLER, reason=_words(error))
        return Post(outpost=outpost, vantage=Vantage.LOCAL if access.address is None else Vantage.SSH)

    def forget_failures(self) -> None:
        """Try hosts again that could not be reached."""
        done = [(access, task) for access, task in self._opened.items() if task.done()]
        for access, task in done:
            if task.cancelled() or task.exception() is not None:
                del self._opened[access]

    async def close(self) -> None:
        """End everything that was opened."""
        tasks = list(self._opened.values())
        for task in tasks:
            if not task.done():
                task.cancel()
        opened = await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(one.close() for one in opened if isinstance(one, Outpost)))

    async def _of(self, access: Access) -> Outpost:
        task = self._opened.get(access)
        if task is None:
            task = self._opened[access] = asyncio.ensure_future(self._open(access))
        # Shielded: several hosts may share the outpost, and one of them may give up.
        return await asyncio.shield(task)

    async def _is_here(self, host: Host, here: Outpost) -> bool:
        if host.connection is not None:
            return host.connection is Connection.LOCAL
        try:
            addresses = await here.resolve(host.address)
        except UnreachableError:
            return False
        return any(address.is_loopback or address in here.addresses for address in addresses)


def _words(error: JsyncError) -> str:
    return f"{error} ({error.hint})" if error.hint else str(error)
