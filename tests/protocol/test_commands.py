from __future__ import annotations

import pytest

from sync_core.model.edit import tree_of
from sync_core.model.errors import RemoteProtocolError
from sync_core.model.file import File
from sync_core.model.path import RelPath
from sync_core.protocol.commands import LISTS, read_command, request_element
from sync_core.protocol.listing import LIST
from sync_core.protocol.messages import (
    CheckFolders,
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
from sync_core.protocol.names import FILE
from sync_core.protocol.xml import Element, parse, write

REGISTER = "register_remote_scheduler"
LISTED = tree_of([(RelPath("x"), File())])

BOTH_WAYS: list[tuple[Request, Element]] = [
    (
        Register(scheduler_id="s", tcp_port=5000, udp_port=5001, is_cluster_member=True, version="v", is_logoff=True),
        Element(
            REGISTER,
            {
                "scheduler_id": "s",
                "tcp_port": "5000",
                "udp_port": "5001",
                "is_cluster_member": "yes",
                "version": "v",
                "logoff": "yes",
            },
        ),
    ),
    (
        Register(scheduler_id="", tcp_port=65535),
        Element(REGISTER, {"scheduler_id": "", "tcp_port": "65535", "version": ""}),
    ),
    (FetchUpdatedFiles(), Element(LIST)),
    (FetchUpdatedFiles(listed=LISTED), Element(LIST, {}, [Element(FILE, {"name": "x"})])),
    (CheckFolders(), Element("check_folders")),
    (ShowState(), Element("show_state")),
    (ShowState(what=frozenset({"jobs", "all!"})), Element("show_state", {"what": "all! jobs"})),
    (ShowCluster(), Element("show_cluster")),
    (ShowCluster(what=frozenset({"cluster"})), Element("show_cluster", {"what": "cluster"})),
    (GetParam(name="x"), Element("param.get", {"name": "x"})),
    (GetParams(), Element("params.get")),
    (OtherCommand(name="terminate"), Element("terminate")),
    (ListFiles(), Element("jsync.files")),
    (ListFiles(slave="slave-5000"), Element("jsync.files", {"slave": "slave-5000"})),
    (FetchDifferences(), Element("jsync.fetch")),
    (OpenDialect(), Element("jsync.dialect")),
    (
        FetchDifferences(slave="slave-5000", listed=LISTED),
        Element("jsync.fetch", {"slave": "slave-5000"}, [Element(FILE, {"name": "x"})]),
    ),
]


def arrived(element: Element) -> Element:
    """Return an element as it is read at the other end."""
    return parse(write(element, encoding="iso-8859-1"), LISTS)


@pytest.mark.parametrize(("request_", "element"), BOTH_WAYS)
def test_requests_and_commands_say_the_same(request_: Request, element: Element) -> None:
    written = write(request_element(request_), encoding="iso-8859-1")
    assert written == write(element, encoding="iso-8859-1")
    assert read_command(arrived(element)) == request_


@pytest.mark.parametrize(
    ("element", "request_"),
    [
        (Element(REGISTER, {"tcp_port": "1"}), Register(scheduler_id="", tcp_port=1)),
        (Element(REGISTER, {"tcp_port": "1"}, [Element("ERROR")]), Register(scheduler_id="", tcp_port=1)),
        (Element(REGISTER, {"tcp_port": "1", "udp_port": "0"}), Register(scheduler_id="", tcp_port=1)),
        (Element(REGISTER, {"tcp_port": "1", "logoff": "no"}), Register(scheduler_id="", tcp_port=1)),
        (Element("s"), ShowState(what=frozenset({"all"}))),
        (Element("s", {"what": "jobs"}), ShowState(what=frozenset({"jobs"}))),
        (
            Element("show_state", {"what": " jobs,orders ,\nlog, "}),
            ShowState(what=frozenset({"jobs", "orders", "log"})),
        ),
        (Element("show_state", {"what": ""}), ShowState()),
        (Element("modify_order", {"order": "1"}, [Element("params")], text="x"), OtherCommand(name="modify_order")),
    ],
)
def test_commands_may_be_said_in_other_ways(element: Element, request_: Request) -> None:
    assert read_command(arrived(element)) == request_


@pytest.mark.parametrize(
    ("element", "code", "reason"),
    [
        (Element("garbage"), "LIBXML2-007", "Element 'garbage': there is no such command"),
        (Element("supervisor.foo"), "LIBXML2-007", "there is no such command"),
        (Element("check_folders", {"x": "1"}), "LIBXML2-007", "the attribute 'x' is not allowed"),
        (Element("check_folders", {}, [Element("x")]), "LIBXML2-007", "the element 'x' is not expected here"),
        (Element("check_folders", text="x"), "LIBXML2-007", "character data is not allowed"),
        (Element("jsync.files", {"x": "1"}), "LIBXML2-007", "the attribute 'x' is not allowed"),
        (Element("jsync.dialect", {"x": "1"}), "LIBXML2-007", "the attribute 'x' is not allowed"),
        (Element("jsync.fetch", {"x": "1"}), "LIBXML2-007", "the attribute 'x' is not allowed"),
        (Element("show_state", {"x": "1"}), "LIBXML2-007", "the attribute 'x' is not allowed"),
        (Element("show_state", {"what": "jobs bad"}), "SCHEDULER-164", "'bad'"),
        (Element("show_cluster", {"what": "bad"}), "SCHEDULER-164", "'bad'"),
        (Element("param.get"), "LIBXML2-007", "the attribute 'name' is missing"),
        (Element("param.get", {"name": "x", "y": ""}), "LIBXML2-007", "the attribute 'y' is not allowed"),
        (Element("params.get", {"name": "x"}), "LIBXML2-007", "the attribute 'name' is not allowed"),
        (Element(REGISTER), "LIBXML2-003", "Missing attribute tcp_port in <register_remote_scheduler>"),
        (Element(REGISTER, {"tcp_port": "1", "foo": "1"}), "LIBXML2-007", "the attribute 'foo' is not allowed"),
        (Element(REGISTER, {"tcp_port": "1"}, [Element("foo")]), "LIBXML2-007", "the element 'foo'"),
        (
            Element(REGISTER, {"tcp_port": "1"}, [Element("ERROR", {"code": "X"})]),
            "LIBXML2-007",
            "Element 'ERROR': the attribute 'code' is not allowed",
        ),
        (Element(REGISTER, {"tcp_port": "abc"}), "LIBXML2-007", "attribute 'tcp_port': the value 'abc' is not valid"),
        (Element(REGISTER, {"tcp_port": "0"}), "LIBXML2-007", "attribute 'tcp_port': the value '0' is not valid"),
        (Element(REGISTER, {"tcp_port": "65536"}), "LIBXML2-007", "attribute 'tcp_port'"),
        (Element(REGISTER, {"tcp_port": "1", "udp_port": "-1"}), "LIBXML2-007", "attribute 'udp_port'"),
        (Element(REGISTER, {"tcp_port": "1", "is_cluster_member": "x"}), "LIBXML2-007", "'is_cluster_member'"),
        (Element(REGISTER, {"tcp_port": "1", "logoff": "x"}), "LIBXML2-007", "attribute 'logoff'"),
        (Element(LIST, {"x": "1"}), "LIBXML2-007", "the attribute 'x' is not allowed"),
    ],
)
def test_commands_that_make_no_sense_are_refused(element: Element, code: str, reason: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        read_command(arrived(element))
    assert caught.value.answer_code == code
    assert str(caught.value).startswith(f"{code}  ")
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("version", "is_jsync", "knows_dialect"),
    [
        ("1.3.12.2131-17280 (jsync 0.2.0)", True, True),
        ("1.3.12.2131-17280 (jsync 0.1.9)", True, False),
        ("(jsync new)", True, False),
        ("jsync 0.2.0", False, False),
        ("1.3.12.2131-17280", False, False),
    ],
)
def test_a_version_tells_whether_its_owner_knows_our_dialect(version: str, is_jsync: bool, knows_dialect: bool) -> None:
    register = Register(scheduler_id="s", tcp_port=1, version=version)
    assert (register.is_jsync, register.knows_dialect) == (is_jsync, knows_dialect)
