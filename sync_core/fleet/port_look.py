"""One port check at one address: probe it from its source and look at its far side (``cli.md`` section 4)."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from sync_core.fleet.outposts import Post
from sync_core.model.inventory import Host
from sync_core.model.probe import Counted, FarSide, Outcome, ProbeResult, Protocol
from sync_core.model.required_ports import PortCheck
from sync_core.model.security import IpAddress, parse_ip
from sync_core.net.addresses import choose_source
from sync_core.net.outpost import DATAGRAMS, Counts, a_probe

__all__ = ["Looker", "Seen", "is_own"]

_WAKE_UP = "<check_folders/>"
_ROUNDS = (DATAGRAMS, DATAGRAMS + 2, DATAGRAMS + 1)
"""Datagrams per round of counting: numbers that other traffic does not hit by chance, twice."""
_AFTER_S = 0.5
"""How long the last datagram of a round may take to arrive."""
_PAUSE_S = 0.1
_AGAIN_S = 2.0
_REFUSAL_S = 1.5
_UNREAD_S = 3.0
"""A JobScheduler may pause for a second between two steps."""
_LOOKS = 6
_ANY = {4: parse_ip("0.0.0.0"), 6: parse_ip("::")}  # noqa: S104 - for the time of a check


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A check at one address with what came of it.

    Attributes:
        check: which.
        address: of the target.
        source: where it started.
        target: where the far side was looked at, if that was possible.
        probe: what the source saw.
        far_side: what the look at the target showed.
        has_arrived: for an address that is not the target's own: whether it was reached all the same.
    """

    check: PortCheck
    address: IpAddress
    source: Post
    target: Post
    probe: ProbeResult
    far_side: FarSide | None = None
    has_arrived: bool | None = None

    @property
    def needs_counters(self) -> bool:
        """Whether only the kernel's counters on the target can tell."""
        is_udp = self.check.protocol is Protocol.UDP
        is_open_question = self.far_side is not None and self.far_side.arrivals is None
        is_bound = self.far_side is not None and bool(self.far_side.listeners) and self.far_side.is_held is not False
        return is_udp and self.probe.outcome is Outcome.SILENT and is_open_question and is_bound


