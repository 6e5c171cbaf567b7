from __future__ import annotations

import struct
import tracemalloc
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.errors import LocalProtocolError, RemoteProtocolError
from sync_core.protocol.dialect.codec import decode_answer, decode_request, message_frame
from sync_core.protocol.dialect.frames import FrameReader
from sync_core.protocol.dialect.messages import Answer, Check, Error, Listing, Request, Same, Unknown
from tests.protocol.dialect.strategies import answers, requests

D = bytes(32)
M = bytes(16)


def payload_of(message: Request | Answer) -> bytes:
    reader = FrameReader()
    reader.feed(message_frame(message))
    frame = reader.next_frame()
    assert frame is not None
    assert reader.unread_bytes == 0
    return frame.payload


def packed(**fields: object) -> bytes:
    return msgspec.msgpack.encode(fields)


@given(requests)
def test_requests_survive(request_: Request) -> None:
    assert decode_request(payload_of(request_)) == request_


@given(answers)
def test_answers_survive(answer: Answer) -> None:
    assert decode_answer(payload_of(answer)) == answer


@given(requests, st.dictionaries(st.text(min_size=2, max_size=5), st.integers() | st.binary(), max_size=3))
def test_unknown_fields_are_passed_over(request_: Request, more: dict[str, Any]) -> None:
    fields = msgspec.msgpack.decode(payload_of(request_))
    added = {f"x-{name}": value for name, value in more.items() if not isinstance(value, int) or abs(value) < 2**63}
    assert decode_request(msgspec.msgpack.encode({**added, **fields})) == request_


def test_unknown_fields_of_records_are_passed_over() -> None:
    part = [b"", 0, [[b"a", D, M, 1, 2, 3, 0, "later"]], [[b"f", D, 0, 9]], False, False, b"later"]
    answer = decode_answer(packed(t="listing", parts=[part], last=True))
    assert isinstance(answer, Listing)
    assert answer.parts[0].files[0].mode == 3


@pytest.mark.parametrize("payload", [packed(t="later", x=[1]), packed(x={"y": None}, t="later"), packed(t="same")])
def test_an_unknown_request_is_named(payload: bytes) -> None:
    unknown = decode_request(payload)
    assert unknown == Unknown(what=msgspec.msgpack.decode(payload)["t"])
    assert isinstance(unknown, Unknown)
    assert decode_answer(payload_of(unknown)) == unknown


def test_a_long_unknown_request_is_named_in_short() -> None:
    unknown = decode_request(packed(t="x" * 5000))
    assert isinstance(unknown, Unknown)
    assert decode_answer(payload_of(unknown)) == unknown


def test_an_unknown_answer_ends_it() -> None:
    with pytest.raises(RemoteProtocolError):
        decode_answer(packed(t="later"))


BAD_REQUESTS: dict[str, bytes] = {
    "nothing": b"",
    "no map": msgspec.msgpack.encode([1]),
    "no name": packed(known=D),
    "a number for a name": packed(t=5),
    "a name that is no text": b"\x81\xa1t\xa2\xff\xfe",
    "more behind it": packed(t="check") + b"\xc0",
    "cut off": packed(t="check", known=D)[:-1],
    "a short digest": packed(t="check", known=D[1:]),
    "a long digest": packed(t="check", known=D + b"x"),
    "a digest that is text": packed(t="check", known="x" * 32),
    "folders that are none": packed(t="folders", folders=5),
    "no folders": packed(t="folders"),
    "a folder above": packed(t="folders", folders=[[b"../x", D]]),
    "an absolute folder": packed(t="folders", folders=[[b"/etc", D]]),
    "a long path": packed(t="folders", folders=[[b"a/" * 2048 + b"a", D]]),
    "a deep path": packed(t="folders", folders=[[b"/".join([b"a"] * 201), D]]),
    "too many folders": packed(t="folders", folders=[[b"a", D]] * 10_001),
    "too many contents": packed(t="contents", files=[[b"a", D, 0, 0]] * 10_001),
    "a piece too long": packed(t="contents", files=[[b"a", D, 0, (1 << 20) + 1]]),
    "pieces too long together": packed(t="contents", files=[[b"a", D, 0, 1 << 20], [b"b", D, 0, 1]]),
    "a piece before the beginning": packed(t="contents", files=[[b"a", D, -1, 1]]),
    "a piece of no length": packed(t="contents", files=[[b"a", D, 0, -1]]),
    "a path that leads out": packed(t="contents", files=[[b"a/../../b", D, 0, 1]]),
    "a long name of a slave": packed(t="look", slave="x" * 1001),
    "nested without end": b"\x82\xa1t\xa5check\xa1x" + b"\x91" * 100_000,
    "an unknown one nested without end": b"\x82\xa1t\xa5later\xa1x" + b"\x91" * 100_000,
}
FILE = [b"a", D, M, 1, 2, 3]


