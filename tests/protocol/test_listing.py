from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from sync_core.model.errors import RemoteProtocolError, UnsafeNameError
from sync_core.model.manifest import EMPTY_MANIFEST, Entry, Kind, Layer, Manifest
from sync_core.model.path import RelPath
from sync_core.protocol.listing import (
    LIST,
    encode_list,
    file_list_element,
    list_element,
    read_file_list,
    read_list,
)
from sync_core.protocol.messages import FetchUpdatedFiles
from sync_core.protocol.names import DIRECTORY, FILE, MAX_FOLDERS
from sync_core.protocol.requests import encode_request
from sync_core.protocol.times import MAX_TIME_S
from sync_core.protocol.xml import Element, parse, write
from tests.protocol.strategies import manifests

MD5 = "0e88dadbfda924ae8fe9b21c73b661a6"
MANIFEST = Manifest(
    [
        Entry(path=RelPath("sub/x.job.xml"), md5=MD5, last_write_time=1795485600, size_bytes=7, layer=Layer.ALL),
        Entry(path=RelPath("b"), is_settling=True, layer=Layer.OWN),
        Entry(path=RelPath("locked"), kind=Kind.DIRECTORY, is_unreadable=True),
    ]
)


def test_a_list_holds_what_real_peers_take() -> None:
    assert encode_list(MANIFEST) == (
        b'<?xml version="1.0" encoding="ISO-8859-1"?>\n'
        b"<supervisor.remote_scheduler.configuration.fetch_updated_files>"
        b'<configuration.file name="b"/>'
        b'<configuration.directory name="locked"/>'
        b'<configuration.directory name="sub"><configuration.file name="x.job.xml" '
        b'last_write_time="2026-11-24T02:00:00.000Z" md5="0e88dadbfda924ae8fe9b21c73b661a6"/>'
        b"</configuration.directory>"
        b"</supervisor.remote_scheduler.configuration.fetch_updated_files>"
    )
    assert encode_list(MANIFEST) == encode_request(FetchUpdatedFiles(listed=MANIFEST))


def test_a_file_list_holds_everything() -> None:
    element = file_list_element(MANIFEST)
    assert element.attributes == {"tree_md5": MANIFEST.tree_md5}
    assert [child.attributes for child in element.children] == [
        {"name": "b", "layer": "own", "settling": "yes"},
        {"name": "locked", "unreadable": "yes"},
        {"name": "sub"},
    ]
    assert element.children[2].children[0].attributes == {
        "name": "x.job.xml",
        "last_write_time": "2026-11-24T02:00:00.000Z",
        "md5": MD5,
        "size": "7",
        "layer": "_all",
    }
    assert read_file_list(element) == MANIFEST


def test_times_that_no_format_holds_arrive_at_its_ends() -> None:
    entries = [
        Entry(path=RelPath("past"), md5=MD5, last_write_time=-5),
        Entry(path=RelPath("future"), md5=MD5, last_write_time=10**15),
        Entry(path=RelPath("now"), md5=MD5, last_write_time=7),
    ]
    arrived = read_file_list(file_list_element(Manifest(entries)))
    assert {e.path: e.last_write_time for e in arrived} == {"future": MAX_TIME_S, "now": 7, "past": 0}


@pytest.mark.parametrize("path", ["a\\b", "x/" * MAX_FOLDERS + "x"])
def test_lists_never_hold_what_the_other_end_would_refuse(path: str) -> None:
    with pytest.raises(UnsafeNameError):
        list_element(Manifest([Entry(path=RelPath(path))]))


def listed(*children: Element, **attributes: str) -> Element:
    return Element(LIST, attributes, list(children))


def file(**attributes: str) -> Element:
    return Element(FILE, attributes)


def folder(*children: Element, **attributes: str) -> Element:
    return Element(DIRECTORY, attributes, list(children))


def test_lists_are_read_leniently_where_the_schema_is() -> None:
    root = listed(
        file(name="z", md5=MD5.upper(), last_write_time="2026-11-24T02:00:00"),
        folder(file(name="y"), folder(name="empty"), name="a"),
    )
    assert read_list(root) == Manifest(
        [
            Entry(path=RelPath("z"), md5=MD5, last_write_time=1795485600),
            Entry(path=RelPath("a/y")),
            Entry(path=RelPath("a/empty"), kind=Kind.DIRECTORY),
        ]
    )