class Looker:
    """Makes the probes of one run.

    Args:
        timeout_s: for each probe.
        unread_s: how long what arrived may wait for its reader.
    """

    def __init__(self, timeout_s: float, *, unread_s: float = _UNREAD_S) -> None:
        self._timeout_s = timeout_s
        self._unread_s = unread_s
        # Two temporary listeners can't share a port, and counters are those of a whole machine: checks take turns.
        self._turns: defaultdict[tuple[object, ...], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def look(self, check: PortCheck, address: IpAddress, source: Post, target: Post) -> Seen:
        """Probe ``address`` from ``source``; look at the far side where the probe alone does not say."""
        if check.protocol is Protocol.TCP:
            return await self._tcp(check, address, source, target)
        return await self._udp(check, address, source, target)

    async def count(self, seen: Seen) -> Counted | None:
        """Return what the counters of the target say; other checks of datagrams to it must be over.

        What arrives is read (and counted), waits, or is dropped at the socket. Fewer than were sent prove that packets
        vanish; exactly as many, twice with different numbers, that they arrive. Anything else is other traffic.
        """
        target = seen.target.outpost
        is_same = seen.source.outpost.machine == target.machine
        answered: list[bool] = []
        async with self._turns["count", target.machine]:
            for times in _ROUNDS:
                before = await target.count(seen.address, seen.check.port)
                await self._send(seen, times)
                after = await target.count(seen.address, seen.check.port)
                if before is None or after is None:
                    return None
                if after.waiting_bytes > before.waiting_bytes or after.dropped > before.dropped:
                    return Counted.UNREAD if await self._stays_unread(seen) else Counted.ARRIVED
                read = after.read - before.read
                if read < times:
                    return Counted.VANISHED
                if read == times:
                    answered.append(_sent(before, after, times if is_same else 0) > 0)
                if len(answered) == 2:
                    return Counted.ANSWERED if any(answered) else Counted.ARRIVED
        return None

    async def _stays_unread(self, seen: Seen) -> bool:
        """Return whether nobody reads what waits at the port, though there was time for it."""
        for _ in range(_LOOKS):
            await asyncio.sleep(self._unread_s / _LOOKS)
            counts = await seen.target.outpost.count(seen.address, seen.check.port)
            if counts is None or not counts.waiting_bytes:
                return False
        return True

    async def _send(self, seen: Seen, times: int) -> None:
        await seen.source.outpost.probe_udp(
            seen.address,
            seen.check.port,
            timeout_s=times * _PAUSE_S + _AFTER_S,
            source_ip=_source_ip(seen.check, seen.address, seen.source),
            datagram=_datagram(seen.far_side),
            times=times,
        )

    async def _tcp(self, check: PortCheck, address: IpAddress, source: Post, target: Post) -> Seen:
        there = target.on_host
        source_ip = _source_ip(check, address, source)
        has_arrived = None

        async def connect() -> ProbeResult:
            return await source.outpost.probe_tcp(
                address, check.port, timeout_s=self._timeout_s, source_ip=source_ip, tls=_tls(check)
            )

        if there is not None and not is_own(address, source, target):
            async with there.watching(address, check.port) as arrivals:
                probe = await connect()
            has_arrived = arrivals is not None and bool(arrivals.senders)
        else:
            probe = await connect()
        far_side = None
        if there is not None and probe.outcome is Outcome.REFUSED:
            far_side = await self._refused_there(check, address, source, target)
        elif there is not None and (probe.is_mute or probe.outcome is Outcome.SILENT):
            # A process that hangs lets the kernel take connections, until its queue is full and it says nothing more.
            listeners, is_held = await there.look(Protocol.TCP, address, check.port)
            if any(one.waiting for one in listeners):
                far_side = FarSide(listeners=listeners, is_held=is_held, is_untaken=True)
        return Seen(
            check=check,
            address=address,
            source=source,
            target=target,
            probe=probe,
            far_side=far_side,
            has_arrived=has_arrived,
        )

    async def _refused_there(self, check: PortCheck, address: IpAddress, source: Post, target: Post) -> FarSide:
        """Return what a look at the target shows, and whether a listener that waits there for a moment is reached."""
        there, at = target.outpost, _bound_at(address, check.target, source, target)
        async with self._turns[Protocol.TCP, there.machine, at.version, check.port]:
            listeners, is_held = await there.look(Protocol.TCP, at, check.port)
            if is_held is not False:
                return FarSide(listeners=listeners, is_held=is_held)
            async with there.listening(Protocol.TCP, at, check.port) as arrivals:
                if arrivals is not None:
                    await source.outpost.probe_tcp(
                        address,
                        check.port,
                        timeout_s=min(self._timeout_s, _AGAIN_S),
                        source_ip=_source_ip(check, address, source),
                        is_asking=False,
                    )
        senders = None if arrivals is None else arrivals.addresses
        return FarSide(listeners=listeners, is_held=is_held, arrivals=senders)

    async def _udp(self, check: PortCheck, address: IpAddress, source: Post, target: Post) -> Seen:
        there = target.on_host
        if there is None:
            probe = await self._ask_udp(check, address, source, a_probe())
            return Seen(check=check, address=address, source=source, target=target, probe=probe)
        at = _bound_at(address, check.target, source, target)
        async with self._turns[Protocol.UDP, there.machine, at.version, check.port]:
            listeners, is_held = await there.look(Protocol.UDP, at, check.port)
            far_side = FarSide(listeners=listeners, is_held=is_held)
            datagram = _datagram(far_side)
            has_arrived = None
            if is_held is False:
                datagram = a_probe()
                async with there.listening(Protocol.UDP, at, check.port, datagram=datagram) as arrivals:
                    probe = await self._ask_udp(check, address, source, datagram)
                if arrivals is not None:
                    far_side = FarSide(listeners=listeners, is_held=is_held, arrivals=arrivals.addresses)
                    has_arrived = bool(arrivals.senders)
            else:
                probe = await self._ask_udp(check, address, source, datagram)
        return Seen(
            check=check,
            address=address,
            source=source,
            target=target,
            probe=probe,
            far_side=None if probe.outcome is Outcome.ECHO else far_side,
            has_arrived=has_arrived,
        )

    async def _ask_udp(self, check: PortCheck, address: IpAddress, source: Post, datagram: str) -> ProbeResult:
        return await source.outpost.probe_udp(
            address,
            check.port,
            # To a wake-up nobody answers: only a refusal can come, which IPv6 sends after a second.
            timeout_s=min(self._timeout_s, _REFUSAL_S) if datagram == _WAKE_UP else self._timeout_s,
            source_ip=_source_ip(check, address, source),
            datagram=datagram,
        )


def is_own(address: IpAddress, source: Post, target: Post) -> bool:
    """Whether ``address`` is the target's own; a loopback one only where source and target are one machine."""
    if address.is_loopback and source.outpost.machine != target.outpost.machine:
        return False
    return address.is_loopback or address in target.outpost.addresses


def _bound_at(address: IpAddress, host: Host, source: Post, target: Post) -> IpAddress:
    """Return the address that leads to a socket of the target where ``address`` arrives: behind a NAT, another one."""
    if is_own(address, source, target):
        return address
    listen = parse_ip(host.listen) if host.listen else None
    any_address = _ANY[address.version] or address
    return listen if listen is not None and listen.version == address.version else any_address


def _datagram(far_side: FarSide | None) -> str:
    """Return what is sent: a probe, but to something that is known not to be ours only what masters send."""
    return _WAKE_UP if far_side is not None and far_side.listeners and far_side.is_agent is False else a_probe()


def _tls(check: PortCheck) -> Mapping[str, str] | None:
    """Return what the source speaks TLS with, where both ends have it."""
    own = check.source.tls
    if own is None or check.target.tls is None:
        return None
    return {"cert": str(own.cert), "key": str(own.key), "ca": str(own.ca), "name": check.target.name}


def _source_ip(check: PortCheck, address: IpAddress, source: Post) -> IpAddress | None:
    return choose_source(check.source.listen, address) if source.on_host is not None else None


def _sent(before: Counts, after: Counts, own: int) -> int:
    return after.sent - before.sent - own
