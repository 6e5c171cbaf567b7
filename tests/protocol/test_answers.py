from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.change import WriteFile
from sync_core.model.edit import tree_of
from sync_core.model.errors import RemoteProtocolError, UnsafeNameError
from sync_core.model.file import File
from sync_core.model.path import RelPath
from sync_core.protocol.answers import answer_pieces, decode_answer, error_answer, refusal_answer
from sync_core.protocol.changes import encode_changes
from sync_core.protocol.messages import (
    Answer,
    ChangesAnswer,
    ClusterAnswer,
    ErrorAnswer,
    FileListAnswer,
    OkAnswer,
    OtherAnswer,
    StateAnswer,
)
from sync_core.protocol.schema import refusal
from tests.protocol.strategies import answers
from tests.support.wire import TIME, encode_answer

HEAD = b'<?xml version="1.0" encoding="ISO-8859-1"?>\n<spooler><answer time="2026-11-24 03:16:21.992">'
TAIL = b"</answer></spooler>"
FILE = WriteFile(path=RelPath("bä€.txt"), last_write_time=1795485600, content=b"ABC")

ENCODED: list[tuple[Answer, bytes]] = [
    (OkAnswer(), HEAD + b"<ok/>" + TAIL + b"\n\0"),
    (
        ErrorAnswer(code="X-1", text="X-1  <é>\n", time="2026-11-24 03:16:21"),
        HEAD + b'<ERROR time="2026-11-24 03:16:21" code="X-1" text="X-1  &lt;&#233;&gt;&#10;"/>' + TAIL + b"\n\0",
    ),
    (ChangesAnswer(), HEAD + b"<configuration.directory/>" + TAIL + b"\0"),
    (
        ChangesAnswer(changes=(FILE,)),
        HEAD + b'<configuration.directory><configuration.file name="b\xc3\xa4\xe2\x82\xac.txt" '
        b'last_write_time="2026-11-24T02:00:00.000Z"><content encoding="base64">QUJD</content></configuration.file>'
        b"</configuration.directory>" + TAIL + b"\0",
    ),
    (
        FileListAnswer(tree=tree_of([(RelPath("ä"), File())])),
        HEAD + b"<supervisor.remote_scheduler.configuration.fetch_updated_files "
        b'tree_md5="980bd685a4ed3963288aee776bbaa8b3"><configuration.file name="&#195;&#164;"/>'
        b"</supervisor.remote_scheduler.configuration.fetch_updated_files>" + TAIL + b"\n\0",
    ),
    (
        StateAnswer(attributes={"id": "x"}),
        HEAD
        + b'<state id="x"><subprocesses/><remote_schedulers count="0" connected="0"/><connections/></state>'
        + TAIL
        + b"\n\0",
    ),
    (
        ClusterAnswer(active=0),
        HEAD + b'<cluster><remote_schedulers count="0" connected="0" active="0"/></cluster>' + TAIL + b"\n\0",
    ),
    (OkAnswer(jsync=1), HEAD + b'<ok jsync="1"/>' + TAIL + b"\n\0"),
    (OkAnswer(jsync=2), HEAD + b'<ok jsync="2"/>' + TAIL + b"\n\0"),
    (OtherAnswer(element="params"), HEAD + b"<params/>" + TAIL + b"\n\0"),
]


@pytest.mark.parametrize(("answer", "document"), ENCODED)
def test_answers_are_the_bytes_of_a_real_1_3(answer: Answer, document: bytes) -> None:
    assert encode_answer(answer, time=TIME) == document
    assert decode_answer(document) == answer


def test_what_was_written_already_is_shared_and_only_the_head_differs() -> None:
    encoded = encode_changes((FILE,))
    answer = ChangesAnswer(changes=(FILE,), encoded=encoded)
    for time in (TIME, "2026-11-24 03:16:22.001"):
        head, body, tail = answer_pieces(answer, time=time)
        assert body is encoded
        assert tail == b"</answer></spooler>\0"
        assert head + body + tail == encode_answer(ChangesAnswer(changes=(FILE,)), time=time)
    pretty = encode_answer(answer, time=TIME, pretty=True)
    assert pretty == encode_answer(ChangesAnswer(changes=(FILE,)), time=TIME, pretty=True)


