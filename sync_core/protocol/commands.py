"""Commands as elements: which there are, and what each may say (``protocol.md`` sections 2.1, 3.2, 8.2, 9 and 11)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from sync_core.protocol.list_reader import ListContent, read_list
from sync_core.protocol.listing import LIST, list_element
from sync_core.protocol.messages import (
    DEFAULT_INTERVAL_S,
    CheckFolders,
    FetchConfiguration,
    FetchDifferences,
    FetchUpdatedFiles,
    GetParam,
    GetParams,
    ListFiles,
    OpenDialect,
    OtherCommand,
    Register,
    Request,
    ShowCluster,
    ShowState,
)
from sync_core.protocol.schema import check_element, parse_boolean, parse_number, parse_text, refusal, violation
from sync_core.protocol.xml import Contents, Element

__all__ = ["CONFIGURATION", "LISTS", "REGISTER", "ROOT_ONLY", "read_command", "request_element"]

REGISTER = "register_remote_scheduler"
CONFIGURATION = "supervisor.configuration.fetch"
_CHECK_FOLDERS = "check_folders"
_SHOW_STATE = "show_state"
_SHOW_ALL = "s"
_SHOW_CLUSTER = "show_cluster"
_GET_PARAM = "param.get"
_GET_PARAMS = "params.get"
_FILES = "jsync.files"
_FETCH = "jsync.fetch"
_DIALECT = "jsync.dialect"

LISTS: Contents = MappingProxyType(dict.fromkeys((LIST, CONFIGURATION, _FETCH), ListContent))
"""The commands that carry a list."""

ROOT_ONLY = frozenset({LIST, CONFIGURATION, _FILES, _FETCH, _DIALECT})
"""Commands that may not stand in a list of commands (section 1.2)."""

_REGISTER_ATTRIBUTES = frozenset(
    {"scheduler_id", "tcp_port", "udp_port", "is_cluster_member", "version", "logoff"},
)
_WHAT = (
    "none all all! task_queue orders job_chains job_chain_orders job_orders description log task_history "
    "order_history remote_schedulers schedules run_time job_chain_jobs jobs tasks job_commands blacklist "
    "order_source_files payload job_params cluster operations folders no_subfolders source statistics "
    "standard"
)
_WORDS = frozenset(_WHAT.split())
_ONLY_JOBSCHEDULER = (
    "add_jobs add_order config job job_chain kill_task licence.use lock lock.remove modify_hot_folder modify_job "
    "modify_order modify_spooler param params process_class process_class.remove remove_job_chain remove_order "
    "schedule.remove show_calendar show_history show_job show_job_chain show_job_chains show_jobs show_order "
    "show_schedulers show_task start_job subsystem.show terminate"
)
_OTHERS = frozenset(_ONLY_JOBSCHEDULER.split())
"""What the original's schema knows beyond these (section 10, capture 02); anything else is refused by the schema."""
_CONFIGURATION_ATTRIBUTES = frozenset(
    {"scheduler_id", "cluster_member_id", "udp_port", "ip", "version", "interval"},
)
_MAX_PORT = 65535
_MAX_INTERVAL_S = 2**31 - 1


def request_element(request: Request) -> Element:
    """Return ``request`` as its element; ``UnsafeNameError``: a listed name can't travel; the error names it."""
    match request:
        case Register():
            return Element(REGISTER, _register_attributes(request))
        case FetchUpdatedFiles(listed=listed):
            return list_element(listed)
        case FetchConfiguration(listed=listed):
            element = list_element(listed, CONFIGURATION)
            element.attributes = _configuration_attributes(request)
            return element
        case CheckFolders():
            return Element(_CHECK_FOLDERS)
        case ShowState(what=what):
            return Element(_SHOW_STATE, _what_attribute(what))
        case ShowCluster(what=what):
            return Element(_SHOW_CLUSTER, _what_attribute(what))
        case GetParam(name=name):
            return Element(_GET_PARAM, {"name": name})
        case GetParams():
            return Element(_GET_PARAMS)
        case OtherCommand(name=name):
            return Element(name)
        case ListFiles(slave=slave):
            return Element(_FILES, _slave_attribute(slave))
        case FetchDifferences(slave=slave, listed=listed):
            element = list_element(listed, _FETCH)
            element.attributes = _slave_attribute(slave)
            return element
        case OpenDialect():
            return Element(_DIALECT)


def _register_attributes(request: Register) -> dict[str, str]:
    """In the order of real slaves (section 2.1); ``logoff`` last, as capture 02 has it."""
    attributes = {"scheduler_id": request.scheduler_id, "tcp_port": str(request.tcp_port)}
    if request.udp_port:
        attributes["udp_port"] = str(request.udp_port)
    if request.is_cluster_member:
        attributes["is_cluster_member"] = "yes"
    attributes["version"] = request.version
    if request.is_logoff:
        attributes["logoff"] = "yes"
    return attributes


