from __future__ import annotations

from http import HTTPStatus
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.change import MakeDirectory, Remove, WriteFile
from sync_core.model.edit import tree_of
from sync_core.model.errors import RemoteProtocolError
from sync_core.model.file import File, Kind
from sync_core.model.path import RelPath
from sync_core.protocol.changes import encode_changes
from sync_core.protocol.http import (
    HttpRefusal,
    accepts_gzip,
    check_post,
    command_of_get,
    decode_http_answer,
    encode_http_answer,
    raw_only_refusal,
)
from sync_core.protocol.messages import (
    Answer,
    ChangesAnswer,
    CheckFolders,
    ErrorAnswer,
    FetchConfiguration,
    FetchUpdatedFiles,
    OkAnswer,
    Register,
    RemoteScheduler,
    StateAnswer,
)
from sync_core.protocol.requests import decode_request, encode_request
from sync_core.protocol.times import format_utc_time
from tests.protocol.strategies import answers

PROLOG = b'<?xml version="1.0" encoding="ISO-8859-1"?>'
ENGINE = "/jobscheduler/engine/command"
MASTER = "/jobscheduler/master/api/command"
TIME = "2016-02-01T12:00:00.250Z"

REQUEST = PROLOG + (
    b'<supervisor.configuration.fetch scheduler_id="slave1" udp_port="4441" ip="10.0.0.7" version="1.8.2" '
    b'interval="900"><configuration.file name="common.job_chain.xml" last_write_time="2014-10-01T08:00:00.000Z" '
    b'md5="c3f936463733a81aa95b6c870aa9a7af"/></supervisor.configuration.fetch>'
)
"""The request of section 13.2."""
ANSWER = PROLOG + (
    b'<spooler><answer time="2016-02-01T12:00:00.250Z"><configuration.directory><configuration.file name="new.job.xml" '
    b'last_write_time="2016-02-01T11:59:30Z"><content encoding="base64">PGpvYi8+Cg==</content></configuration.file>'
    b"</configuration.directory></answer></spooler>"
)
"""Its answer."""
MESSAGE = FetchConfiguration(
    scheduler_id="slave1",
    udp_port=4441,
    ip="10.0.0.7",
    version="1.8.2",
    interval_s=900,
    listed=tree_of(
        [
            (
                RelPath("common.job_chain.xml"),
                File(md5="c3f936463733a81aa95b6c870aa9a7af", last_write_time=1412150400),
            )
        ]
    ),
)
NEW_JOB = ChangesAnswer(
    changes=(WriteFile(path=RelPath("new.job.xml"), last_write_time=1454327970, content=b"<job/>\n"),)
)


def test_the_request_of_the_documented_conversation_is_understood_and_written() -> None:
    assert len(REQUEST) == 322
    assert decode_request(REQUEST) == MESSAGE
    assert encode_request(MESSAGE).replace(b"?>\n", b"?>", 1) == REQUEST


def test_the_answer_of_the_documented_conversation_is_written_byte_for_byte() -> None:
    assert len(ANSWER) == 310
    assert encode_http_answer(NEW_JOB, time=TIME) == ANSWER
    assert decode_http_answer(ANSWER, charset="ISO-8859-1") == NEW_JOB


def test_what_a_slave_does_not_say_has_the_documented_meaning() -> None:
    request = decode_request(b'<supervisor.configuration.fetch scheduler_id="s"/>')
    assert request == FetchConfiguration(scheduler_id="s", interval_s=3600)


