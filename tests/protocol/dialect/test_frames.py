from __future__ import annotations

import itertools
import random
import struct
import tracemalloc

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.errors import LocalProtocolError, RemoteProtocolError
from sync_core.protocol.dialect.frames import FrameKind, FrameReader, content_frames, frame
from sync_core.protocol.dialect.limits import MAX_FRAME_BYTES

NOISE = random.Random(9).randbytes(MAX_FRAME_BYTES)
SHRINKS = b"<job/>\n" * 1000

kinds = st.sampled_from(FrameKind)
payloads = st.one_of(st.binary(min_size=1, max_size=40), st.sampled_from([SHRINKS, NOISE[:3000], NOISE[:400] * 2]))


def read(blocks: list[bytes]) -> list[tuple[FrameKind, bytes]]:
    """Return what a reader gives, with neighbouring contents made one."""
    reader, found = FrameReader(), list[tuple[FrameKind, bytes]]()
    for block in blocks:
        reader.feed(block)
        while (got := reader.next_frame()) is not None:
            kind, payload = got
            if found and kind is found[-1][0] is FrameKind.CONTENT:
                payload = found.pop()[1] + payload
            found.append((kind, payload))
    assert reader.unread_bytes == 0
    return found


@given(st.lists(st.tuples(kinds, payloads), max_size=5), st.lists(st.integers(0, 20000), max_size=12), st.booleans())
def test_any_cut_gives_the_same_frames(frames: list[tuple[FrameKind, bytes]], places: list[int], small: bool) -> None:
    data = b"".join(frame(kind, payload, compresses=small) for kind, payload in frames)
    edges = [0, *sorted(place for place in places if place < len(data)), len(data)]
    blocks = [data[start:end] for start, end in itertools.pairwise(edges)]
    assert read(blocks) == read([data])
    assert b"".join(payload for _, payload in read(blocks)) == b"".join(payload for _, payload in frames)


@pytest.mark.parametrize(
    ("payload", "is_smaller"),
    [
        (SHRINKS, True),
        (SHRINKS[:511], False),  # too short to be worth it
        (NOISE[:4000], False),
        (NOISE, False),
        (NOISE[:1000] + b"x" * 90, False),  # less than a tenth
        (b"x" * MAX_FRAME_BYTES, True),
        (b"x" * 300_000 + NOISE[:200_000] + b"x" * 300_000, False),  # its middle does not
    ],
)
def test_only_what_shrinks_is_compressed(payload: bytes, is_smaller: bool) -> None:
    data = frame(FrameKind.MESSAGE, payload)
    assert data[4] == (0x81 if is_smaller else 0x01)
    assert (len(data) < len(payload)) is is_smaller
    assert read([data]) == [(FrameKind.MESSAGE, payload)]
    assert frame(FrameKind.MESSAGE, payload, compresses=False) == struct.pack(">IB", len(payload), 1) + payload


@pytest.mark.parametrize("size_bytes", [0, MAX_FRAME_BYTES + 1])
def test_nothing_and_too_much_are_no_frame(size_bytes: int) -> None:
    with pytest.raises(LocalProtocolError):
        frame(FrameKind.MESSAGE, bytes(size_bytes))


def test_contents_of_any_length_are_frames() -> None:
    content = NOISE + NOISE[:10]
    data = content_frames(content)
    assert len(data) == len(content) + 10
    assert read([data]) == [(FrameKind.CONTENT, content)]
    assert content_frames(b"") == b""


def test_contents_are_given_out_as_they_come() -> None:
    reader = FrameReader()
    data = content_frames(NOISE)
    for at in range(0, len(data), 1000):
        reader.feed(data[at : at + 1000])
        got = reader.next_frame()
        assert got is not None
        assert reader.unread_bytes == 0
    reader.feed(frame(FrameKind.MESSAGE, b"x"))
    assert reader.next_frame() == (FrameKind.MESSAGE, b"x")


def _zstd(content: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=19).compress(content)


def _lying(content: bytes, *, says: int) -> bytes:
    """Return a compressed frame with an eight-byte size that is not that of its content."""
    honest = _zstd(content)
    header = zstandard.frame_header_size(honest)
    return b"\x28\xb5\x2f\xfd" + bytes([0xE0]) + struct.pack("<Q", says) + honest[header:]


