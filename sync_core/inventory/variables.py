"""The variables of an inventory, and the shape of its file: the one model that validates and that makes the schema.

What a host needs beyond that (a master that exists, a cache, a role) is not a matter of shape; ``resolve`` and
``references`` see to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, RootModel, StringConstraints

from sync_core.inventory.names import check_folder_name
from sync_core.model.inventory import Role

__all__ = [
    "ALIASES",
    "NOT_BUILT",
    "ONLY_FOR",
    "PASSED_ON",
    "AllowedHostTable",
    "DocumentModel",
    "Expects",
    "GroupTable",
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
}
"""The variables that one role has and the other has not."""

NOT_BUILT = frozenset({"validate", "notify", "tls"})
"""Variables of ``cli.md`` section 1 that wait for their effect; until then they are refused by name."""

PASSED_ON = ("ansible_", "x_")
"""Names that begin so belong to somebody else: they are kept and shown, never read."""


@dataclass(frozen=True, slots=True)
class Expects:
    """What a value must be, in the words of an error message.

    Args:
        text: completes the sentence "… is not …".
    """

    text: str


_FILLED = r"(?:[0-9]*(?:\{(?:n|name)\}[0-9]*)+)"  # digits around placeholders; the filled-in text is checked later
_PORT = r"(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_CLEAN = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$"
_ADDRESS_START = r"[^\s\x00-\x1f\x7f-\x9f/\\\[\]@#,-]"
_ADDRESS_REST = r"[^\s\x00-\x1f\x7f-\x9f/\\\[\]@#,]"
_MAX_TEXT = 4096

GroupName: TypeAlias = Annotated[
    str,
    StringConstraints(
        pattern=r"^[^!&~@.,*?\[\]{}#\"'`$/\\\s\x00-\x1f\x7f-\x9f-][^,*?\[\]{}#@\"'`$/\\\s\x00-\x1f\x7f-\x9f]*$"
    ),
]
"""What ``names.check_member_name`` allows, as far as a pattern can say it."""

HostName: TypeAlias = Annotated[
    str,
    StringConstraints(pattern=r"^[^!&~@.,*?{}#\"'`$/\\\s\x00-\x1f\x7f-\x9f-][^,*?{}#@\"'`$/\\\s\x00-\x1f\x7f-\x9f]*$"),
]
"""The same, with the brackets of ranges."""

Text: TypeAlias = Annotated[str, StringConstraints(pattern=_CLEAN, max_length=_MAX_TEXT), Expects("one line of text")]
PathText: TypeAlias = Annotated[str, StringConstraints(pattern=_CLEAN, max_length=_MAX_TEXT), Expects("a path")]
Address: TypeAlias = Annotated[
    str,
    StringConstraints(pattern=rf"^{_ADDRESS_START}{_ADDRESS_REST}*$", max_length=255),
    Expects("a host name or an IP address (without port, without brackets)"),
]
FolderName: TypeAlias = Annotated[
    str,
    StringConstraints(pattern=r"^[ -\-0-\[\]-~\u00a0-\u00ff][ -.0-\[\]-~\u00a0-\u00ff]*$", max_length=255),
    AfterValidator(check_folder_name),
    Field(json_schema_extra={"not": {"const": "_all"}}),
    Expects("one folder name (no slashes, no leading dot, not `_all`, ISO-8859-1 characters)"),
]
Port: TypeAlias = Annotated[
    Annotated[int, Field(ge=1, le=65535)] | Annotated[str, StringConstraints(pattern=rf"^(?:0*{_PORT}|{_FILLED})$")],
    Expects("a port from 1 to 65535"),
]
PortOrZero: TypeAlias = Annotated[
    Annotated[int, Field(ge=0, le=65535)]
    | Annotated[str, StringConstraints(pattern=rf"^(?:0*(?:0|{_PORT})|{_FILLED})$")],
    Expects("a port from 0 to 65535 (0 = none)"),
]
Seconds: TypeAlias = Annotated[
    Annotated[int, Field(gt=0, lt=100_000_000)]
    | Annotated[float, Field(gt=0, lt=100_000_000, allow_inf_nan=False)]
    | Annotated[
        str,
        StringConstraints(
            pattern=rf"^(?:0*[1-9][0-9]{{0,7}}(?:\.[0-9]{{1,9}})?|0*\.[0-9]{{0,8}}[1-9]|{_FILLED})$",
        ),
    ],
    Expects("a number of seconds above 0"),
]
MostRemovals: TypeAlias = Annotated[
    Annotated[int, Field(ge=0, le=999_999_999)]
    | Annotated[str, StringConstraints(pattern=rf"^(?:[0-9]{{1,9}}|0*(?:100|[1-9]?[0-9])%|{_FILLED}%?)$")],
    Expects("a number of files, or a percentage from 0% to 100%"),
]
MasterNames: TypeAlias = Annotated[
    Text | Annotated[list[Text], Field(min_length=1, max_length=1000, json_schema_extra={"uniqueItems": True})],
    Expects("a master's name, or a list of them"),
]
Flag: TypeAlias = Annotated[bool, Expects("true or false")]

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

    model_config = ConfigDict(extra="forbid", strict=True)

    host: Annotated[Address, Field(description="a name, an address, or a network's address")]
    level: Annotated[
        Literal["none", "signal", "info", "no_add", "all"],
        Expects("one of none, signal, info, no_add, all"),
        Field(description="what the host may do, ascending: none, signal, info, no_add, all"),
    ]


class VariableTable(BaseModel):
    """The variables of a host, or those that a group gives to all its hosts."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra=_closed_but_for_passed_on)

    address: Address = Field(_UNSET, description="where the others reach this host; its name by default")
    tcp_port: Port = Field(_UNSET, description="command port; by default 4440 on masters, 5000 on slaves")
    udp_port: PortOrZero = Field(_UNSET, description="wake-up port, 0 for none; slaves have 5000 by default")
    listen: Address = Field(_UNSET, description="the address to bind; by default all interfaces")
    remote: PathText = Field(_UNSET, description="master: the folder that it distributes")
    cache: PathText = Field(_UNSET, description="slave: the folder that holds its copy")
    dialect: Annotated[Literal["auto", "classic"], Expects("auto or classic")] = Field(
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
    allowed_hosts: Annotated[list[AllowedHostTable], Field(max_length=10_000), Expects("a list of {host, level}")] = (
        Field(_UNSET, description="who may connect; by default the host itself and its peers in the inventory")
    )
    tcp_required: Flag = Field(_UNSET, description="slave: whether its TCP port decides about check-ports; true")
    udp_required: Flag = Field(_UNSET, description="slave: whether its UDP port decides about check-ports; true")
    max_delete: MostRemovals = Field(_UNSET, description="slave: most files that one update may remove; 50%")

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

    model_config = ConfigDict(extra="forbid", strict=True)

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

    model_config = ConfigDict(title="jsync inventory")
