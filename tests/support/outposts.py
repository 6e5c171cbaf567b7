"""Outposts for tests: real programs on this machine that may pretend to stand elsewhere and know names from a table."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from sync_core.fleet.access import Access
from sync_core.fleet.outposts import Opener
from sync_core.model.errors import UnreachableError
from sync_core.model.security import IpAddress, parse_ip
from sync_core.net.outpost import Outpost
from sync_core.net.runner import LocalRunner

__all__ = ["NamedOutpost", "opener_of"]

Table = Mapping[str, Sequence[str]]


class NamedOutpost(Outpost):
    """An outpost whose name service is a table."""

    names: Table = MappingProxyType({})

    async def resolve(self, name: str) -> tuple[IpAddress, ...]:
        if name not in self.names:
            raise UnreachableError(f"cannot resolve {name!r}: Name or service not known")
        return tuple(ip for ip in map(parse_ip, self.names[name]) if ip is not None)


def opener_of(
    names: Table | None = None,
    *,
    elsewhere: Mapping[str, Table] | None = None,
    addresses: Mapping[str, Sequence[str]] | None = None,
    opened: list[Access] | None = None,
) -> Opener:
    """Return an opener of outposts on this machine.

    Args:
        names: what the name service of this machine knows.
        elsewhere: hosts that can be reached by SSH, by address, with what their name services know; they pass for
            other machines. All others can't be reached.
        addresses: what such a host says its own addresses are; this machine's by default.
        opened: takes note of what is opened.
    """

    async def open_(access: Access) -> Outpost:
        if opened is not None:
            opened.append(access)
        if access.address is not None and access.address not in (elsewhere or {}):
            raise UnreachableError(f"SSH to {access.address}: Connection refused", hint="start sshd")
        outpost = await NamedOutpost.open(LocalRunner(), python=sys.executable, deadline_s=60)
        assert isinstance(outpost, NamedOutpost)
        if access.address is None:
            outpost.names = names or {}
        else:
            outpost.names = (elsewhere or {})[access.address]
            outpost.machine = access.address
            if addresses is not None and access.address in addresses:
                own = (parse_ip(text) for text in addresses[access.address])
                outpost.addresses = frozenset(ip for ip in own if ip is not None)
        return outpost

    return open_
