from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sync_core.model.edit import tree_of
from sync_core.model.errors import RemoteProtocolError, UnsafeNameError
from sync_core.model.file import File
from sync_core.model.path import RelPath
from sync_core.protocol.listing import LIST
from sync_core.protocol.messages import CheckFolders, FetchUpdatedFiles, Register, Request, ShowState
from sync_core.protocol.requests import WAKE_UP, decode_request, encode_request, is_wake_up
from tests.protocol.strategies import requests
from tests.support.names import can_travel

PROLOG = b'<?xml version="1.0" encoding="ISO-8859-1"?>'
ALL = ShowState(what=frozenset({"all"}))


def test_requests_are_the_bytes_of_a_real_slave() -> None:
    request = Register(scheduler_id="workload", tcp_port=5000, udp_port=5000, version="1.3.12.2131-17280")
    assert encode_request(request) == PROLOG + (
        b'\n<register_remote_scheduler scheduler_id="workload" tcp_port="5000" udp_port="5000" '
        b'version="1.3.12.2131-17280"/>'
    )


def test_values_beyond_the_encoding_become_references() -> None:
    request = Register(scheduler_id="ü日\n", tcp_port=1)
    assert b'scheduler_id="\xfc&#26085;&#10;"' in encode_request(request)
    assert decode_request(encode_request(request)) == request


def test_names_that_cannot_travel_are_refused_by_name() -> None:
    with pytest.raises(UnsafeNameError, match=r"'a\\x01b'"):
        encode_request(FetchUpdatedFiles(listed=tree_of([(RelPath("a\x01b"), File())])))


@pytest.mark.parametrize(
    "document",
    [
        b"<s/>",
        b"<s></s>",
        b"<s />",
        b"   <s/>",
        b"\n<s/>",
        b"\0<s/>",
        b"<s/>\0",
        b"<s/>\n\0",
        b"<s/>\r\n",
        b"<s/>\0<show_state/>",
        PROLOG + b"<s/>",
        PROLOG + b"\n<s/>",
        b"  " + PROLOG + b"\n<s/>",
        b'<?xml version="1.0" encoding="UTF-8"?><s/>',
        b"s\n",
        b"  s\r\n",
        b"s",
        b's what="all"\n',
        b"<spooler><s/></spooler>",
        b"<spooler>\n <s/>\n</spooler>",
        b"<commands><s/></commands>",
        b"<command><s/></command>",
        b"<spooler><commands><command><s/></command></commands></spooler>",
    ],
)
def test_requests_are_taken_in_all_their_forms(document: bytes) -> None:
    assert decode_request(document) == ALL


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (b"", "XML-ERROR"),
        (b" \n\0", "XML-ERROR"),
        (b"<a></b>", "XML-ERROR"),
        (b"<s/><s/>", "XML-ERROR"),
        (b"<s/>x", "XML-ERROR"),
        (b"text<s/>", "XML-ERROR"),
        (b"two words\n", "XML-ERROR"),
        (b"<!DOCTYPE s><s/>", "XML-ERROR"),
        (PROLOG + b"\n", "XML-ERROR"),
        (b"garbage\n", "LIBXML2-007"),
        (b"<unknown_cmd/>", "LIBXML2-007"),
        (b"<commands><unknown_cmd/></commands>", "LIBXML2-007"),
        (b'<commands x="1"><s/></commands>', "LIBXML2-007"),
        (b"<spooler>text<s/></spooler>", "LIBXML2-007"),
        (b"<spooler><jsync.files/></spooler>", "LIBXML2-007"),
        (b"<commands><jsync.fetch/></commands>", "LIBXML2-007"),
        (b"<commands><jsync.dialect/></commands>", "LIBXML2-007"),
        (
            b"<spooler><supervisor.remote_scheduler.configuration.fetch_updated_files/></spooler>",
            "LIBXML2-007",
        ),
        (b'<s xmlns="u"/>', "LIBXML2-007"),
        (b'<register_remote_scheduler scheduler_id="probe"/>', "LIBXML2-003"),
        (b"<commands/>", "SCHEDULER-353"),
        (b"<spooler><command/></spooler>", "SCHEDULER-353"),
        (b"<commands><s/><s/></commands>", "SCHEDULER-319"),
        (b'<show_state what="bad"/>', "SCHEDULER-164"),
    ],
)
def test_requests_that_make_no_sense_get_the_originals_code(document: bytes, code: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        decode_request(document)
    assert caught.value.answer_code == code
    assert str(caught.value).startswith(f"{code}  ")


@given(requests)
def test_requests_are_read_back(request_: Request) -> None:
    assert decode_request(encode_request(request_)) == request_


_WORDS = [
    "<",
    "/>",
    ">",
    "s",
    "show_state",
    "register_remote_scheduler",
    ' tcp_port="',
    '"',
    "\n",
    "\0",
    "&",
    "spooler",
]


@given(st.one_of(st.binary(), st.lists(st.sampled_from(_WORDS)).map(lambda words: "".join(words).encode())))
@example(b"<")
def test_any_bytes_are_a_request_or_a_protocol_error(document: bytes) -> None:
    try:
        decode_request(document)
    except RemoteProtocolError as error:
        assert str(error).startswith(f"{error.answer_code}  ")
        assert str(error).isprintable()


@given(requests, st.integers(0, 200), st.integers(0, 255))
def test_a_wrong_byte_makes_another_request_or_a_protocol_error(request_: Request, place: int, byte: int) -> None:
    document = bytearray(encode_request(request_))
    document[place % len(document)] = byte
    try:
        decode_request(bytes(document))
    except RemoteProtocolError as error:
        assert str(error).isprintable()


@pytest.mark.parametrize(
    "datagram",
    [
        WAKE_UP,
        b"<check_folders/>\0",
        b"<check_folders/>\n",
        b"<check_folders/>\r\n\0",
        b"<check_folders />",
        b"<check_folders></check_folders>",
        b"  <check_folders/>",
        PROLOG + b"<check_folders/>",
        PROLOG + b"\n<check_folders/>",
        b"check_folders",
        b"check_folders\n",
        b"check_folders\0",
    ],
)
def test_wake_ups(datagram: bytes) -> None:
    assert is_wake_up(datagram)
    assert decode_request(datagram) == CheckFolders()


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"\0",
        b"<check_folders",
        b"<check_folder/>",
        b"<check_folders_/>",
        b"<CHECK_FOLDERS/>",
        b'<check_folders x="1"/>',
        b"<check_folders>x</check_folders>",
        b"<check_folders/><check_folders/>",
        b"<check_folders/>x",
        b"x<check_folders/>",
        b"<spooler><check_folders/></spooler>",
        b"<commands><check_folders/></commands>",
        b'<show_state what="check_folders"/>',
        b"<!DOCTYPE check_folders><check_folders/>",
        b"<check_folders/>" + b" " * 4096,
        b'<jsync.probe nonce="00"/>',
    ],
)
def test_no_wake_ups(datagram: bytes) -> None:
    assert not is_wake_up(datagram)


