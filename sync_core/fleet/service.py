"""The systemd unit of a host's agent, for an administrator to read, to change and to install."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sync_core.fleet.places import connection_of
from sync_core.fleet.unit_file import Unit, unit_name, unit_text
from sync_core.model.errors import UsageError
from sync_core.model.inventory import Connection, Host, Inventory

__all__ = ["Service", "service_of"]

_STATE_FOLDER = Path("/var/lib/jsync")
_INVENTORY_ELSEWHERE = Path("/etc/jsync/jsync.yaml")
_COMMANDS_ELSEWHERE = Path("/usr/local/bin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A unit.

    Attributes:
        name: of its file.
        text: the file.
    """

    name: str
    text: str


def service_of(
    inventory: Inventory, host: Host, *, command: Sequence[str], environ: Mapping[str, str], user: str
) -> Service:
    """Return the unit of a host's agent as the service manager of its machine needs it.

    Args:
        inventory: where the host is declared.
        host: a master or a slave; of another machine, the unit is for that one.
        command: this jsync, for a host of this machine.
        environ: variables that the agent needs.
        user: who shall run it.

    Raises:
        UsageError: the host has no agent.
    """
    if host.connection is Connection.NONE:
        raise UsageError(f"{host.name} has `connection: none`: it has no agent of ours", host=host.name)
    head, sources = f"# /etc/systemd/system/{unit_name(host.name)}\n", inventory.sources
    if connection_of(host) is not Connection.LOCAL:
        command, environ, sources = (_absolute(host.jsync),), {}, (_INVENTORY_ELSEWHERE,)
        head += f"# For {host.address}, with an inventory of its own in {_INVENTORY_ELSEWHERE}.\n"
    words = (*command, "agent", host.name, *(word for source in sources for word in ("-i", str(source))))
    unit = Unit(host=host, command=words, state_folder=_STATE_FOLDER, environ=environ, user=user)
    return Service(name=unit_name(host.name), text=head + unit_text(unit))


def _absolute(jsync: str) -> str:
    return jsync if jsync.startswith("/") else str(_COMMANDS_ELSEWHERE / jsync)