def test_pretty_answers_are_indented_the_files_too() -> None:
    lines = encode_answer(ChangesAnswer(changes=(FILE,)), time=TIME, pretty=True).split(b"\r\n")
    assert lines[1:3] == [b"<spooler>", b'  <answer time="2026-11-24 03:16:21.992">']
    assert lines[5] == b'        <content encoding="base64">QUJD</content>'
    assert lines[-2:] == [b"</spooler>", b"\0"]


def test_names_that_cannot_travel_are_refused_by_name() -> None:
    change = WriteFile(path=RelPath("a\x01b"), last_write_time=0, content=b"")
    with pytest.raises(UnsafeNameError, match=r"'a\\x01b'"):
        encode_answer(ChangesAnswer(changes=(change,)), time=TIME)


@pytest.mark.parametrize(
    ("document", "answer"),
    [
        (b"<spooler><answer><ok/></answer></spooler>", OkAnswer()),
        (b"\n<spooler><answer><ok/></answer></spooler>\r\n\0", OkAnswer()),
        (b'<spooler><answer><ok recommended="x" jsync="1"/></answer></spooler>', OkAnswer(jsync=1)),
        (b'<spooler><answer><ok jsync="yes"/></answer></spooler>', OkAnswer()),
        (b'<spooler><answer><ok jsync="-1"/></answer></spooler>', OkAnswer()),
        (b'<spooler><answer><ok jsync="99999"/></answer></spooler>', OkAnswer()),
        (b"<answer><ok/></answer>", OkAnswer()),
        (b"<ok/>", OkAnswer()),
        (b"<spooler><answer><foo/><ok/><ERROR/></answer></spooler>", ErrorAnswer(code="", text="")),
        (b'<?xml version="1.0"?><ERROR/>', ErrorAnswer(code="", text="")),
        (b"<spooler><answer/></spooler>", OtherAnswer(element="answer")),
        (b"<spooler/>", OtherAnswer(element="spooler")),
        (b'<foo x="1"/>', OtherAnswer(element="foo", attributes={"x": "1"})),
        (b"<foo><ok/></foo>", OtherAnswer(element="foo")),
        (
            b'<spooler><x/><answer><bar y="2"/><baz/></answer></spooler>',
            OtherAnswer(element="bar", attributes={"y": "2"}),
        ),
        (b"<spooler><answer><ok/><configuration.directory/></answer></spooler>", ChangesAnswer()),
    ],
)
def test_answers_are_taken_in_all_their_forms(document: bytes, answer: Answer) -> None:
    assert decode_answer(document) == answer


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"", "no element found"),
        (b"<spooler><answer></spooler>", "mismatched tag"),
        (b"<spooler/><spooler/>", "junk after document element"),
        (
            b'<spooler><answer><configuration.directory><configuration.file name="../x"/></configuration.directory>'
            b"</answer></spooler>",
            "'../x'",
        ),
    ],
)
def test_answers_that_make_no_sense_are_refused(document: bytes, reason: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        decode_answer(document)
    assert reason in str(caught.value)


def test_errors_have_the_catalogues_text() -> None:
    expected = ErrorAnswer(
        code="SCHEDULER-457", text="SCHEDULER-457  Remote scheduler '10.0.0.7' has not been registered"
    )
    assert error_answer("SCHEDULER-457", "10.0.0.7") == expected
    assert refusal_answer(refusal("SCHEDULER-457", "10.0.0.7")) == expected


@given(answers)
def test_answers_are_read_back(answer: Answer) -> None:
    assert decode_answer(encode_answer(answer, time=TIME)) == answer


@given(answers)
def test_pretty_answers_are_read_back(answer: Answer) -> None:
    assert decode_answer(encode_answer(answer, time=TIME, pretty=True)) == answer


@given(st.binary())
def test_any_bytes_are_an_answer_or_a_protocol_error(document: bytes) -> None:
    try:
        decode_answer(document)
    except RemoteProtocolError as error:
        assert str(error).isprintable()


@given(answers, st.integers(0, 2000), st.integers(0, 255))
def test_a_wrong_byte_makes_another_answer_or_a_protocol_error(answer: Answer, place: int, byte: int) -> None:
    document = bytearray(encode_answer(answer, time=TIME))
    document[place % len(document)] = byte
    try:
        decode_answer(bytes(document))
    except RemoteProtocolError as error:
        assert str(error).isprintable()
