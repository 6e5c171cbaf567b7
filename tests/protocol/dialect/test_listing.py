from __future__ import annotations

import pytest
from hypothesis import given

from sync_core.model.edit import folder_of, tree_of
from sync_core.model.errors import RemoteProtocolError, UnsafeNameError
from sync_core.model.file import File, md5_of, sha256_of
from sync_core.model.folder import EMPTY_FOLDER, Folder, walk
from sync_core.model.path import RelPath
from sync_core.protocol.dialect.codec import decode_answer, message_frame
from sync_core.protocol.dialect.drafts import DraftTree, KnownFolders
from sync_core.protocol.dialect.frames import FrameReader
from sync_core.protocol.dialect.limits import MAX_FRAME_BYTES
from sync_core.protocol.dialect.listing import listings
from sync_core.protocol.dialect.messages import FolderAsked, FolderPart, FolderRecord, Listing
from tests.protocol.dialect.strategies import trees


def a_file(content: bytes = b"x", *, is_settling: bool = False) -> File:
    return File(
        md5=md5_of(content),
        sha256=sha256_of(content),
        size_bytes=len(content),
        last_write_time=1,
        mode=0o644,
        is_settling=is_settling,
    )


def draft_of(tree: Folder, *, keeps_marks: bool = True) -> DraftTree:
    return DraftTree(tree.digest, known=EMPTY_FOLDER, folders=KnownFolders(), keeps_marks=keeps_marks)


def carried(message: Listing) -> Listing:
    reader = FrameReader()
    reader.feed(message_frame(message))
    frame = reader.next_frame()
    assert frame is not None
    answer = decode_answer(frame.payload)
    assert isinstance(answer, Listing)
    return answer


def fetched(tree: Folder, *, own: Folder | None = None, keeps_marks: bool = True) -> DraftTree:
    """Return the tree as it comes over the wire when all of it is asked for at once."""
    draft = draft_of(tree, keeps_marks=keeps_marks)
    request = draft.next_request()
    assert request is not None
    assert request.folders == (FolderAsked(b"", tree.digest, True),)
    messages = [carried(message) for message in listings(tree, request.folders, with_marks=keeps_marks, own=own)]
    assert [message.last for message in messages] == [False] * (len(messages) - 1) + [True]
    assert all(draft.receive(part) for message in messages for part in message.parts)
    assert draft.next_request() is None
    return draft


@given(trees)
def test_a_tree_comes_over_as_it_is(tree: Folder) -> None:
    assert fetched(tree).wanted == tree


@given(trees)
def test_a_slave_is_told_no_marks_that_nobody_would_take_back(tree: Folder) -> None:
    wanted = fetched(tree, keeps_marks=False).wanted
    assert wanted is not None
    assert wanted.digest == tree.digest
    for _, entry in walk(wanted):
        assert isinstance(entry, Folder) or entry.md5 is None or not entry.is_held_back


def test_marks_of_files_that_have_a_state_are_not_sent_to_slaves() -> None:
    marked, plain = (folder_of({"a": a_file(is_settling=held)}) for held in (True, False))
    asked = [FolderAsked(b"", plain.digest)]
    assert list(listings(marked, asked)) == list(listings(plain, asked))
    assert list(listings(marked, asked, with_marks=True)) != list(listings(plain, asked))


def test_layers_are_told_to_those_who_look() -> None:
    view = tree_of([(RelPath(path), a_file()) for path in ("a", "all/b", "own/c", "own/d")])
    own = tree_of([(RelPath("own/c"), a_file()), (RelPath("a"), a_file())])
    assert fetched(view, own=own).own == own
    assert fetched(view).own == EMPTY_FOLDER


def test_a_file_in_the_place_of_an_own_folder_is_not_its_own() -> None:
    view = folder_of({"a": a_file(), "b": folder_of({"c": a_file()})})
    own = folder_of({"a": EMPTY_FOLDER, "b": a_file()})
    assert fetched(view, own=own).own == EMPTY_FOLDER


def test_large_folders_come_in_parts_that_fit_frames() -> None:
    names = [f"{number:05}" + "n" * 250 for number in range(9_000)]
    tree = folder_of({name: a_file() for name in names} | {"sub": folder_of(dict.fromkeys(names[:3], EMPTY_FOLDER))})
    messages = list(listings(tree, [FolderAsked(b"", tree.digest, True)]))
    assert len(messages) > 4
    assert max(len(message_frame(message, compresses=False)) for message in messages) < MAX_FRAME_BYTES
    assert fetched(tree).wanted == tree


def test_many_folders_come_in_messages_that_fit_frames() -> None:
    deep = folder_of({"x": a_file()})
    for _ in range(15):
        deep = folder_of({"n" * 250: deep})
    path = b"/".join([b"n" * 250] * 15)
    asked = [FolderAsked(path, folder_of({"x": a_file()}).digest)] * 5_000
    for wanted in (asked, [FolderAsked(path, bytes(32))] * 5_000):
        messages = list(listings(deep, wanted))
        assert sum(len(message.parts) for message in messages) == 5_000
        assert max(len(message_frame(message, compresses=False)) for message in messages) < MAX_FRAME_BYTES


