from __future__ import annotations

import pytest
from hypothesis import given

from sync_core.model.change import Changes, MakeDirectory, Remove, WriteFile
from sync_core.model.errors import RemoteProtocolError, UnsafeNameError
from sync_core.model.file import Kind
from sync_core.model.path import RelPath
from sync_core.protocol.changes import ChangesContent, encode_changes, read_changes
from sync_core.protocol.names import DIRECTORY, FILE, MAX_FOLDERS
from sync_core.protocol.xml import Contents, Element, parse, write
from tests.protocol.strategies import changes

TIME = "2026-11-24T02:00:00.000Z"
SECONDS = 1795485600


def written(path: str, content: bytes = b"") -> WriteFile:
    return WriteFile(path=RelPath(path), last_write_time=SECONDS, content=content)


def made(path: str) -> MakeDirectory:
    return MakeDirectory(path=RelPath(path))


def removed(path: str, kind: Kind = Kind.FILE) -> Remove:
    return Remove(path=RelPath(path), kind=kind)


def file(name: str, content: str = "", **attributes: str) -> Element:
    content_element = Element("content", {"encoding": "base64"}, [], content)
    return Element(FILE, {"name": name, "last_write_time": TIME, **attributes}, [content_element])


def folder(*children: Element, **attributes: str) -> Element:
    return Element(DIRECTORY, attributes, list(children))


CONTENTS: Contents = {DIRECTORY: ChangesContent}


def arrived(outer: Element) -> Changes:
    """Return what an element asks for when it is read at the other end."""
    return read_changes(parse(write(outer, encoding="ascii"), CONTENTS))


CASES: list[tuple[Changes, Element]] = [
    ((), folder()),
    ((written("a", b"ABC"), written("b")), folder(file("a", "QUJD"), file("b"))),
    ((made("a"), made("a/b"), written("a/b/c")), folder(folder(folder(file("c"), name="b"), name="a"))),
    (
        (removed("a"), removed("b", Kind.DIRECTORY)),
        folder(Element(FILE, {"name": "a", "removed": "yes"}), folder(name="b", removed="yes")),
    ),
    (
        (removed("a", Kind.DIRECTORY), written("a"), removed("b"), made("b"), written("b/c")),
        folder(
            folder(name="a", removed="yes"),
            file("a"),
            Element(FILE, {"name": "b", "removed": "yes"}),
            folder(file("c"), name="b"),
        ),
    ),
]


@pytest.mark.parametrize(("these", "element"), CASES)
def test_changes_and_elements_say_the_same(these: Changes, element: Element) -> None:
    written = write(element, encoding="iso-8859-1").partition(b"\n")[2]
    assert encode_changes(these) == written
    assert read_changes(parse(written, CONTENTS)) == these


def test_folders_that_only_show_in_paths_are_mentioned() -> None:
    these = (written("a/b/c"), removed("a/d"))
    assert arrived(parse(encode_changes(these))) == (made("a"), made("a/b"), *these)


@pytest.mark.parametrize("change", [written("a\\b"), made("a\x01"), removed(".."), made("x/" * MAX_FOLDERS + "x")])
def test_changes_never_hold_what_the_other_end_would_refuse(change: WriteFile | MakeDirectory | Remove) -> None:
    with pytest.raises(UnsafeNameError):
        encode_changes((change,))


def test_what_we_do_not_know_is_passed_over() -> None:
    gone = folder(file("x"), name="gone", removed="yes", foo="1")
    outer = folder(Element("foo"), file("a", foo="1"), gone, name="", foo="1")
    outer.children[1].children.insert(0, Element("foo"))
    assert arrived(outer) == (written("a"), removed("gone", Kind.DIRECTORY))


@pytest.mark.parametrize("text", ["", "   "])
def test_no_time_means_the_epoch(text: str) -> None:
    (change,) = arrived(folder(file("a", last_write_time=text)))
    assert change == WriteFile(path=RelPath("a"), last_write_time=0, content=b"")


def test_dot_names_are_left_to_whoever_applies_them() -> None:
    assert arrived(folder(file(".hidden"))) == (written(".hidden"),)


@pytest.mark.parametrize(
    ("outer", "reason"),
    [
        (folder(name="x"), "the outer 'configuration.directory' has a name"),
        (folder(file("../x")), "the name '../x' is not allowed"),
        (folder(folder(file("a\\b"), name="x")), "is not allowed: it contains a backslash"),
        (folder(Element(FILE)), "the attribute 'name' is missing"),
        (folder(folder()), "the attribute 'name' is missing"),
        (folder(file("a"), file("a")), "the name 'a' stands twice in one folder"),
        (folder(file("a"), folder(name="a")), "the name 'a' stands twice in one folder"),
        (folder(file("a"), folder(name="a", removed="yes")), "the name 'a' stands twice in one folder"),
        (folder(Element(FILE, {"name": "a", "removed": "maybe"})), "attribute 'removed'"),
        (folder(Element(FILE, {"name": "a"})), "the file 'a' has no content"),
        (folder(Element(FILE, {"name": "a"}, [Element("content")])), "'a' has the encoding 'None' instead of base64"),
        (
            folder(Element(FILE, {"name": "a"}, [Element("content", {"encoding": "rot13"})])),
            "'a' has the encoding 'rot13' instead of base64",
        ),
        (folder(file("a", "QUI")), "the content of 'a' is no base64"),
        (folder(file("a", "QU\nI=")), "the content of 'a' is no base64"),
        (folder(file("a", "QUI=\n")), "the content of 'a' is no base64"),
        (folder(file("a", "QU-_")), "the content of 'a' is no base64"),
        (folder(file("a", "QUI=QUI=")), "the content of 'a' is no base64"),
        (folder(file("a", "ääää")), "the content of 'a' is no base64"),
        (folder(file("a", last_write_time="2026-11-24T02:00:00+01:00")), "is not understood"),
    ],
)
def test_changes_that_make_no_sense_are_refused(outer: Element, reason: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        arrived(outer)
    assert reason in str(caught.value)
    assert str(caught.value).isprintable()


@given(changes)
def test_changes_are_read_back(these: Changes) -> None:
    document = b'<?xml version="1.0" encoding="ISO-8859-1"?>' + encode_changes(these)
    assert read_changes(parse(document, CONTENTS)) == these
