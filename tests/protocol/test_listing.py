from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from sync_core.model.edit import tree_of
from sync_core.model.errors import LocalProtocolError, RemoteProtocolError, UnsafeNameError
from sync_core.model.file import File, Stamp, md5_of, sha256_of
from sync_core.model.folder import EMPTY_FOLDER, Entry, Folder, walk
from sync_core.model.path import RelPath
from sync_core.protocol.list_reader import FileListContent, ListContent, ListedFiles, read_file_list, read_list
from sync_core.protocol.listing import LIST, file_list_element, list_element, tree_md5
from sync_core.protocol.messages import FetchUpdatedFiles, FileListAnswer
from sync_core.protocol.names import DIRECTORY, FILE, MAX_FOLDERS
from sync_core.protocol.requests import encode_request
from sync_core.protocol.times import MAX_TIME_S
from sync_core.protocol.xml import Element, parse, write
from tests.protocol.strategies import file_lists, trees

MD5 = "0e88dadbfda924ae8fe9b21c73b661a6"


def tree(**entries: Entry) -> Folder:
    return tree_of((RelPath(path.replace("__", "/")), entry) for path, entry in entries.items())


TREE = tree(
    sub__x=File(
        md5=MD5,
        sha256=sha256_of(b""),
        last_write_time=1795485600,
        size_bytes=7,
        mode=0o600,
        stamp=Stamp(1, 2, 3, 4),
    ),
    b=File(is_settling=True),
    locked=Folder(is_unreadable=True),
)
OWN = tree(b=File(), sub=EMPTY_FOLDER)


def arrived(root: Element) -> Folder:
    """Return what a list says when it is read at the other end."""
    return read_list(parse(write(root, encoding="ascii"), {LIST: ListContent}))


def file_list(root: Element) -> ListedFiles:
    return read_file_list(parse(write(root, encoding="ascii"), {LIST: FileListContent}))


def test_a_list_holds_what_real_peers_take() -> None:
    assert encode_request(FetchUpdatedFiles(listed=TREE)) == (
        b'<?xml version="1.0" encoding="ISO-8859-1"?>\n'
        b"<supervisor.remote_scheduler.configuration.fetch_updated_files>"
        b'<configuration.file name="b"/>'
        b'<configuration.directory name="locked"/>'
        b'<configuration.directory name="sub"><configuration.file name="x" '
        b'last_write_time="2026-11-24T02:00:00.000Z" md5="0e88dadbfda924ae8fe9b21c73b661a6"/>'
        b"</configuration.directory>"
        b"</supervisor.remote_scheduler.configuration.fetch_updated_files>"
    )


def test_a_file_list_holds_all_that_the_format_does() -> None:
    assert write(file_list_element(TREE, OWN), encoding="ascii").partition(b"\n")[2] == (
        b"<supervisor.remote_scheduler.configuration.fetch_updated_files "
        b'tree_md5="' + tree_md5(TREE).encode() + b'">'
        b'<configuration.file name="b" layer="own" settling="yes"/>'
        b'<configuration.directory name="locked" layer="_all" unreadable="yes"/>'
        b'<configuration.directory name="sub" layer="own"><configuration.file name="x" '
        b'last_write_time="2026-11-24T02:00:00.000Z" md5="0e88dadbfda924ae8fe9b21c73b661a6" size="7" layer="_all"/>'
        b"</configuration.directory>"
        b"</supervisor.remote_scheduler.configuration.fetch_updated_files>"
    )


def test_a_list_of_no_slaves_view_says_nothing_about_layers() -> None:
    assert b"layer" not in write(file_list_element(TREE), encoding="ascii")
    assert file_list(file_list_element(TREE)).own is None


def test_a_view_without_an_own_folder_is_a_view() -> None:
    assert file_list(file_list_element(TREE, EMPTY_FOLDER)).own == EMPTY_FOLDER


@pytest.mark.parametrize(
    ("own", "layer"),
    [(tree(a=File()), "_all"), (tree(a__x=File()), "own"), (tree(a__y=File()), "own")],
    ids=["a file under a folder", "the same", "another file"],
)
def test_a_folder_is_own_where_there_is_an_own_folder(own: Folder, layer: str) -> None:
    written = write(file_list_element(tree(a__x=File()), own), encoding="ascii")
    assert f'<configuration.directory name="a" layer="{layer}">'.encode() in written


# The vectors of the page about digests as jsync 0.1 has it.
JOB, NOTHING = md5_of(b"<job/>\n"), md5_of(b"")
MANY: list[tuple[RelPath, Entry]] = [
    (RelPath("a.txt"), File(md5=NOTHING, last_write_time=0)),
    (RelPath("a/z"), File(md5=JOB, last_write_time=1412242215)),
    (RelPath("empty"), EMPTY_FOLDER),
    (RelPath("with blank"), File(md5=JOB, last_write_time=253402300799)),
    (RelPath("b\udce4r"), File(md5=NOTHING, last_write_time=1)),
    (RelPath("unknown"), File()),
]


@pytest.mark.parametrize(
    ("listed", "digest"),
    [
        (EMPTY_FOLDER, "d41d8cd98f00b204e9800998ecf8427e"),
        (
            tree_of([(RelPath("a.job.xml"), File(md5=JOB, last_write_time=1412242215))]),
            "97d0ac7dac6c2cec118dfb34340ed1fc",
        ),
        (tree_of(MANY), "6c8d9c14dbfcacefffc6b9ee5eddaca1"),
    ],
)
def test_the_digest_is_that_of_older_jsyncs(listed: Folder, digest: str) -> None:
    assert tree_md5(listed) == digest
    assert file_list_element(listed).attributes == {"tree_md5": digest}