def test_what_is_not_there_is_gone() -> None:
    tree = folder_of({"a": folder_of({"b": a_file()}), "f": a_file()})
    digest = tree.children["a"].digest if isinstance(tree.children["a"], Folder) else b""
    asked = [FolderAsked(path, digest) for path in (b"a", b"", b"f", b"none", b"f/x")]
    (message,) = listings(tree, asked)
    assert [part.gone for part in message.parts] == [False, True, True, True, True]


def test_nothing_asked_is_an_answer_too() -> None:
    assert list(listings(EMPTY_FOLDER, [])) == [Listing(parts=(), last=True)]


@pytest.mark.parametrize(
    "tree",
    [
        folder_of({"a\\b": a_file()}),
        folder_of({"n" * 256: a_file()}),
        folder_of({"a": File(md5=md5_of(b""), sha256=sha256_of(b""))}),
    ],
)
def test_what_no_peer_would_take_is_not_sent(tree: Folder) -> None:
    with pytest.raises(UnsafeNameError):
        list(listings(tree, [FolderAsked(b"", tree.digest)]))


def test_a_folder_that_is_another_is_refused() -> None:
    tree = folder_of({"a": a_file(b"x")})
    draft = draft_of(tree)
    draft.next_request()
    (message,) = listings(folder_of({"a": a_file(b"y")}), [FolderAsked(b"", folder_of({"a": a_file(b"y")}).digest)])
    with pytest.raises(RemoteProtocolError, match="not the one that was offered"):
        draft.receive(message.parts[0])


def test_a_folder_below_that_is_another_is_refused() -> None:
    below = folder_of({"b": a_file()})
    draft = draft_of(folder_of({"a": below}))
    draft.next_request()
    assert draft.receive(FolderPart(b"", 0, (), (FolderRecord(b"a", below.digest),)))
    with pytest.raises(RemoteProtocolError, match="not the one that was offered"):
        draft.receive(FolderPart(b"a", 0))


def test_parts_that_come_again_or_out_of_turn_change_nothing() -> None:
    tree = folder_of({name: EMPTY_FOLDER for name in "abc"})
    one, two, three = (
        FolderPart(b"", at, (), (FolderRecord(name.encode(), EMPTY_FOLDER.digest),), more=name != "c")
        for at, name in enumerate("abc")
    )
    draft = draft_of(tree)
    draft.next_request()
    for part in (three, two, one, one, three, FolderPart(b"x", 0), two, one, two):
        assert draft.receive(part)
        assert draft.wanted is None
    assert draft.receive(three)
    assert draft.wanted == tree
    assert draft.receive(three)
    assert draft.wanted == tree


def test_a_slave_takes_no_marks_of_files_that_have_a_state() -> None:
    tree = folder_of({"a": a_file(is_settling=True), "b": File(is_unreadable=True)})
    draft = draft_of(tree, keeps_marks=False)
    draft.next_request()
    for message in listings(tree, [FolderAsked(b"", tree.digest)], with_marks=True):
        draft.receive(message.parts[0])
    assert draft.wanted == folder_of({"a": a_file(), "b": File(is_unreadable=True)})


def test_a_name_that_stands_twice_is_refused() -> None:
    draft = draft_of(folder_of({"a": a_file()}))
    draft.next_request()
    record = FolderRecord(b"a", EMPTY_FOLDER.digest)
    with pytest.raises(RemoteProtocolError, match="stands twice"):
        draft.receive(FolderPart(b"", 0, (), (record, record)))


def test_a_tree_without_end_is_refused() -> None:
    draft = draft_of(folder_of({"a": a_file()}))
    draft.next_request()

    def send_for_ever() -> None:
        path = b""
        for _ in range(300):
            draft.receive(FolderPart(path, 0, (), (FolderRecord(b"a", sha256_of(path + b"/")),)))
            path = path + b"/a" if path else b"a"

    with pytest.raises(RemoteProtocolError, match="is not allowed"):
        send_for_ever()


def test_too_many_entries_are_refused() -> None:
    draft = draft_of(folder_of({"a": a_file()}))
    draft.next_request()

    def send_for_ever() -> None:
        for start in range(0, 1_010_000, 10_000):
            records = tuple(FolderRecord(b"%d" % (start + n), EMPTY_FOLDER.digest) for n in range(10_000))
            draft.receive(FolderPart(b"", start, (), records, more=True))

    with pytest.raises(RemoteProtocolError, match="more than 1000000 entries"):
        send_for_ever()


@pytest.mark.parametrize("times", [400, 10_000])
def test_nobody_is_told_the_same_again_and_again(times: int) -> None:
    tree = tree_of([(RelPath(f"d/{number}"), a_file()) for number in range(50)])
    asked = [FolderAsked(b"", tree.digest, True)] * times
    with pytest.raises(RemoteProtocolError, match="again and again"):
        list(listings(tree, asked))