def _configuration_attributes(request: FetchConfiguration) -> dict[str, str]:
    """In the order of section 8.2; what is optional and has no value is left out, as real slaves do."""
    attributes = {"scheduler_id": request.scheduler_id}
    if request.cluster_member_id:
        attributes["cluster_member_id"] = request.cluster_member_id
    if request.udp_port:
        attributes["udp_port"] = str(request.udp_port)
    if request.ip:
        attributes["ip"] = request.ip
    attributes["version"] = request.version
    attributes["interval"] = str(request.interval_s)
    return attributes


def _what_attribute(what: frozenset[str]) -> dict[str, str]:
    return {"what": " ".join(sorted(what))} if what else {}


def _slave_attribute(slave: str | None) -> dict[str, str]:
    return {} if slave is None else {"slave": slave}


def read_command(element: Element) -> Request:
    """Return the request that the command ``element``, which was parsed with ``LISTS``, makes.

    ``RemoteProtocolError``: it is not known, or says something that it may not say; see ``decode_request``.
    """
    reader = _READERS.get(element.name)
    if reader is None and element.name in _OTHERS:
        return OtherCommand(name=element.name)
    if reader is None:
        raise violation(f"Element '{element.name}': there is no such command")
    return reader(element)


def _read_configuration(element: Element) -> FetchConfiguration:
    listed = read_list(element, attributes=_CONFIGURATION_ATTRIBUTES)
    values = element.attributes
    if "scheduler_id" not in values:
        raise refusal("LIBXML2-003", "scheduler_id", CONFIGURATION)
    has_interval = "interval" in values
    return FetchConfiguration(
        scheduler_id=parse_text(element, "scheduler_id"),
        cluster_member_id=parse_text(element, "cluster_member_id"),
        udp_port=parse_number(element, "udp_port", at_most=_MAX_PORT) if "udp_port" in values else 0,
        ip=parse_text(element, "ip").strip(),
        version=parse_text(element, "version"),
        interval_s=parse_number(element, "interval", at_most=_MAX_INTERVAL_S) if has_interval else DEFAULT_INTERVAL_S,
        listed=listed,
    )


def _bare(request: Request) -> Callable[[Element], Request]:
    """Return what reads a command that says nothing but its name."""

    def read(element: Element) -> Request:
        check_element(element)
        return request

    return read


def _read_list_files(element: Element) -> ListFiles:
    check_element(element, attributes={"slave"})
    return ListFiles(slave=element.attributes.get("slave"))


def _read_fetch_differences(element: Element) -> FetchDifferences:
    listed = read_list(element, attributes={"slave"})
    return FetchDifferences(slave=element.attributes.get("slave"), listed=listed)


def _read_register(element: Element) -> Register:
    check_element(element, attributes=_REGISTER_ATTRIBUTES, children={"ERROR"})
    for child in element.children:
        check_element(child)
    if "tcp_port" not in element.attributes:
        raise refusal("LIBXML2-003", "tcp_port", REGISTER)
    tcp_port = parse_number(element, "tcp_port", at_most=_MAX_PORT)
    if tcp_port == 0:
        # The original breaks the connection here (capture 10); a port that cannot be is a wrong value.
        raise violation(f"Element '{REGISTER}', attribute 'tcp_port': the value '0' is not valid")
    return Register(
        scheduler_id=parse_text(element, "scheduler_id"),
        tcp_port=tcp_port,
        udp_port=parse_number(element, "udp_port", at_most=_MAX_PORT) if "udp_port" in element.attributes else 0,
        is_cluster_member=parse_boolean(element, "is_cluster_member"),
        version=parse_text(element, "version"),
        is_logoff=parse_boolean(element, "logoff"),
    )


def _read_show_state(element: Element) -> ShowState:
    words = _what(element)
    return ShowState(what=words or frozenset({"all"} if element.name == _SHOW_ALL else ()))


def _what(element: Element) -> frozenset[str]:
    check_element(element, attributes={"what"})
    words = frozenset(re.split(r"[\s,]+", element.attributes.get("what", "").strip(" \t\r\n,"))) - {""}
    for word in sorted(words - _WORDS):
        raise refusal("SCHEDULER-164", word)
    return words


def _read_get_param(element: Element) -> GetParam:
    check_element(element, attributes={"name"})
    if "name" not in element.attributes:
        raise violation(f"Element '{_GET_PARAM}': the attribute 'name' is missing")
    return GetParam(name=parse_text(element, "name"))


_READERS: Mapping[str, Callable[[Element], Request]] = MappingProxyType(
    {
        REGISTER: _read_register,
        LIST: lambda element: FetchUpdatedFiles(listed=read_list(element)),
        CONFIGURATION: _read_configuration,
        _CHECK_FOLDERS: _bare(CheckFolders()),
        _SHOW_STATE: _read_show_state,
        _SHOW_ALL: _read_show_state,
        _SHOW_CLUSTER: lambda element: ShowCluster(what=_what(element)),
        _GET_PARAM: _read_get_param,
        _GET_PARAMS: _bare(GetParams()),
        _FILES: _read_list_files,
        _FETCH: _read_fetch_differences,
        _DIALECT: _bare(OpenDialect()),
    }
)