def listing(*, files: object = (), folders: object = (), path: bytes = b"", start: int = 0) -> bytes:
    return packed(t="listing", parts=[[path, start, files, folders]])


BAD_ANSWERS: dict[str, bytes] = {
    "a name with a slash": listing(files=[[b"a/b", *FILE[1:]]]),
    "a name with a backslash": listing(files=[[b"a\\b", *FILE[1:]]]),
    "a name that is empty": listing(files=[[b"", *FILE[1:]]]),
    "a folder that is above": listing(folders=[[b"..", D]]),
    "a long name": listing(files=[[b"n" * 256, *FILE[1:]]]),
    "set-user-id": listing(files=[[b"a", D, M, 1, 2, 0o4755]]),
    "a size below nothing": listing(files=[[b"a", D, M, -1, 2, 3]]),
    "a time that is no number of 64 bits": listing(files=[[b"a", D, M, 1, 2**63, 3]]),
    "a time that means unknown": listing(files=[[b"a", D, M, 1, -(2**63), 3]]),
    "a SHA-256 without md5": listing(files=[[b"a", D, None, 1, 2, 3]]),
    "a SHA-256 without size": listing(files=[[b"a", D, M, None, 2, 3]]),
    "a path that leads out": listing(path=b"a/.."),
    "a start below nothing": listing(start=-1),
    "too many parts": packed(t="listing", parts=[[b"", 0]] * 10_001),
    "too many files": listing(files=[FILE] * 10_001),
    "too few fields": listing(files=[FILE[:5]]),
    "a removal that leads out": packed(t="delta", base=D, to=D, edits=[[b"", [b".."]]]),
    "contents for no file": packed(t="delta", base=D, to=D, edits=[[b"", [], [], [FILE]]], inline=[[1, 1]]),
    "too much that rides along": packed(
        t="delta", base=D, to=D, edits=[[b"", [], [], [FILE]]], inline=[[0, 1 << 17], [0, 1 << 17], [0, 1]]
    ),
    "too much of a bundle": packed(t="bundle", sizes=[1 << 20, 1]),
    "a size of -2": packed(t="bundle", sizes=[-2]),
    "a long text": packed(t="error", code="x", text="x" * 1001),
}


@pytest.mark.parametrize("payload", BAD_REQUESTS.values(), ids=BAD_REQUESTS.keys())
def test_requests_beyond_a_bound_are_refused(payload: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        decode_request(payload)


@pytest.mark.parametrize("payload", BAD_ANSWERS.values(), ids=BAD_ANSWERS.keys())
def test_answers_beyond_a_bound_are_refused(payload: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        decode_answer(payload)


def _announces(field: str, tag: str, inner: bytes = b"") -> bytes:
    """Return a message with a list that says that it has four thousand million items."""
    many = b"\xdd" + struct.pack(">I", 2**32 - 1)
    before = msgspec.msgpack.encode({"t": tag, "base": D, "to": D, field: 0})[:-1]
    return before + inner + many


MANY = [
    _announces("folders", "folders"),
    _announces("files", "contents"),
    _announces("parts", "listing"),
    _announces("parts", "listing", b"\x91\x93\xc4\x00\x00"),
    _announces("edits", "delta"),
    _announces("edits", "delta", b"\x91\x92\xc4\x00"),
    _announces("sizes", "bundle"),
    _announces("later", "same"),
]


@pytest.mark.parametrize("payload", MANY)
def test_what_a_list_announces_is_not_believed(payload: bytes) -> None:
    tracemalloc.start()
    try:
        for decode in (decode_request, decode_answer):
            with pytest.raises(RemoteProtocolError):
                decode(payload)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@given(st.one_of(st.binary(max_size=60), st.binary(max_size=20).map(lambda tail: b"\x82\xa1t\xa5check" + tail)))
def test_any_bytes_are_a_message_or_a_protocol_error(payload: bytes) -> None:
    for decode in (decode_request, decode_answer):
        try:
            decode(payload)
        except RemoteProtocolError:
            continue


@given(st.one_of(requests, answers), st.data())
def test_a_message_with_a_wrong_byte_is_another_or_a_protocol_error(message: Any, data: st.DataObject) -> None:
    payload = bytearray(payload_of(message))
    payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    for decode in (decode_request, decode_answer):
        try:
            decode(bytes(payload))
        except RemoteProtocolError:
            continue


def test_a_message_too_long_for_a_frame_is_our_mistake() -> None:
    with pytest.raises(LocalProtocolError):
        message_frame(Error(code="x", text="x" * (1 << 20)))


def test_defaults_are_left_out() -> None:
    assert payload_of(Same()) == packed(t="same")
    assert payload_of(Check(known=D)) == packed(t="check", known=D)