BOMB = _zstd(bytes(200 << 20))
BOMB_WITHOUT_SIZE = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(64 << 20))
_wide = zstandard.ZstdCompressor(
    compression_params=zstandard.ZstdCompressionParameters(window_log=24, write_content_size=False)
).compressobj()
WIDE = _wide.compress(SHRINKS) + _wide.flush()
NONSENSE = {
    "unknown kind": struct.pack(">IB", 1, 3) + b"x",
    "kind zero": struct.pack(">IB", 1, 0) + b"x",
    "another bit of the kind": struct.pack(">IB", 1, 0x41) + b"x",
    "empty message": struct.pack(">IB", 0, 1),
    "empty contents": struct.pack(">IB", 0, 2),
    "too long": struct.pack(">IB", MAX_FRAME_BYTES + 1, 2),
    "far too long": b"\xff\xff\xff\xff\x01",
    "a bomb": struct.pack(">IB", len(BOMB), 0x81) + BOMB,
    "a bomb that says nothing": struct.pack(">IB", len(BOMB_WITHOUT_SIZE), 0x82) + BOMB_WITHOUT_SIZE,
    "one byte too many": struct.pack(">IB", len(_zstd(bytes(MAX_FRAME_BYTES + 1))), 0x82)
    + _zstd(bytes(MAX_FRAME_BYTES + 1)),
    "says less than it has": struct.pack(">IB", len(_lying(SHRINKS, says=10)), 0x81) + _lying(SHRINKS, says=10),
    "says more than it has": struct.pack(">IB", len(_lying(SHRINKS, says=9000)), 0x81) + _lying(SHRINKS, says=9000),
    "says 2^62": struct.pack(">IB", len(_lying(SHRINKS, says=2**62)), 0x81) + _lying(SHRINKS, says=2**62),
    "no compressor made it": struct.pack(">IB", 5, 0x81) + b"\x28\xb5\x2f\xfd\x00",
    "a window beyond the bound": struct.pack(">IB", len(WIDE), 0x81) + WIDE,
    "nothing in it": struct.pack(">IB", len(_zstd(b"")), 0x82) + _zstd(b""),
    "two in one": struct.pack(">IB", 2 * len(_zstd(SHRINKS)), 0x81) + 2 * _zstd(SHRINKS),
    "cut off": struct.pack(">IB", len(_zstd(SHRINKS)) - 1, 0x81) + _zstd(SHRINKS)[:-1],
}


@pytest.mark.parametrize("data", NONSENSE.values(), ids=NONSENSE.keys())
def test_nonsense_is_refused_and_costs_no_memory(data: bytes) -> None:
    reader = FrameReader()
    reader.feed(data)
    tracemalloc.start()
    try:
        with pytest.raises(RemoteProtocolError):
            reader.next_frame()
        assert tracemalloc.get_traced_memory()[1] < 2 * MAX_FRAME_BYTES + (1 << 18)
    finally:
        tracemalloc.stop()


def test_a_length_beyond_the_bound_is_refused_before_its_bytes_come() -> None:
    reader = FrameReader()
    reader.feed(struct.pack(">IB", MAX_FRAME_BYTES + 1, 0x81))
    with pytest.raises(RemoteProtocolError, match="says that it has"):
        reader.next_frame()


def test_what_is_compressed_without_its_size_is_taken() -> None:
    smaller = zstandard.ZstdCompressor(write_content_size=False).compress(SHRINKS)
    assert read([struct.pack(">IB", len(smaller), 0x81) + smaller]) == [(FrameKind.MESSAGE, SHRINKS)]


@given(st.lists(st.binary(min_size=1, max_size=30), max_size=10))
def test_any_bytes_are_frames_or_a_protocol_error(blocks: list[bytes]) -> None:
    reader = FrameReader()
    try:
        for block in blocks:
            reader.feed(block)
            while (got := reader.next_frame()) is not None:
                assert 0 < len(got.payload) <= MAX_FRAME_BYTES
    except RemoteProtocolError:
        pass