@given(st.one_of(st.binary(), st.binary().map(lambda noise: WAKE_UP + noise)))
def test_a_datagram_that_wakes_up_says_check_folders(datagram: bytes) -> None:
    if is_wake_up(datagram):
        assert decode_request(datagram) == CheckFolders()


LONG_ID = b"i" * 255


@pytest.mark.parametrize(
    "request_of",
    [
        b'<register_remote_scheduler tcp_port="1" scheduler_id="%b"/>',
        b'<register_remote_scheduler tcp_port="1" version="%b"/>',
        b'<supervisor.configuration.fetch scheduler_id="%b"/>',
        b'<supervisor.configuration.fetch scheduler_id="a" cluster_member_id="%b"/>',
        b'<supervisor.configuration.fetch scheduler_id="a" version="%b"/>',
        b'<supervisor.configuration.fetch scheduler_id="a" ip="%b"/>',
        b'<param.get name="%b"/>',
    ],
)
def test_what_is_kept_of_a_peer_is_short(request_of: bytes) -> None:
    assert decode_request(request_of % LONG_ID)
    assert decode_request(request_of % (b"&#228;" * 255))
    with pytest.raises(RemoteProtocolError) as caught:
        decode_request(request_of % (LONG_ID + b"i"))
    assert caught.value.answer_code == "LIBXML2-007"


def test_no_other_attribute_is_long_either() -> None:
    assert decode_request(b'<show_state what="%b"/>' % (b" " * 4096)) == ShowState()
    with pytest.raises(RemoteProtocolError, match=r"^XML-ERROR .*longer than 4096 characters"):
        decode_request(b'<show_state what="%b"/>' % (b" " * 4097))


def test_entries_of_a_list_are_counted() -> None:
    def listing(entries: int) -> bytes:
        files = b"".join(b'<configuration.file name="f%d"/>' % number for number in range(entries))
        return b"<%b>%b</%b>" % (LIST.encode(), files, LIST.encode())

    assert decode_request(listing(300), max_entries=300)
    with pytest.raises(RemoteProtocolError, match=r"^XML-ERROR .*more than 556 elements"):
        decode_request(listing(600), max_entries=300)


@pytest.mark.parametrize("names", [17, 18])
def test_a_listed_path_has_a_bound(names: int) -> None:
    folders = [b'<configuration.directory name="%b">' % (b"d" * 240)] * (names - 1)
    file = b'<configuration.file name="%b"/>' % (b"f" * 240)
    inner = b"".join(folders) + file + b"</configuration.directory>" * len(folders)
    document = b"<%b>%b</%b>" % (LIST.encode(), inner, LIST.encode())
    if names * 241 - 1 <= 4096:
        assert decode_request(document)
    else:
        with pytest.raises(RemoteProtocolError, match="longer than 4096 bytes"):
            decode_request(document)
    assert can_travel("/".join(["d" * 240] * names)) == (names * 241 - 1 <= 4096)
