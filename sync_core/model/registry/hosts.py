"""Which addresses the hosts have that are named somewhere, as far as it is known by now."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from sync_core.model.security import IpAddress, parse_ip

__all__ = ["Hosts", "KnownHost"]

U = TypeVar("U", bound=Hashable)


class KnownHost(NamedTuple):
    """What is known of one name: the addresses when it was last known, and whether there was an answer at all.

    ``failure``: why it has no address now; empty where it has.
    """

    addresses: frozenset[IpAddress] = frozenset()
    is_known: bool = False
    failure: str = ""


@dataclass(slots=True)
class _Used(Generic[U]):
    known: KnownHost
    users: set[U]


class Hosts(Generic[U]):
    """The names that are used, and what is known of each. Literal addresses are known at once, and never asked for."""

    def __init__(self) -> None:
        self._hosts: dict[str, _Used[U]] = {}

    def get(self, name: str) -> KnownHost:
        """Return what is known of a name."""
        used = self._hosts.get(name)
        if used is not None:
            return used.known
        literal = parse_ip(name)
        return KnownHost() if literal is None else KnownHost(frozenset((literal,)), True)

    def users(self, name: str) -> tuple[U, ...]:
        """Return who uses a name that is no literal."""
        used = self._hosts.get(name)
        return tuple(used.users) if used is not None else ()

    def use(self, name: str, user: U) -> KnownHost:
        """Note that ``user`` uses ``name``, and return what is known of it."""
        known = self.get(name)
        if name in self._hosts:
            self._hosts[name].users.add(user)
        elif not known.is_known:
            self._hosts[name] = _Used(known, {user})
        return known

    def leave(self, name: str, user: U) -> None:
        """Note that ``user`` uses ``name`` no more; a name without users is forgotten."""
        used = self._hosts.get(name)
        if used is not None:
            used.users.discard(user)
            if not used.users:
                del self._hosts[name]

    def names(self) -> tuple[str, ...]:
        """Return all names that are used."""
        return tuple(self._hosts)

    def wanted(self) -> tuple[str, ...]:
        """Return those for which there was no answer yet."""
        return tuple(name for name, used in self._hosts.items() if not used.known.is_known)

    def learn(self, name: str, addresses: Iterable[IpAddress], failure: str) -> None:
        """Take an answer for a name that is used; a failure takes no address away."""
        used = self._hosts.get(name)
        if used is not None:
            found = used.known.addresses if failure else frozenset(addresses)
            used.known = KnownHost(found, True, failure)
