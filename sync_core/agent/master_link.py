"""A slave's connection to one of its masters."""

from __future__ import annotations

from typing import Protocol

from sync_core.model.change import Changes
from sync_core.model.errors import RemoteRefusalError, UnreachableError
from sync_core.model.inventory import Host, Inventory
from sync_core.model.manifest import Manifest
from sync_core.net.addresses import choose_source
from sync_core.net.client import CommandClient
from sync_core.net.resolve import Resolver, display_endpoint
from sync_core.protocol.messages import Answer, ChangesAnswer, ErrorAnswer, FetchUpdatedFiles, OkAnswer, Register
from sync_core.protocol.texts import text as message
from sync_core.version import WIRE_VERSION

__all__ = ["ANSWER_TIMEOUT_S", "CONNECT_TIMEOUT_S", "Link", "MasterLink", "changes_of", "open_link", "raise_error"]

CONNECT_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 120.0
"""A master may have to hash a large folder before its first answer; silence beyond this is a dead one."""


class Link(Protocol):
    """What a slave needs of a master, whichever dialect is spoken."""

    @property
    def display(self) -> str:
        """The master as logs name it."""

    @property
    def is_jsync(self) -> bool:
        """Whether the master is jsync, as far as it has said so."""

    @property
    def registers_by_fetch(self) -> bool:
        """Whether each fetch is a registration too, and there is no other."""

    async def register(self, slave: Host) -> None:
        """Introduce the slave, where that is not done by its fetches."""

    async def fetch(self, listed: Manifest) -> Changes:
        """Return what the master has that differs from ``listed``."""

    async def wait_closed(self) -> None:
        """Return, or raise why, when the connection ends while nothing is asked."""

    async def close(self) -> None:
        """Close the connection."""

    def refusal_line(self, text: str) -> str:
        """Return what the original logs where the master answers with an ERROR that says ``text``."""


async def open_link(
    slave: Host, master: Host, resolver: Resolver, *, answer_timeout_s: float = ANSWER_TIMEOUT_S
) -> Link:
    """Connect to the first of the master's addresses that answers; by HTTP only a fetch will show whether one does.

    Raises:
        UnreachableError: none does, or the name is unknown.
    """
    if not Inventory.fetches_by_http(slave, master):
        return await MasterLink.connect(slave, master, resolver, answer_timeout_s=answer_timeout_s)
    from sync_core.agent.http_link import HttpLink  # noqa: PLC0415 - it brings aiohttp, which most never need

    return await HttpLink.open(slave, master, resolver, answer_timeout_s=answer_timeout_s)


class MasterLink:
    """One registered, or soon registered, connection.

    Args:
        client: the connection.
        display: the master as logs name it, ``ip/name:port``.
        answer_timeout_s: the longest time in which no byte of an answer comes.

    Attributes:
        display: as given.
        is_jsync: whether the master is jsync, as it says in its answer to the registration.
    """

    registers_by_fetch = False

    def __init__(self, client: CommandClient, display: str, *, answer_timeout_s: float) -> None:
        self._client = client
        self._answer_timeout_s = answer_timeout_s
        self.display = display
        self.is_jsync = False

    @classmethod
    async def connect(
        cls, slave: Host, master: Host, resolver: Resolver, *, answer_timeout_s: float = ANSWER_TIMEOUT_S
    ) -> MasterLink:
        """Connect to the first of the master's addresses that answers.

        Raises:
            UnreachableError: none does, or the name is unknown.
        """
        failure: UnreachableError | None = None
        for ip in await resolver.resolve(master.address, retry_failures=True):
            try:
                client = await CommandClient.connect(
                    ip, master.tcp_port, local_address=choose_source(slave.listen, ip), timeout_s=CONNECT_TIMEOUT_S
                )
            except UnreachableError as error:
                failure = error
            else:
                shown = display_endpoint(master.address, ip, master.tcp_port)
                return cls(client, shown, answer_timeout_s=answer_timeout_s)
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
        self.is_jsync = isinstance(answer, OkAnswer) and answer.is_jsync

    async def fetch(self, listed: Manifest) -> Changes:
        """Return what the master has that differs from ``listed`` (``protocol.md`` section 3).

        Raises:
            RemoteRefusalError: the master answered with an error.
            PeerError: its answer makes no sense.
            UnsafeNameError: it names something that must not reach a file system.
            UnreachableError: it did not answer in time.
        """
        answer = await self._client.fetch(FetchUpdatedFiles(listed=listed), timeout_s=self._answer_timeout_s)
        return changes_of(answer)

    async def wait_closed(self) -> None:
        """Return, or raise why, when the master ends the connection while nothing is asked.

        Raises:
            UnreachableError: the connection broke, or was closed.
            PeerError: the master sent something that nobody asked for.
        """
        await self._client.wait_closed()

    async def close(self) -> None:
        """Close the connection."""
        await self._client.close()

    def refusal_line(self, text: str) -> str:
        """Return SCHEDULER-223 with the master's words (``protocol.md`` section 5.4)."""
        return message("SCHEDULER-223", self.display, text)


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
