from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.edit import edited, folder_of, tree_of
from sync_core.model.errors import RemoteProtocolError
from sync_core.model.file import File, md5_of, sha256_of
from sync_core.model.folder import EMPTY_FOLDER, Folder
from sync_core.model.path import RelPath
from sync_core.protocol.dialect.codec import decode_answer, message_frame
from sync_core.protocol.dialect.delta import delta, edits_of, edits_to_wire, files_of
from sync_core.protocol.dialect.frames import FrameReader
from sync_core.protocol.dialect.messages import Delta, FolderEdit, FolderRecord
from sync_core.protocol.dialect.records import file_record
from tests.protocol.dialect.strategies import trees

X = File(md5=md5_of(b"x"), sha256=sha256_of(b"x"), size_bytes=1, last_write_time=1, mode=0o644)
Y = File(md5=md5_of(b"y"), sha256=sha256_of(b"y"), size_bytes=1, last_write_time=1, mode=0o644)


def carried(message: Delta) -> Delta:
    reader = FrameReader()
    reader.feed(message_frame(message))
    frame = reader.next_frame()
    assert frame is not None
    answer = decode_answer(frame.payload)
    assert isinstance(answer, Delta)
    return answer


@given(trees, trees, st.booleans())
def test_a_delta_leads_to_the_newest_tree(known: Folder, newest: Folder, are_digests_known: bool) -> None:
    base, to = (known.digest, newest.digest) if are_digests_known else (bytes(32), bytes(32))
    edits = delta(known, newest)
    assert edits is not None
    answer = carried(Delta(base=base, to=to, edits=edits_to_wire(edits)))
    assert edited(known, edits_of(answer.edits)).digest == newest.digest
    wanted = [(path, entry) for path, entry in edits.items() if isinstance(entry, File)]
    assert {path for path, _ in files_of(answer.edits)} == {path for path, _ in wanted}


def test_one_changed_file_is_one_edit() -> None:
    known = tree_of([(RelPath(f"d{n}/e/f{m}"), X) for n in range(9) for m in range(9)])
    newest = edited(known, {RelPath("d4/e/f4"): Y})
    assert delta(known, newest) == {RelPath("d4/e/f4"): Y}
    assert delta(known, known) == {}


def test_a_folder_that_can_be_read_again_is_a_difference() -> None:
    """Its own digest says nothing of it, that of the folder above does."""
    blind, seen = (folder_of({"a": folder_of({"b": X}, is_unreadable=mark)}) for mark in (True, False))
    assert blind.digest != seen.digest
    for known, newest in ((blind, seen), (seen, blind)):
        edits = delta(known, newest)
        assert edits is not None
        assert edited(known, edits) == newest


def test_marks_are_no_difference() -> None:
    marked = File(
        md5=X.md5, sha256=X.sha256, size_bytes=1, last_write_time=1, mode=0o644, is_settling=True, is_unreadable=True
    )
    assert delta(folder_of({"a": X}), folder_of({"a": marked})) == {}


def test_too_much_is_no_delta() -> None:
    newest = folder_of({f"{n:03}": X for n in range(100)})
    assert delta(EMPTY_FOLDER, newest, most_edits=99) is None
    assert delta(EMPTY_FOLDER, newest, most_bytes=100 * 110) is None
    wide = folder_of({"ü" * 100 + f"{n:03}": X for n in range(100)})
    assert delta(EMPTY_FOLDER, wide, most_bytes=100 * 300) is None
    assert len(delta(EMPTY_FOLDER, newest, most_edits=100) or ()) == 100


@pytest.mark.parametrize(
    "wire",
    [
        (FolderEdit(b"", (b"a", b"a")),),
        (FolderEdit(b"", (b"a",)), FolderEdit(b"a", (b"b",))),
        (FolderEdit(b"a", (b"b",)), FolderEdit(b"", (), (), (file_record("a", X, with_marks=False),))),
        (FolderEdit(b"", (b"a",)), FolderEdit(b"a/b/c", (b"d",))),
        (FolderEdit(b"", (b"a",), (FolderRecord(b"a", bytes(32)),)),),
        (FolderEdit(b"/".join([b"a"] * 200), (b"b",)),),
    ],
)
def test_edits_that_contradict_each_other_are_refused(wire: tuple[FolderEdit, ...]) -> None:
    with pytest.raises(RemoteProtocolError):
        edits_of(wire)


def test_files_are_counted_through_all_edits() -> None:
    edits = {RelPath("b/x"): X, RelPath("a"): None, RelPath("c"): Y, RelPath("a2/y"): Y}
    assert [path for path, _ in files_of(edits_to_wire(edits))] == ["c", "a2/y", "b/x"]
