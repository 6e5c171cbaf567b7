"""What an inventory declares, as values: hosts, groups, settings and where each came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sync_core.model.rights import CacheRights
from sync_core.model.security import AllowedHost

__all__ = [
    "SOURCE_SEPARATOR",
    "Connection",
    "Dialect",
    "Group",
    "Host",
    "Inventory",
    "MaxDelete",
    "Role",
    "Setting",
    "SshSettings",
    "TlsFiles",
]


SOURCE_SEPARATOR = ", "
"""Between the sources of an inventory where they make one text."""


class Role(StrEnum):
    """What a host is."""

    MASTER = "master"
    SLAVE = "slave"


class Connection(StrEnum):
    """How jsync works on a host: here, by SSH, or not at all (only its ports are reached)."""

    LOCAL = "local"
    SSH = "ssh"
    NONE = "none"


class Dialect(StrEnum):
    """How a host is spoken to."""

    AUTO = "auto"
    CLASSIC = "classic"
    HTTP = "http"


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxDelete:
    """Most files that one burst of removals may take: a number, or a percentage of the files in the cache before."""

    number: int
    is_percentage: bool

    def limit(self, files_before: int) -> int:
        """Return how many of ``files_before`` files may go; percentages round up, so a single file always may."""
        if self.is_percentage:
            return -(-files_before * self.number // 100)
        return self.number

    def __str__(self) -> str:
        return f"{self.number}%" if self.is_percentage else str(self.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class SshSettings:
    """How to reach a host by SSH; ``None`` leaves it to ssh's own configuration."""

    user: str | None = None
    port: int | None = None
    key: Path | None = None
    config: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Where a host has what it speaks TLS with.

    Attributes:
        cert: its certificate, which holds the host's name in the inventory.
        key: the private key to it.
        ca: the certificates of those whose word it takes for others.
    """

    cert: Path
    key: Path
    ca: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One master or slave with every value resolved (``cli.md`` section 1 explains each).

    Attributes:
        name: the inventory's name.
        udp_port: the wake-up port, ``None`` where there is none.
        remote: a master's folder; ``None`` only for slaves and with ``connection: none``.
        cache: a slave's folder; ``None`` only for masters and with ``connection: none``.
        masters: a slave's masters by name, in the order in which they are tried; empty for masters.
        connection: ``None`` where nobody said it; then it is decided when it is needed.
        rights: what a slave's copy gets against what its master says; masters have none.
        allowed_hosts: the declared list; ``None`` for the default of ``cli.md``.
        any_address: whether a slave is known by its scheduler id alone, wherever it comes from.
        tls: ``None`` where the host speaks in plain. Of a peer on another machine only that it has some counts.
        trust_path: whether it does not matter who else may write above ``remote`` or ``cache``.
    """

    name: str
    role: Role
    address: str
    tcp_port: int
    udp_port: int | None
    listen: str | None
    remote: Path | None
    cache: Path | None
    dialect: Dialect
    masters: tuple[str, ...]
    scheduler_id: str
    folder: str | None
    interval_s: float
    connection: Connection | None
    ssh: SshSettings
    become: bool
    jsync: str
    allowed_hosts: tuple[AllowedHost, ...] | None
    tcp_required: bool
    udp_required: bool
    max_delete: MaxDelete
    rights: CacheRights
    any_address: bool = False
    tls: TlsFiles | None = None
    trust_path: bool = False

    @property
    def is_master(self) -> bool:
        """Whether the host is a master."""
        return self.role is Role.MASTER


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One value that somebody set, and where.

    Attributes:
        value: as written, after aliases, ``{n}`` and ``{name}`` were resolved; a path that is relative to another
            folder than that of the inventory's first source is written out.
        written_as: the variable as the author called it: its name, or an alias.
        origin: the group's or host's name that it comes from.
        file: the file that holds it, as the user named it.
        line: 1-based.
        column: 1-based.
    """

    value: object
    written_as: str
    origin: str
    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group as Ansible understands it; ``all``, ``masters``, ``slaves`` or any other.

    ``hosts`` are those listed directly in it, ranges expanded, ``children`` its child groups, both in file order.
    """

    name: str
    hosts: tuple[str, ...]
    children: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """Everything that one inventory declares.

    Attributes:
        sources: the files or folders that it was read from, absolute, in the order in which they were named.
        hosts: by name, in file order.
        groups: by name, in file order; ``all`` and ``ungrouped`` always exist.
        settings: per host the values that somebody set, by canonical variable name, inherited ones included.
        warnings: what is legal but deserves a word on stderr.
    """

    sources: tuple[Path, ...]
    hosts: Mapping[str, Host]
    groups: Mapping[str, Group]
    settings: Mapping[str, Mapping[str, Setting]]
    warnings: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """What tells this inventory from others: its sources in order. A host belongs to all of them together."""
        return SOURCE_SEPARATOR.join(map(str, self.sources))

    @property
    def masters(self) -> tuple[Host, ...]:
        """The masters, in file order."""
        return tuple(host for host in self.hosts.values() if host.is_master)

    @property
    def slaves(self) -> tuple[Host, ...]:
        """The slaves, in file order."""
        return tuple(host for host in self.hosts.values() if not host.is_master)

    def masters_of(self, slave: Host) -> tuple[Host, ...]:
        """Return the masters of ``slave`` in the order in which it tries them."""
        return tuple(self.hosts[name] for name in slave.masters)

    @staticmethod
    def fetches_by_http(slave: Host, master: Host) -> bool:
        """Return whether ``slave`` fetches from ``master`` by HTTP: one of them has to be spoken to in that way."""
        return Dialect.HTTP in {slave.dialect, master.dialect}

    def slaves_of(self, master: Host) -> tuple[Host, ...]:
        """Return the slaves that name ``master``, in file order."""
        return tuple(slave for slave in self.slaves if master.name in slave.masters)
