"""What a target's ``allowed_hosts`` let the source of a check do, as far as the inventory says it.

A probe asks only what changes nothing, and for that the level ``info`` is enough; a registration needs more.
"""

from __future__ import annotations

import asyncio

from sync_core.agent.commands import LEVELS
from sync_core.fleet.port_look import Seen
from sync_core.model.errors import HostError, PeerError
from sync_core.model.probe import Outcome, Purpose
from sync_core.model.security import IpAddress, Level, Policy, parse_ip
from sync_core.protocol.messages import Register

__all__ = ["low_level"]

_REGISTERING = LEVELS[Register]


async def low_level(seen: Seen) -> Level | None:
    """Return the level at which the target takes the source's connections and refuses its registration.

    ``None`` where it is high enough, or not known: the inventory does not declare it, a name in it can't be resolved,
    or the source would not have got in at all by it, so that the target sees it as somebody else.
    """
    declared = seen.check.target.allowed_hosts
    source_ip = seen.probe.source_ip
    is_in = seen.check.purpose is Purpose.REGISTRATION and seen.probe.outcome is Outcome.CONNECTED
    if declared is None or source_ip is None or seen.source.on_host is None or not is_in:
        return None
    try:
        found = await asyncio.gather(*(_addresses(seen, entry.host) for entry in declared))
    except (HostError, PeerError):
        return None
    pairs = zip(declared, found, strict=True)
    level = Policy((ip, entry.level) for entry, ips in pairs for ip in ips).level_of(source_ip)
    return level if Level.NONE < level < _REGISTERING else None


async def _addresses(seen: Seen, name: str) -> tuple[IpAddress, ...]:
    """Return what a name of the list means to the target, or to the source where the target can't be asked."""
    literal = parse_ip(name)
    there = seen.target.on_host or seen.source.outpost
    return (literal,) if literal is not None else await there.resolve(name)
