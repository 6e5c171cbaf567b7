"""The variables of an inventory, and the shape of its file: the one model that validates and that makes the schema.

What a host needs beyond that (a master that exists, a cache, a role) is not a matter of shape; ``resolve`` and
``references`` see to it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, RootModel

from sync_core.inventory.values import (
    Address,
    DirMode,
    Expects,
    FileMode,
    Flag,
    FolderName,
    GroupName,
    HostName,
    MasterNames,
    MostRemovals,
    PathText,
    Port,
    PortOrZero,
    Seconds,
    Text,
    UserOrGroup,
)
from sync_core.model.inventory import Role

__all__ = [
    "ALIASES",
    "NOT_BUILT",
    "ONLY_FOR",
    "PASSED_ON",
    "AllowedHostTable",
    "DocumentModel",
    "GroupTable",
    "TlsTable",
    "VariableTable",
    "is_passed_on",
]

ALIASES = {
    "ansible_host": "address",
    "ansible_connection": "connection",
    "ansible_user": "ssh_user",
    "ansible_port": "ssh_port",
    "ansible_ssh_private_key_file": "ssh_key",
    "ansible_become": "become",
}
"""Ansible's words for our variables."""

ONLY_FOR = {
    "remote": Role.MASTER,
    "cache": Role.SLAVE,
    "master": Role.SLAVE,
    "folder": Role.SLAVE,
    "tcp_required": Role.SLAVE,
    "udp_required": Role.SLAVE,
    "max_delete": Role.SLAVE,
    "file_mode": Role.SLAVE,
    "dir_mode": Role.SLAVE,
    "owner": Role.SLAVE,
    "group": Role.SLAVE,
    "any_address": Role.SLAVE,
}
"""The variables that one role has and the other has not."""

NOT_BUILT = frozenset({"validate", "notify"})
"""Variables of ``cli.md`` section 1 that wait for their effect; until then they are refused by name."""

PASSED_ON = ("ansible_", "x_")
"""Names that begin so belong to somebody else: they are kept and shown, never read."""


_STRICT = ConfigDict(defer_build=True, extra="forbid", strict=True)
"""Built when first used: the document's model holds all others, so that most are never needed by themselves."""

_UNSET: Any = None
"""The default of every variable. It is no value: whoever reads a table asks for the fields that were set."""


def is_passed_on(name: str) -> bool:
    """Return whether ``name`` is somebody else's variable (``ansible_…``, ``x_…``)."""
    return name.startswith(PASSED_ON) and name not in ALIASES


def _without_passed_on(value: object) -> object:
    if isinstance(value, dict):
        return {key: item for key, item in value.items() if not is_passed_on(key)}
    return value


def _closed_but_for_passed_on(schema: dict[str, Any]) -> None:
    """Say in the schema what the validators do: pass on others' names, refuse a value given twice by an alias."""
    schema["patternProperties"] = {f"^(?:{'|'.join(PASSED_ON)})": {}}
    schema["allOf"] = [{"not": {"required": [alias, name]}} for alias, name in ALIASES.items()]


class AllowedHostTable(BaseModel):
    """Who may connect, and what they may do."""

    model_config = _STRICT

    host: Annotated[Address, Field(description="a name, an address, or a network's address")]
    level: Annotated[
        Literal["none", "signal", "info", "no_add", "all"],
        Expects("one of none, signal, info, no_add, all"),
        Field(description="what the host may do, ascending: none, signal, info, no_add, all"),
    ]


class TlsTable(BaseModel):
    """What a host speaks TLS with."""

    model_config = _STRICT

    cert: Annotated[PathText, Field(description="its certificate; the name in it is the host's name")]
    key: Annotated[PathText, Field(description="the private key to it, which nobody else may read")]
    ca: Annotated[PathText, Field(description="the certificate of the authority that its peers' certificates are of")]


