from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.edit import folder_of
from sync_core.model.errors import UnsafeNameError
from sync_core.model.file import File, md5_of, sha256_of
from sync_core.model.path import RelPath
from sync_core.protocol.dialect.codec import decode_request, message_frame
from sync_core.protocol.dialect.contents import OfferedPiece, WantedContent, offered_pieces, windows
from sync_core.protocol.dialect.frames import FrameReader
from sync_core.protocol.dialect.limits import MAX_FRAME_BYTES, MAX_WINDOW_BYTES
from sync_core.protocol.dialect.messages import ContentAsked, Contents

D = bytes(32)
wanted_lists = st.lists(st.integers(0, 40), max_size=20).map(
    lambda sizes: [WantedContent(RelPath(f"f{n}"), D, size) for n, size in enumerate(sizes)]
)


@given(wanted_lists, st.integers(1, 30))
def test_windows_ask_for_every_byte_once_and_in_order(wanted: list[WantedContent], most_bytes: int) -> None:
    requests = list(windows(wanted, most_bytes=most_bytes))
    asked = [piece for request in requests for piece in request.files]
    assert all(sum(piece.length for piece in request.files) <= most_bytes for request in requests)
    covered: dict[bytes, int] = {}
    for piece in asked:
        assert piece.offset == covered.get(piece.path, 0)
        covered[piece.path] = piece.offset + piece.length
    pieces = [piece.path for piece in asked]
    assert all(pieces.count(content.path.encode()) == 1 for content in wanted if content.size_bytes <= most_bytes)
    assert covered == {content.path.encode(): content.size_bytes for content in wanted}
    assert len([piece for piece in asked if piece.length == 0]) == len([c for c in wanted if c.size_bytes == 0])


def test_ten_thousand_small_files_need_few_requests() -> None:
    requests = list(windows(WantedContent(RelPath(f"d{n % 100}/f{n}.xml"), D, 2100) for n in range(10_000)))
    assert 20 <= len(requests) <= 40


def test_a_big_file_comes_in_pieces() -> None:
    requests = list(windows([WantedContent(RelPath("big"), D, 5 * MAX_WINDOW_BYTES + 1)]))
    assert [request.files[0].offset for request in requests] == [n * MAX_WINDOW_BYTES for n in range(6)]


def test_a_content_that_broke_off_goes_on() -> None:
    (request,) = windows([WantedContent(RelPath("a"), D, 10, offset=7)])
    assert request.files == (ContentAsked(b"a", D, 7, 3),)


def test_requests_fit_frames_and_are_taken() -> None:
    name = "/".join(["n" * 255] * 15)
    for request in windows(WantedContent(RelPath(f"{name}/{n}"), D, n % 2) for n in range(5_000)):
        data = message_frame(request, compresses=False)
        assert len(data) < MAX_FRAME_BYTES
        reader = FrameReader()
        reader.feed(data)
        frame = reader.next_frame()
        assert frame is not None
        assert decode_request(frame.payload) == request


def test_a_path_that_no_peer_would_take_is_not_asked_for() -> None:
    with pytest.raises(UnsafeNameError):
        list(windows([WantedContent(RelPath("a\\b"), D, 1)]))


def a_file(content: bytes, *, is_settling: bool = False) -> File:
    return File(md5=md5_of(content), sha256=sha256_of(content), size_bytes=len(content), is_settling=is_settling)


def test_only_what_was_offered_can_be_had() -> None:
    settling, plain = a_file(b"two", is_settling=True), a_file(b"one")
    root = folder_of({"a": plain, "d": folder_of({"b": plain}), "s": settling, "m": File(md5=md5_of(b""))})
    digest = sha256_of(b"one")

    def offered(path: bytes, sha256: bytes = digest, offset: int = 0, length: int = 3) -> OfferedPiece | None:
        (piece,) = offered_pieces(root, Contents(files=(ContentAsked(path, sha256, offset, length),)))
        return piece

    assert offered(b"a") == OfferedPiece(RelPath("a"), plain, 0, 3)
    assert offered(b"d/b", offset=1, length=2) == OfferedPiece(RelPath("d/b"), plain, 1, 2)
    assert offered(b"a", sha256=D) is None
    assert offered(b"d") is None
    assert offered(b"") is None
    assert offered(b"none") is None
    assert offered(b"a/b") is None
    assert offered(b"m", sha256=sha256_of(b"")) is None
    assert offered(b"s", sha256=sha256_of(b"two")) is None
    assert offered(b"a", offset=1) is None
    assert offered(b"a", offset=2**53) is None


def test_pieces_of_many_files_are_not_all_read() -> None:
    files = {f"{number:03}": a_file(b"%03d" % number) for number in range(100)}
    whole = tuple(ContentAsked(name.encode(), sha256_of(name.encode()), 0, 3) for name in files)
    assert None not in offered_pieces(folder_of(files), Contents(files=whole))
    pieces = tuple(ContentAsked(asked.path, asked.sha256, 1, length) for asked in whole for length in (0, 1))
    given = offered_pieces(folder_of(files), Contents(files=pieces + whole))
    assert 2 <= len([piece for piece in given[:200] if piece is not None]) <= 16