def test_times_that_no_format_holds_arrive_at_its_ends() -> None:
    held = tree(
        past=File(md5=MD5, last_write_time=-5),
        future=File(md5=MD5, last_write_time=10**15),
        now=File(md5=MD5, last_write_time=7),
    )
    found = file_list(file_list_element(held)).tree
    times = {path: entry.last_write_time for path, entry in walk(found) if isinstance(entry, File)}
    assert times == {"future": MAX_TIME_S, "now": 7, "past": 0}


@pytest.mark.parametrize("path", ["a\\b", "x/" * MAX_FOLDERS + "x"])
def test_lists_never_hold_what_the_other_end_would_refuse(path: str) -> None:
    with pytest.raises(UnsafeNameError):
        list_element(tree_of([(RelPath(path), File())]))
    with pytest.raises(UnsafeNameError):
        file_list_element(tree_of([(RelPath(path), File())]))


def test_a_list_may_be_as_deep_as_a_path() -> None:
    deepest = tree_of([(RelPath("/".join("x" * MAX_FOLDERS)), File())])
    assert arrived(list_element(deepest)) == deepest


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
    expected = tree(z=File(md5=MD5, last_write_time=1795485600), a__y=File(), a__empty=EMPTY_FOLDER)
    assert arrived(root) == expected
    assert [path for path, _ in walk(arrived(root))] == ["a", "a/empty", "a/y", "z"]


def test_blanks_between_entries_mean_nothing() -> None:
    document = f'<{LIST}>\n <{DIRECTORY} name="a">\n  <{FILE} name="x"/>\n </{DIRECTORY}>\n</{LIST}>'
    assert read_list(parse(document.encode(), {LIST: ListContent})) == tree(a__x=File())


@pytest.mark.parametrize(
    ("root", "reason"),
    [
        (listed(foo="1"), "the attribute 'foo' is not allowed"),
        (listed(Element("foo")), "the element 'foo' is not expected here"),
        (listed(Element(FILE, {"name": "x"}, text="x")), f"'{FILE}': character data is not allowed"),
        (listed(Element(DIRECTORY, {"name": "x"}, text="x")), f"'{DIRECTORY}': character data is not allowed"),
        (Element(LIST, text="x"), f"'{LIST}': character data is not allowed"),
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
        (listed(folder(folder(file(name="x"), file(name="x"), name="b"), name="a")), "'a/b/x' stands twice"),
    ],
)
def test_lists_are_refused_where_the_schema_refuses_them(root: Element, reason: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        arrived(root)
    assert caught.value.answer_code == "LIBXML2-007"
    assert reason in str(caught.value)


def test_a_document_that_is_not_well_formed_is_refused_as_such_whatever_it_lists() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse(f"<{LIST}><{FILE}/><a></b>".encode(), {LIST: ListContent})
    assert caught.value.answer_code == "XML-ERROR"


def test_a_request_may_have_attributes_of_its_own() -> None:
    root = parse(write(listed(slave="x"), encoding="ascii"), {LIST: ListContent})
    assert read_list(root, attributes={"slave"}) == EMPTY_FOLDER


def test_an_element_that_was_not_read_as_a_list_is_a_bug() -> None:
    with pytest.raises(LocalProtocolError):
        read_list(Element(LIST))
    with pytest.raises(LocalProtocolError):
        read_file_list(Element(LIST))


def test_file_lists_may_hold_what_we_do_not_know() -> None:
    unknown = Element("foo", {}, [folder(file(name="x"), name="y")], "text")
    known = Element(FILE, {"name": "a", "foo": "1"}, [unknown], "text")
    assert file_list(listed(unknown, known, folder(unknown, name="b"))).tree == tree(a=File(), b=EMPTY_FOLDER)


@pytest.mark.parametrize(
    ("children", "reason"),
    [
        ([file(name="x", layer="other")], "attribute 'layer': the value 'other' is not valid"),
        ([folder(name="x", layer="other")], "attribute 'layer': the value 'other' is not valid"),
        ([file(name="x", size="-1")], "attribute 'size'"),
        ([file(name="x", size=str(2**63))], "attribute 'size'"),
        ([file(name="x", settling="maybe")], "attribute 'settling'"),
        ([file(name="x", unreadable="maybe")], "attribute 'unreadable'"),
        ([folder(name="x", unreadable="maybe")], "attribute 'unreadable'"),
        ([file(name="x", md5="1")], "attribute 'md5'"),
        ([file(name="x", last_write_time="1")], "is not understood"),
        ([], "'tree_md5' does not agree"),
    ],
)
def test_file_lists_that_make_no_sense_are_refused(children: list[Element], reason: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        file_list(listed(*children, tree_md5=MD5))
    assert reason in str(caught.value)


def test_a_file_list_may_do_without_a_digest() -> None:
    assert file_list(listed(file(name="x"))).tree == tree(x=File())


@given(file_lists())
def test_file_lists_are_read_back(answer: FileListAnswer) -> None:
    document = write(file_list_element(answer.tree, answer.own), encoding="iso-8859-1")
    found = read_file_list(parse(document, {LIST: FileListContent}))
    assert found == (answer.tree, answer.own)


def plain(folder: Folder) -> Folder:
    """Leave out what requests leave out."""
    return Folder(
        {
            name: replace(entry, size_bytes=None, is_settling=False, is_unreadable=False)
            if isinstance(entry, File)
            else plain(entry)
            for name, entry in folder.children.items()
        }
    )


@given(trees(is_full=True))
def test_lists_are_read_back_without_what_requests_leave_out(held: Folder) -> None:
    found = read_list(parse(encode_request(FetchUpdatedFiles(listed=held)), {LIST: ListContent}))
    assert found == plain(held)
    assert [path for path, _ in walk(found)] == [path for path, _ in walk(held)]
    assert found.digest == plain(held).digest
