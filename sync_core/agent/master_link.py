"""A slave's connection to one of its masters: what both dialects and HTTP have in common, and the classic one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sync_core.agent.cache import CacheFolder
from sync_core.agent.plain_names import PlainNames
from sync_core.model.change import Changes, WriteFile
from sync_core.model.errors import RemoteRefusalError, UnreachableError
from sync_core.model.folder import Folder
from sync_core.model.inventory import Host, Inventory
from sync_core.net.addresses import choose_source
from sync_core.net.client import CommandClient
from sync_core.net.resolve import Resolver, display_endpoint
from sync_core.net.tls import Tls, TlsTo
from sync_core.protocol.messages import Answer, ChangesAnswer, ErrorAnswer, FetchUpdatedFiles, OkAnswer, Register
from sync_core.protocol.proof import WakeUpProof
from sync_core.protocol.texts import text as message
from sync_core.tree.apply import Applied
from sync_core.version import WIRE_VERSION

if TYPE_CHECKING:
    from sync_core.agent.dialect_check import DialectCheck

__all__ = [
    "ANSWER_TIMEOUT_S",
    "CONNECT_TIMEOUT_S",
    "Checked",
    "Link",
    "MasterLink",
    "apply_changes",
    "changes_of",
    "open_link",
    "raise_error",
]

CONNECT_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 120.0
"""A master may have to hash a large folder before its first answer; silence beyond this is a dead one."""

_OWN_DIALECT = 2
"""The version of the dialect that ``<ok jsync="2"/>`` speaks of (``docs/protocol-dialect.md``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What one check did.

    Attributes:
        tree: what the cache holds now.
        applied: the updates that were made, in order; none where nothing was new.
        lacking: how many files the master could not hand out now, so that the cache is behind.
    """

    tree: Folder
    applied: tuple[Applied, ...] = ()
    lacking: int = 0


class Link(Protocol):
    """What a slave needs of a master, whichever dialect is spoken."""

    @property
    def display(self) -> str:
        """The master as logs name it."""

    @property
    def registers_by_fetch(self) -> bool:
        """Whether each fetch is a registration too, and there is no other."""

    async def register(self, slave: Host) -> None:
        """Introduce the slave, where that is not done by its fetches."""

    async def check(self, cache: CacheFolder, *, looks: bool, wake: asyncio.Event) -> Checked:
        """Bring the cache in line with what the master has.

        Args:
            cache: the copy.
            looks: whether to look at what it holds first, or to trust what is known of it.
            wake: set while there is something newer: then it goes before the rest of a big file.
        """

    async def wait_closed(self) -> None:
        """Return, or raise why, when the connection ends while nothing is asked."""

    async def close(self) -> None:
        """Close the connection."""

    def refusal_line(self, text: str) -> str:
        """Return what the original logs where the master answers with an ERROR that says ``text``."""


async def open_link(
    slave: Host,
    master: Host,
    resolver: Resolver,
    *,
    tls: Tls | None = None,
    proof: WakeUpProof | None = None,
    answer_timeout_s: float = ANSWER_TIMEOUT_S,
) -> Link:
    """Connect to the first of the master's addresses that answers; by HTTP only a fetch will show whether one does.

    Args:
        slave: who connects.
        master: to whom.
        resolver: looks up the master's name.
        tls: the slave's; spoken with a master that has it too, and then nothing else is.
        proof: for the wake-ups of who listens for them; it learns the connection's key.
        answer_timeout_s: the longest time in which no byte of an answer comes.

    Raises:
        UnreachableError: none does, or the name is unknown.
        UntrustedError: who answers did not prove to be the master.
    """
    to_master = TlsTo(tls, master.name) if tls is not None and master.tls is not None else None
    if not Inventory.fetches_by_http(slave, master):
        return await MasterLink.connect(
            slave, master, resolver, tls=to_master, proof=proof, answer_timeout_s=answer_timeout_s
        )
    from sync_core.agent.http_link import HttpLink  # noqa: PLC0415 - it brings aiohttp, which most never need

    return await HttpLink.open(slave, master, resolver, tls=to_master, answer_timeout_s=answer_timeout_s)


class MasterLink:
    """One registered, or soon registered, connection.

    Args:
        client: the connection.
        display: the master as logs name it, ``ip/name:port``.
        answer_timeout_s: the longest time in which no byte of an answer comes.
        proof: as for ``open_link``.

    Attributes:
        display: as given.
    """

    registers_by_fetch = False

    def __init__(
        self, client: CommandClient, display: str, *, answer_timeout_s: float, proof: WakeUpProof | None = None
    ) -> None:
        self._client = client
        self._proof = proof
        self._answer_timeout_s = answer_timeout_s
        self._is_jsync = False
        self._dialect: DialectCheck | None = None
        self._names = PlainNames("%s can't be listed to a JobScheduler: its name has characters that it refuses")
        self.display = display

    @classmethod
    async def connect(
        cls,
        slave: Host,
        master: Host,
        resolver: Resolver,
        *,
        tls: TlsTo | None = None,
        proof: WakeUpProof | None = None,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> MasterLink:
        """Connect to the first of the master's addresses that answers; for the rest see ``open_link``.

        Raises:
            UnreachableError: none does, or the name is unknown.
            UntrustedError: who answers did not prove to be the master.
        """
        failure: UnreachableError | None = None
        for ip in await resolver.resolve(master.address, retry_failures=True):
            try:
                client = await CommandClient.connect(
                    ip,
                    master.tcp_port,
                    local_address=choose_source(slave.listen, ip),
                    timeout_s=CONNECT_TIMEOUT_S,
                    tls=tls,
                )
            except UnreachableError as error:
                failure = error
            else:
                shown = display_endpoint(master.address, ip, master.tcp_port)
                return cls(client, shown, answer_timeout_s=answer_timeout_s, proof=proof)
        raise failure or AssertionError("a name that resolves has an address")

    async def register(self, slave: Host) -> None:
        """Introduce the slave (``protocol.md`` section 2); any answer but ERROR agrees.

        Raises:
            RemoteRefusalError: the master does not want it.
            PeerError: its answer makes no sense.
            UnreachableError: it did not answer in time.
        """
        message = Register(
            scheduler_id=slave.scheduler_id,
            tcp_port=slave.tcp_port,
            udp_port=slave.udp_port or 0,
            version=WIRE_VERSION,
        )
        answer = await self._client.register(message, timeout_s=self._answer_timeout_s)
        raise_error(answer)
        known = answer.jsync if isinstance(answer, OkAnswer) else 0
        self._is_jsync = known > 0
        if known >= _OWN_DIALECT:
            # A classic slave does without msgspec.
            from sync_core.agent.dialect_check import DialectCheck  # noqa: PLC0415
            from sync_core.net.dialect_client import DialectConnection  # noqa: PLC0415

            connection = await DialectConnection.take_over(self._client)
            self._dialect = DialectCheck(connection, answer_timeout_s=self._answer_timeout_s, proof=self._proof)

    async def check(self, cache: CacheFolder, *, looks: bool, wake: asyncio.Event) -> Checked:
        """Bring the cache in line with what the master has, in the best dialect that both speak.

        Raises:
            RemoteRefusalError: the master answered with an error.
            PeerError: its answer makes no sense.
            UnsafeNameError: a name can't be listed.
            UnreachableError: it did not answer in time.
            TreeError: the cache can't be read or updated.
        """
        if self._dialect is not None:
            return await self._dialect.check(cache, looks=looks, wake=wake)
        before = await (cache.look() if looks else cache.known())
        listed = before if self._is_jsync else self._names.within(before)
        answer = await self._client.fetch(FetchUpdatedFiles(listed=listed), timeout_s=self._answer_timeout_s)
        return await apply_changes(cache, before, changes_of(answer))

    async def wait_closed(self) -> None:
        """Return, or raise why, when the master ends the connection while nothing is asked.

        Raises:
            UnreachableError: the connection broke, or was closed.
            PeerError: the master sent something that nobody asked for.
        """
        await (self._dialect or self._client).wait_closed()

    async def close(self) -> None:
        """Close the connection."""
        await (self._dialect or self._client).close()

    def refusal_line(self, text: str) -> str:
        """Return SCHEDULER-223 with the master's words (``protocol.md`` section 5.4)."""
        return message("SCHEDULER-223", self.display, text)


async def apply_changes(cache: CacheFolder, before: Folder, changes: Changes) -> Checked:
    """Bring the cache in line with a classic answer, whose contents came with it.

    Raises:
        UnsafeNameError, TooManyRemovalsError, FileTroubleError: as ``CacheFolder.apply``.
    """
    contents = {change.path: change.content for change in changes if isinstance(change, WriteFile)}
    applied = await cache.apply(changes, contents)
    return Checked(tree=before if applied.is_empty else applied.tree, applied=(applied,))


def changes_of(answer: Answer) -> Changes:
    """Return what a fetch brought; an answer of another kind means that nothing changed (``protocol.md`` section 5.4).

    Raises:
        RemoteRefusalError: it is an ERROR.
    """
    raise_error(answer)
    return answer.changes if isinstance(answer, ChangesAnswer) else ()


def raise_error(answer: Answer) -> None:
    """Raise what an ERROR answer says.

    Raises:
        RemoteRefusalError: it is one.
    """
    if isinstance(answer, ErrorAnswer):
        raise RemoteRefusalError(answer.code, answer.text)
