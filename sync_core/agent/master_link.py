"""A slave's connection to one of its masters."""

from __future__ import annotations

from sync_core.model.change import Changes
from sync_core.model.errors import RemoteRefusalError, UnreachableError
from sync_core.model.inventory import Host
from sync_core.model.manifest import Manifest
from sync_core.net.addresses import choose_source
from sync_core.net.client import CommandClient
from sync_core.net.resolve import Resolver, display_endpoint
from sync_core.protocol.messages import Answer, ChangesAnswer, ErrorAnswer, FetchUpdatedFiles, Register
from sync_core.version import WIRE_VERSION

__all__ = ["ANSWER_TIMEOUT_S", "CONNECT_TIMEOUT_S", "MasterLink"]

CONNECT_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 120.0
"""A master may have to hash a large folder before its first answer; silence beyond this is a dead one."""


class MasterLink:
    """One registered, or soon registered, connection.

    Args:
        client: the connection.
        display: the master as logs name it, ``ip/name:port``.
        answer_timeout_s: the longest time in which no byte of an answer comes.
    """

    def __init__(self, client: CommandClient, display: str, *, answer_timeout_s: float) -> None:
        self._client = client
        self._answer_timeout_s = answer_timeout_s
        self.display = display

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
        _raise_error(await self._client.register(message, timeout_s=self._answer_timeout_s))

    async def fetch(self, listed: Manifest) -> Changes:
        """Return what the master has that differs from ``listed`` (``protocol.md`` section 3).

        Raises:
            RemoteRefusalError: the master answered with an error.
            PeerError: its answer makes no sense.
            UnsafeNameError: it names something that must not reach a file system.
            UnreachableError: it did not answer in time.
        """
        answer = await self._client.fetch(FetchUpdatedFiles(listed=listed), timeout_s=self._answer_timeout_s)
        _raise_error(answer)
        return answer.changes if isinstance(answer, ChangesAnswer) else ()

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


def _raise_error(answer: Answer) -> None:
    if isinstance(answer, ErrorAnswer):
        raise RemoteRefusalError(answer.code, answer.text)
