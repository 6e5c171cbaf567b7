"""What a check can do on a host, here or behind SSH: probe, look, listen, count, read firewalls."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from sync_core.model.errors import UnreachableError
from sync_core.model.firewall.judgement import printable
from sync_core.model.firewall.reader import ToolOutput
from sync_core.model.probe import Listener, Outcome, ProbeResult, Protocol
from sync_core.model.security import IpAddress
from sync_core.net.datagrams import heard, probe_datagram
from sync_core.net.facts import addresses_of, listeners_of, number_of, senders_of, tcp_result, tools_of, udp_result
from sync_core.net.far import FarSession
from sync_core.net.resolve import LOOKUP_TIMEOUT_S
from sync_core.net.runner import Runner

__all__ = ["DATAGRAMS", "Arrivals", "Counts", "Outpost", "a_probe"]

DATAGRAMS = 5
"""Sent per UDP probe; one alone may be lost by chance."""
_STEP_S = 10.0
"""For an answer that needs no network."""
_FIREWALLS_S = 60.0
_MARGIN_S = 5.0
_QUESTION = "<check_folders/>"


@dataclass(slots=True)
class Arrivals:
    """Who reached a temporary listener; complete when it is over.

    Attributes:
        senders: address and port of each datagram or connection.
    """

    senders: tuple[tuple[IpAddress, int], ...] = ()

    @property
    def addresses(self) -> tuple[IpAddress, ...]:
        """The senders' addresses, each once."""
        return tuple(dict.fromkeys(address for address, _ in self.senders))


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The kernel's counters at one moment.

    Attributes:
        read: datagrams that processes of that machine took.
        sent: that they sent.
        waiting_bytes: at the sockets of the port.
        dropped: datagrams that these threw away.
    """

    read: int
    sent: int
    waiting_bytes: int
    dropped: int


class Outpost:
    """A host that checks can work on. ``open`` it, use it for many checks at once, ``close`` it."""

    def __init__(self, session: FarSession, runner: Runner, *, machine: str, addresses: frozenset[IpAddress]) -> None:
        self._session = session
        self._runner = runner
        self._numbers = itertools.count(1)
        self._firewalls: asyncio.Task[Mapping[str, ToolOutput]] | None = None
        self.machine = machine
        """Equal for outposts that share their network."""
        self.addresses = addresses
        """The host's own, loopback included."""

    @classmethod
    async def open(cls, runner: Runner, *, python: str, deadline_s: float) -> Outpost:
        """Start the program on a host. The runner belongs to the outpost from now on, also when this fails.

        Args:
            runner: of that host.
            python: the interpreter there.
            deadline_s: when the program ends by itself, whatever happens.

        Raises:
            UnreachableError: the host can't be reached.
            HostError: the program can't run there.
            PeerError: what it says makes no sense.
        """
        try:
            session = await FarSession.open(runner, python=python, deadline_s=deadline_s)
            try:
                facts = await session.ask("hello", _STEP_S)
                return cls(
                    session,
                    runner,
                    machine=str(facts.get("machine")),
                    addresses=frozenset(addresses_of(facts.get("addresses"))),
                )
            except BaseException:
                await session.close()
                raise
        except BaseException:
            await runner.close()
            raise

    async def close(self) -> None:
        """End the program and let go of the host; may be called twice."""
        if self._firewalls is not None:
            self._firewalls.cancel()
            await asyncio.gather(self._firewalls, return_exceptions=True)
        await self._session.close()
        await self._runner.close()

    async def resolve(self, name: str) -> tuple[IpAddress, ...]:
        """Return the addresses of ``name`` as this host's resolver knows them.

        Raises:
            UnreachableError: there is no such name there, or nobody told it in time.
        """
        facts = await self._session.ask("resolve", LOOKUP_TIMEOUT_S, name=name)
        if "failure" in facts:
            raise UnreachableError(f"cannot resolve {name!r}: {printable(str(facts['failure']))}")
        return addresses_of(facts.get("addresses"))

    async def interface_to(self, address: IpAddress) -> str | None:
        """Return the interface by which this host reaches ``address``; ``None`` if that is not known."""
        facts = await self._session.ask("route", _STEP_S, address=str(address))
        name = facts.get("interface")
        return name if isinstance(name, str) else None

    async def probe_tcp(
        self,
        address: IpAddress,
        port: int,
        *,
        timeout_s: float,
        source_ip: IpAddress | None = None,
        is_asking: bool = True,
        tls: Mapping[str, str] | None = None,
    ) -> ProbeResult:
        """Connect from this host, see who is there, and close.

        Args:
            address: where to.
            port: likewise.
            timeout_s: for the connection; below 1.1 s a reject by IPv6 is taken for a drop.
            source_ip: our address there; ``None`` leaves it to the system.
            is_asking: whether the harmless ``<check_folders/>`` may be sent, to learn who answers.
            tls: ask in TLS: where ``cert``, ``key`` and ``ca`` are on this host, and the peer's ``name``.
        """
        facts = await self._session.ask(
            "tcp",
            timeout_s + _MARGIN_S,
            address=str(address),
            port=port,
            timeout_s=timeout_s,
            source=_text(source_ip),
            question=_QUESTION if is_asking else None,
            **({} if tls is None else {"tls": dict(tls)}),
        )
        return tcp_result(facts, address, port)

    async def probe_udp(
        self,
        address: IpAddress,
        port: int,
        *,
        timeout_s: float,
        source_ip: IpAddress | None = None,
        datagram: str,
        times: int = DATAGRAMS,
    ) -> ProbeResult:
        """Send a datagram several times from this host, until an answer or an error comes back or the time is over.

        Args:
            address: where to.
            port: likewise.
            timeout_s: for all of it.
            source_ip: our address there; ``None`` leaves it to the system.
            datagram: what is sent: a probe, or the harmless ``<check_folders/>``.
            times: how often.
        """
        outcomes = {datagram: Outcome.ECHO, _heard(datagram): Outcome.HEARD}
        facts = await self._session.ask(
            "udp",
            timeout_s + _MARGIN_S,
            address=str(address),
            port=port,
            timeout_s=timeout_s,
            source=_text(source_ip),
            datagrams=[datagram] * times,
            replies=list(outcomes),
        )
        return udp_result(facts, address, port, outcomes)

    async def look(self, protocol: Protocol, address: IpAddress, port: int) -> tuple[tuple[Listener, ...], bool | None]:
        """Return who waits on ``port``, and whether ``address`` is taken there (``None``: that can't be known)."""
        facts = await self._session.ask("look", _STEP_S, protocol=protocol.value, address=str(address), port=port)
        is_held = facts.get("is_held")
        return listeners_of(facts), is_held if isinstance(is_held, bool) else None

    @contextlib.asynccontextmanager
    async def listening(
        self, protocol: Protocol, address: IpAddress, port: int, *, datagram: str = ""
    ) -> AsyncIterator[Arrivals | None]:
        """Listen on this very address and port, answer ``datagram`` with "heard", and be gone afterwards.

        Yields:
            Who arrives, or ``None`` if the address and port can't be bound.
        """
        answers = {datagram: _heard(datagram)} if datagram else {}
        async with self._noting(protocol.value, address, port, answers) as arrivals:
            yield arrivals

    @contextlib.asynccontextmanager
    async def watching(self, address: IpAddress, port: int) -> AsyncIterator[Arrivals | None]:
        """Note who connects by TCP to a ``port`` that somebody else holds; nothing is bound."""
        async with self._noting("watch", address, port, {}) as arrivals:
            yield arrivals

    @contextlib.asynccontextmanager
    async def _noting(
        self, kind: str, address: IpAddress, port: int, answers: dict[str, str]
    ) -> AsyncIterator[Arrivals | None]:
        number = next(self._numbers)
        facts = await self._session.ask(
            "listen", _STEP_S, number=number, kind=kind, address=str(address), port=port, answers=answers
        )
        if not facts.get("is_listening"):
            yield None
            return
        arrivals = Arrivals()
        try:
            yield arrivals
        finally:
            arrivals.senders = senders_of(await self._session.ask("stop", _STEP_S, number=number))

    async def count(self, address: IpAddress, port: int) -> Counts | None:
        """Return the kernel's counters for the family of ``address``; ``None`` where there are none."""
        facts = await self._session.ask("count", _STEP_S, family=address.version, port=port)
        if "read" not in facts:
            return None
        return Counts(**{name: number_of(facts, name) for name in ("read", "sent", "waiting_bytes", "dropped")})

    async def firewalls(self) -> Mapping[str, ToolOutput]:
        """Return what the firewall tools of this host print; they are asked once."""
        if self._firewalls is None:
            self._firewalls = asyncio.create_task(self._read_firewalls())
        # Shielded: many checks wait for it, and one of them may give up.
        return await asyncio.shield(self._firewalls)

    async def _read_firewalls(self) -> Mapping[str, ToolOutput]:
        return tools_of(await self._session.ask("firewalls", _FIREWALLS_S))


def a_probe() -> str:
    """Return a probe that nobody can guess."""
    return probe_datagram(secrets.token_hex(16)).decode("ascii")


def _heard(datagram: str) -> str:
    return heard(datagram.encode("ascii")).decode("ascii")


def _text(address: IpAddress | None) -> str | None:
    return None if address is None else str(address)
