from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sync_core.model.errors import RemoteProtocolError
from sync_core.protocol.framing import AnswerReader, RequestScanner
from tests.support.wire import Splitter, byte_by_byte, cut_at, whole

# The model results of protocol.md section 1.2, and more that follow from its rules.
SCANNED = [
    (b'<a x="p>q"/>', None),
    (b'<a x="/>"><b/></a>', 8),
    (b' <?xml version="1.0"?>\n<a/>', 23),
    (b"<a/>\n", 4),
    (b"<_a/>", None),
    (b"show_state\n", 11),
    (b"<a>!--</a>--></a>", 17),
    (b"<a>!-</a>", 9),
    (b"<a>!x--</a>", 11),
    (b"<a>!--x-->!--y--></a>", 21),
    (b'<?xml version="1.0"?>\n', None),
    (b'<?xml version="1.0"?>\n<a>\n<b/></a>tail', 34),
    (b"<!-- c --><a/>", 14),
    (b"<a></a>", 7),
    (b"<a></b>", 7),
    (b"<a><b></b></a>", 14),
    (b"<a", None),
    (b"<></a>", None),
    (b"</a><b/>", None),
    (b"</>", None),
    (b"<a></a/>", 8),
    (b"<a><b/><b/><b x='/'/></a>tail", 25),
    (b"<a><b/><b/>!--</a>--></a>", 25),
    (b"<a><b/><b <c/></a>", 18),
    (b"<a><b/><b/", None),
    (b"<a><b/><b></b><b/></a>", 22),
    (b"<a><b/></a/></a>", 12),
    (b"<a / >", None),
    (b"\0<a/>", 5),
    (b"\0\n", 2),
    (b"<\0a\0/\0>\0", 7),
    (b"x<a>\n</a>", 5),
    (b"\n<a/>", 1),
    (b"", None),
]


def scan(data: bytes, split: Splitter) -> int | None:
    scanner, seen = RequestScanner(), 0
    for piece in split(data):
        end = scanner.feed(piece)
        if end is not None:
            return seen + end
        seen += len(piece)
    return None


@pytest.mark.parametrize(("data", "end"), SCANNED)
@pytest.mark.parametrize("split", [whole, byte_by_byte])
def test_scanner_counts_as_the_original_does(data: bytes, end: int | None, split: Splitter) -> None:
    assert scan(data, split) == end


_markup = st.lists(
    st.sampled_from([b"<", b">", b"/", b"a", b"!--", b"-", b"\n", b"\0", b'"', b"-->", b" "]), max_size=30
)


@given(_markup.map(b"".join), st.lists(st.integers(0, 60)))
def test_blocks_make_no_difference_to_the_scanner(data: bytes, places: list[int]) -> None:
    assert scan(data, cut_at(places)) == scan(data, whole)


def read(data: bytes, split: Splitter, max_bytes: int = 1000) -> list[bytes]:
    reader, found = AnswerReader(max_bytes=max_bytes), []
    for piece in split(data):
        reader.feed(piece)
        while (document := reader.next_document()) is not None:
            found.append(document)
    return found


ANSWERS = [
    (b"<a/>\0", [b"<a/>"]),
    (b"<a/>\n\0", [b"<a/>"]),
    (b"<a/>\n", [b"<a/>"]),
    (b"<a/>", [b"<a/>"]),
    (b"\0\n <a/>", [b"<a/>"]),
    (b"<a></a>\0<b/>\n\0", [b"<a></a>", b"<b/>"]),
    (b"<a></a><b/>", [b"<a></a>", b"<b/>"]),
    (b'<a x="p>q"></a>\0<b/>\0', [b'<a x="p>q"></a>', b"<b/>"]),
    (b"<a><b></a>\0", [b"<a><b></a>"]),
    (b"<a>", []),
    (b"\0\0", []),
]


@pytest.mark.parametrize(("data", "documents"), ANSWERS)
@pytest.mark.parametrize("split", [whole, byte_by_byte])
def test_answers_end_with_nul_or_with_their_root(data: bytes, documents: list[bytes], split: Splitter) -> None:
    assert read(data, split) == documents


@given(st.lists(st.integers(0, 60)))
@example([])
def test_blocks_make_no_difference_to_answers(places: list[int]) -> None:
    data = b'<?xml version="1.0"?>\n<a><b x="y"/></a>\n\0<c/>\0\n<d></d>'
    documents = [b'<?xml version="1.0"?>\n<a><b x="y"/></a>', b"<c/>", b"<d></d>"]
    assert read(data, cut_at(places)) == documents


@pytest.mark.parametrize("split", [whole, byte_by_byte])
def test_too_long_an_answer_is_refused(split: Splitter) -> None:
    assert read(b"<a>45</a>\0", split, max_bytes=9) == [b"<a>45</a>"]
    with pytest.raises(RemoteProtocolError, match="longer than 9 bytes"):
        read(b"<a>456</a>\0", split, max_bytes=9)


def test_what_is_no_xml_is_refused_at_once() -> None:
    with pytest.raises(RemoteProtocolError, match=r"the answer is no XML: 'SSH-2.0-x\\x0d\\x0a'"):
        read(b"SSH-2.0-x\r\n", whole)