@pytest.mark.parametrize(
    ("root", "reason"),
    [
        (listed(foo="1"), "the attribute 'foo' is not allowed"),
        (listed(Element("foo")), "the element 'foo' is not expected here"),
        (listed(Element(FILE, {"name": "x"}, text="x")), "character data is not allowed"),
        (listed(file()), "the attribute 'name' is missing"),
        (listed(folder()), "the attribute 'name' is missing"),
        (listed(file(name="x", size="1")), "the attribute 'size' is not allowed"),
        (listed(Element(FILE, {"name": "x"}, [Element("content")])), "the element 'content' is not expected here"),
        (listed(folder(name="x", md5=MD5)), "the attribute 'md5' is not allowed"),
        (listed(folder(Element("foo"), name="x")), "the element 'foo' is not expected here"),
        (listed(file(name="x", md5="xyz")), "attribute 'md5': the value 'xyz' is not valid"),
        (listed(file(name="x", last_write_time="nonsense")), "the value 'nonsense' is not valid"),
        (listed(file(name="x", last_write_time="")), "attribute 'last_write_time': the value '' is not valid"),
        (listed(file(name="x", last_write_time="2026-11-24 02:00:00")), "is not valid"),
        (listed(file(name="x", last_write_time="2026-11-24T02:00:00+01:00")), "is not valid"),
        (listed(file(name="x", last_write_time="2026-13-24T02:00:00Z")), "is not understood"),
        (listed(file(name="..")), "the name '..' is not allowed"),
        (listed(folder(file(name="a/b"), name="x")), "the name 'a/b' is not allowed"),
        (listed(file(name="x"), file(name="x")), "'x' stands twice"),
        (listed(folder(name="x"), file(name="x")), "'x' stands twice"),
    ],
)
def test_lists_are_refused_where_the_schema_refuses_them(root: Element, reason: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        read_list(root)
    assert caught.value.answer_code == "LIBXML2-007"
    assert reason in str(caught.value)


def test_a_request_may_have_attributes_of_its_own() -> None:
    assert read_list(listed(slave="x"), attributes={"slave"}) == EMPTY_MANIFEST


def test_file_lists_may_hold_what_we_do_not_know() -> None:
    element = file_list_element(MANIFEST)
    element.children.insert(0, Element("foo"))
    element.children[1].attributes = {**element.children[1].attributes, "foo": "1"}
    assert read_file_list(element) == MANIFEST


@pytest.mark.parametrize(
    ("children", "reason"),
    [
        ([file(name="x", layer="other")], "attribute 'layer': the value 'other' is not valid"),
        ([file(name="x", size="-1")], "attribute 'size'"),
        ([file(name="x", settling="maybe")], "attribute 'settling'"),
        ([file(name="x", unreadable="maybe")], "attribute 'unreadable'"),
        ([file(name="x", md5="1")], "attribute 'md5'"),
        ([file(name="x", last_write_time="1")], "is not understood"),
        ([], "'tree_md5' does not agree"),
    ],
)
def test_file_lists_that_make_no_sense_are_refused(children: list[Element], reason: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        read_file_list(listed(*children, tree_md5=MD5))
    assert reason in str(caught.value)


def test_a_file_list_without_digest_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="'tree_md5' does not agree"):
        read_file_list(listed())


@given(manifests(is_full=True))
def test_file_lists_are_read_back(manifest: Manifest) -> None:
    for encoding in ("ascii", "iso-8859-1"):
        assert read_file_list(parse(write(file_list_element(manifest), encoding=encoding))) == manifest


@given(manifests(is_full=True))
def test_lists_are_read_back_without_what_requests_leave_out(manifest: Manifest) -> None:
    plain = (replace(entry, size_bytes=None, layer=None, is_settling=False, is_unreadable=False) for entry in manifest)
    assert read_list(parse(encode_list(manifest))) == Manifest(plain)