class VariableTable(BaseModel):
    """The variables of a host, or those that a group gives to all its hosts."""

    model_config = ConfigDict(**_STRICT, json_schema_extra=_closed_but_for_passed_on)

    address: Address = Field(_UNSET, description="where the others reach this host; its name by default")
    tcp_port: Port = Field(_UNSET, description="command port; by default 4440 on masters, 5000 on slaves")
    udp_port: PortOrZero = Field(_UNSET, description="wake-up port, 0 for none; slaves have 5000 by default")
    listen: Address = Field(_UNSET, description="the address to bind; by default all interfaces")
    remote: PathText = Field(_UNSET, description="master: the folder that it distributes")
    cache: PathText = Field(_UNSET, description="slave: the folder that holds its copy")
    dialect: Annotated[Literal["auto", "classic", "http"], Expects("one of auto, classic, http")] = Field(
        _UNSET, description="how the host is spoken to; auto by default"
    )
    master: MasterNames = Field(_UNSET, description="slave: its master, or several in the order in which it tries them")
    scheduler_id: FolderName = Field(_UNSET, description="the id in registrations; the host's name by default")
    folder: FolderName = Field(_UNSET, description="slave: the name of its own folder below remote")
    interval_s: Seconds = Field(_UNSET, description="seconds between two checks without a wake-up; 60 by default")
    connection: Annotated[Literal["local", "ssh", "none"], Expects("one of local, ssh, none")] = Field(
        _UNSET, description="how jsync works on the host; none: only its ports are reached"
    )
    ssh_user: Text = Field(_UNSET, description="the user to log in as by SSH")
    ssh_port: Port = Field(_UNSET, description="the port of the SSH server")
    ssh_key: PathText = Field(_UNSET, description="the private key for SSH")
    ssh_config: PathText = Field(_UNSET, description="a configuration file of ssh's own")
    become: Flag = Field(_UNSET, description="run commands on the host by sudo; false by default")
    jsync: Text = Field(_UNSET, description="the jsync command on the host; jsync by default")
    allowed_hosts: Annotated[list[AllowedHostTable], Field(max_length=1000), Expects("a list of {host, level}")] = (
        Field(_UNSET, description="who may connect; by default the host itself and its peers in the inventory")
    )
    tcp_required: Flag = Field(_UNSET, description="slave: whether its TCP port decides about check-ports; true")
    udp_required: Flag = Field(_UNSET, description="slave: whether its UDP port decides about check-ports; true")
    max_delete: MostRemovals = Field(_UNSET, description="slave: most files that one burst of removals may take; 50%")
    file_mode: FileMode = Field(_UNSET, description="slave: permission bits of the files that it writes, in octal")
    dir_mode: DirMode = Field(_UNSET, description="slave: permission bits of the folders that it makes, in octal")
    owner: UserOrGroup = Field(_UNSET, description="slave: who owns what it writes and makes; a name or a number")
    group: UserOrGroup = Field(_UNSET, description="slave: the group of what it writes and makes; a name or a number")
    any_address: Flag = Field(
        _UNSET, description="slave: as cluster member or by HTTP known by its scheduler id alone; false by default"
    )

    trust_path: Flag = Field(
        _UNSET, description="use remote or cache though others may decide where its path leads; false by default"
    )
    tls: Annotated[TlsTable | Literal[False], Expects("{cert, key, ca} with three paths, or false")] = Field(
        _UNSET, description="speak TLS with peers that have it too; false: not even where a group says so"
    )

    ansible_host: Address = Field(_UNSET, description="Ansible's word for address")
    ansible_connection: Annotated[Literal["local", "ssh", "none"], Expects("one of local, ssh, none")] = Field(
        _UNSET, description="Ansible's word for connection"
    )
    ansible_user: Text = Field(_UNSET, description="Ansible's word for ssh_user")
    ansible_port: Port = Field(_UNSET, description="Ansible's word for ssh_port")
    ansible_ssh_private_key_file: PathText = Field(_UNSET, description="Ansible's word for ssh_key")
    ansible_become: Flag = Field(_UNSET, description="Ansible's word for become")


Variables: TypeAlias = Annotated[VariableTable, BeforeValidator(_without_passed_on)]


class GroupTable(BaseModel):
    """A group: its hosts, the groups in it, and variables for all of them."""

    model_config = _STRICT

    hosts: Annotated[dict[HostName, Variables | None] | None, Expects("a mapping of host names")] = Field(
        _UNSET, description="the hosts by name, each with its variables; [1:9] in a name makes nine hosts"
    )
    children: Annotated[dict[GroupName, GroupTable | None] | None, Expects("a mapping of group names")] = Field(
        _UNSET, description="the groups in this one, by name"
    )
    vars: Annotated[Variables | None, Expects("a mapping of variables")] = Field(
        _UNSET, description="variables for all hosts below this group"
    )


class DocumentModel(RootModel[dict[GroupName, GroupTable | None]]):
    """A jsync inventory: groups by name; hosts below masters are masters, hosts below slaves are slaves."""

    model_config = ConfigDict(defer_build=True, title="jsync inventory")