def test_optional_values_are_left_out_and_members_of_clusters_come_first() -> None:
    bare = encode_request(FetchConfiguration(scheduler_id="s", version="1", interval_s=60))
    assert bare.endswith(b'<supervisor.configuration.fetch scheduler_id="s" version="1" interval="60"/>')
    member = FetchConfiguration(scheduler_id="s", cluster_member_id="s/host:4444", interval_s=60)
    assert b'scheduler_id="s" cluster_member_id="s/host:4444" version=""' in encode_request(member)
    assert (member.member_id, FetchConfiguration(scheduler_id="s").member_id) == ("s/host:4444", "s")


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ("", "LIBXML2-003"),
        ('scheduler_id="s" tcp_port="1"', "LIBXML2-007"),
        ('scheduler_id="s" udp_port="65536"', "LIBXML2-007"),
        ('scheduler_id="s" udp_port="-1"', "LIBXML2-007"),
        ('scheduler_id="s" interval="soon"', "LIBXML2-007"),
        ('scheduler_id="s" interval="2147483648"', "LIBXML2-007"),
    ],
)
def test_requests_that_make_no_sense_are_refused(attributes: str, code: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        decode_request(f"<supervisor.configuration.fetch {attributes}/>".encode())
    assert caught.value.answer_code == code


def test_a_fetch_must_be_the_root() -> None:
    with pytest.raises(RemoteProtocolError, match="must be the root"):
        decode_request(b'<spooler><supervisor.configuration.fetch scheduler_id="s"/></spooler>')


@pytest.mark.parametrize(
    "path", [ENGINE, MASTER, ENGINE + "/", MASTER + "/", "/" + ENGINE, "http://10.0.0.5:4440" + ENGINE]
)
@pytest.mark.parametrize("content_type", ["text/xml", "application/xml", "Text/XML; charset=ISO-8859-1"])
def test_xml_is_taken_at_the_command_paths(path: str, content_type: str) -> None:
    assert check_post(path, content_type=content_type) is None


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        ("/", {}, HTTPStatus.NOT_FOUND),
        ("/jobscheduler/engine", {}, HTTPStatus.NOT_FOUND),
        (ENGINE + "/x", {}, HTTPStatus.NOT_FOUND),
        ("/x/.." + ENGINE, {}, HTTPStatus.NOT_FOUND),
        ("//other.host" + ENGINE, {}, HTTPStatus.NOT_FOUND),
        (ENGINE, {"content_type": ""}, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
        (ENGINE, {"content_type": "text/plain"}, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
        (ENGINE, {"content_type": "application/x-www-form-urlencoded"}, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
        (ENGINE, {"content_encoding": "gzip"}, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
        (ENGINE, {"origin": "http://evil.example"}, HTTPStatus.FORBIDDEN),
        (ENGINE, {"origin": "null"}, HTTPStatus.FORBIDDEN),
        (ENGINE, {"origin": ""}, HTTPStatus.FORBIDDEN),
    ],
)
def test_other_posts_are_refused(target: str, headers: dict[str, str], status: HTTPStatus) -> None:
    refusal = check_post(target, **{"content_type": "text/xml", **headers})
    assert refusal is not None
    assert refusal.status is status


def test_a_content_that_is_not_compressed_may_say_so() -> None:
    assert check_post(ENGINE, content_type="text/xml", content_encoding="identity") is None


@pytest.mark.parametrize(
    ("target", "command"),
    [
        ("/<show_state/>", b"<show_state/>"),
        ("/%3Cshow_state/%3E", b"<show_state/>"),
        ('/<show_state%20what="all"/>', b'<show_state what="all"/>'),
        ("/%3Cs/%3E", b"<s/>"),
        (ENGINE + "?command=%3Cs/%3E", b"<s/>"),
        (ENGINE + "/?command=<s+what='all'/>", b"<s what='all'/>"),
        (MASTER + "?x=1&command=show_state", b"show_state"),
        (ENGINE + "?command=s", b"s"),
        (ENGINE + "?command=s%20what%3D%22all%22", b's what="all"'),
    ],
)
def test_commands_that_show_something_may_be_asked_by_get(target: str, command: bytes) -> None:
    assert command_of_get(target) == command


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/", HTTPStatus.NOT_FOUND),
        ("/favicon.ico", HTTPStatus.NOT_FOUND),
        ("/?command=%3Cs/%3E", HTTPStatus.NOT_FOUND),
        (ENGINE, HTTPStatus.NOT_FOUND),
        (ENGINE + "?command=", HTTPStatus.NOT_FOUND),
        (ENGINE + "?command=s" + "&x=1" * 20, HTTPStatus.NOT_FOUND),
        ("/<check_folders/>", HTTPStatus.FORBIDDEN),
        ("/<terminate/>", HTTPStatus.FORBIDDEN),
        ("/<jsync.files/>", HTTPStatus.FORBIDDEN),
        ("/<spooler><show_state/></spooler>", HTTPStatus.FORBIDDEN),
        ("/<?xml%20version='1.0'?><show_state/>", HTTPStatus.FORBIDDEN),
        (ENGINE + "?command=check_folders", HTTPStatus.FORBIDDEN),
        (ENGINE + "?command=<supervisor.configuration.fetch%20scheduler_id='a'/>", HTTPStatus.FORBIDDEN),
        (ENGINE + "?command=<!--%20--><check_folders/>", HTTPStatus.FORBIDDEN),
        (ENGINE + "?command=start_job", HTTPStatus.FORBIDDEN),
    ],
)
def test_nothing_that_changes_something_may_be_asked_by_get(target: str, status: HTTPStatus) -> None:
    refusal = command_of_get(target)
    assert isinstance(refusal, HttpRefusal)
    assert refusal.status is status


@given(st.text(max_size=60))
def test_any_target_is_a_command_or_a_refusal(target: str) -> None:
    for form in (target, f"/{target}", f"{ENGINE}?command={target}", f"/{quote(target)}"):
        answer = command_of_get(form)
        assert isinstance(answer, HttpRefusal) or answer.lstrip(b"<").startswith((b"show_", b"s"))


def test_registrations_and_classic_fetches_belong_to_raw_connections() -> None:
    register = raw_only_refusal(Register(scheduler_id="s", tcp_port=1))
    fetch = raw_only_refusal(FetchUpdatedFiles())
    assert register is not None
    assert fetch is not None
    assert (register.code, fetch.code) == ("SCHEDULER-222", "SCHEDULER-222")
    assert "register_remote_scheduler" in register.text
    assert "fetch_updated_files" in fetch.text
    assert raw_only_refusal(CheckFolders()) is None
    assert raw_only_refusal(MESSAGE) is None


@pytest.mark.parametrize(
    ("header", "is_accepted"),
    [
        ("", False),
        ("gzip", True),
        ("deflate, GZIP", True),
        ("gzip;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip; q = 0.000, *", False),
        ("*", True),
        ("*;q=0", False),
        ("identity", False),
        ("xgzip", False),
    ],
)
def test_gzip_is_for_those_who_accept_it(header: str, is_accepted: bool) -> None:
    assert accepts_gzip(header) is is_accepted


def test_errors_have_the_time_of_the_answer_in_whole_seconds() -> None:
    body = encode_http_answer(ErrorAnswer(code="X", text="X  y", time="2016-02-01 13:00:00"), time=TIME)
    assert b'<answer time="2016-02-01T12:00:00.250Z"><ERROR time="2016-02-01T12:00:00Z" code="X" text="X  y"/>' in body


def test_times_of_schedulers_have_no_fraction_and_texts_stay_as_they_are() -> None:
    scheduler = RemoteScheduler(attributes={"connected_at": "2016-02-01T12:00:00.000Z", "version": "9.000Z"})
    state = StateAnswer(attributes={"id": "m"}, remote_schedulers=(scheduler,), with_remote_schedulers=True)
    assert b'<remote_scheduler connected_at="2016-02-01T12:00:00Z" version="9.000Z"/>' in encode_http_answer(
        state, time=TIME
    )


def test_bodies_are_ascii_without_nul_and_line_end() -> None:
    odd = ChangesAnswer(
        changes=(
            MakeDirectory(path=RelPath("ü")),
            WriteFile(path=RelPath("ü/日"), last_write_time=0, content=b"\xff\0"),
            Remove(path=RelPath("z"), kind=Kind.FILE),
        )
    )
    body = encode_http_answer(odd, time=TIME)
    assert body.isascii()
    assert b"\0" not in body
    assert b"\n" not in body
    assert decode_http_answer(body, charset=None) == odd


@given(answers)
def test_answers_come_back_as_they_were_sent(answer: Answer) -> None:
    if isinstance(answer, ErrorAnswer):
        answer = ErrorAnswer(code=answer.code, text=answer.text, time="2016-02-01T12:00:00Z")
    again = decode_http_answer(encode_http_answer(answer, time=TIME), charset="utf-8")
    assert again == answer


def test_what_was_written_already_is_said_by_http_as_anything_else() -> None:
    odd = (
        WriteFile(path=RelPath('ü last_write_time="x.000Z"'), last_write_time=1454327970, content=b"<job/>\n"),
        WriteFile(path=RelPath("x.000Z"), last_write_time=0, content=b""),
    )
    body = encode_http_answer(ChangesAnswer(encoded=encode_changes(odd)), time=TIME)
    assert body == encode_http_answer(ChangesAnswer(changes=odd), time=TIME)
    assert body.isascii()
    assert b' last_write_time="2016-02-01T11:59:30Z"' in body
    assert b' name="x.000Z" last_write_time="1970-01-01T00:00:00Z"' in body
    assert decode_http_answer(body, charset="utf-8") == ChangesAnswer(changes=odd)


UMLAUT = (
    '<spooler><answer><configuration.directory><configuration.directory name="{}"/></configuration.directory>'
    "</answer></spooler>"
)


@pytest.mark.parametrize(
    ("body", "charset"),
    [
        (PROLOG + UMLAUT.format("\xfc").encode("latin-1"), None),
        (PROLOG + UMLAUT.format("\xfc").encode("latin-1"), "ISO-8859-1"),
        (PROLOG + UMLAUT.format("\xfc").encode(), "utf-8"),
        (UMLAUT.format("\xfc").encode(), "UTF-8"),
        (b"\n" + UMLAUT.format("\xfc").encode(), "UTF-8"),
        (PROLOG + UMLAUT.format("&#252;").encode(), "us-ascii"),
        (PROLOG + b"\r\n" + UMLAUT.format("&#xfc;").encode() + b"\r\n\0", None),
        (PROLOG + UMLAUT.format("&#xfc;").encode() + b"\0", "utf-8"),
    ],
    ids=["prolog", "1.8", "1.11", "no prolog", "newline", "ascii", "C++ server", "NUL and charset"],
)
def test_the_charset_of_the_header_wins(body: bytes, charset: str | None) -> None:
    assert decode_http_answer(body, charset=charset) == ChangesAnswer(
        changes=(MakeDirectory(path=RelPath(b"\xfc".decode("utf-8", "surrogateescape"))),)
    )


@pytest.mark.parametrize(
    ("body", "charset"),
    [
        (b"\xfc", "utf-8"),
        (b"<spooler/>", "klingon\x1b"),
        (b"<spooler/>", "idna"),
        (b"", None),
        (b"<html>", "utf-8"),
        (b"no XML", None),
    ],
)
def test_bodies_that_make_no_sense_are_refused(body: bytes, charset: str | None) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        decode_http_answer(body, charset=charset)
    assert str(caught.value).isprintable()


def test_a_document_of_any_other_kind_is_an_answer_too() -> None:
    assert decode_http_answer(b"<spooler><answer><ok/></answer></spooler>", charset=None) == OkAnswer()


@pytest.mark.parametrize(
    ("epoch_s", "text"), [(0, "1970-01-01T00:00:00.000Z"), (1454328000.25, "2016-02-01T12:00:00.250Z")]
)
def test_times_of_answers_are_utc(epoch_s: float, text: str) -> None:
    assert format_utc_time(epoch_s) == text
