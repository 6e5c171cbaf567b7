"""The targets: each takes any bytes, and nothing but the errors that it names may come out of it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from sync_core.inventory.loader import load
from sync_core.model.errors import InventoryError, RemoteProtocolError, UnsafeNameError
from sync_core.model.folder import walk
from sync_core.model.path import rel_path
from sync_core.protocol.answers import decode_answer
from sync_core.protocol.client import NEED_DATA, ClientSession, ConnectionClosed
from sync_core.protocol.dialect.client import ConnectionClosed as DialectClosed
from sync_core.protocol.dialect.client import DialectClient
from sync_core.protocol.dialect.messages import Check, Contents, Folders, Look
from sync_core.protocol.dialect.names import check_names, path_of, wire_path
from sync_core.protocol.dialect.server import Asked, DialectServer
from sync_core.protocol.events import Closed, DialectSeen, HttpSeen, RequestReceived, TooLong
from sync_core.protocol.framing import RequestScanner
from sync_core.protocol.http import check_post, command_of_get, decode_http_answer
from sync_core.protocol.messages import FetchUpdatedFiles, OkAnswer, Register
from sync_core.protocol.requests import decode_request, encode_request, is_wake_up
from sync_core.protocol.server import ServerSession
from tests.fuzz import seeds

__all__ = ["TARGETS", "Target"]

_TIME = "2026-11-24 03:16:21.992"
_MAX_REQUEST_BYTES = 1 << 16
_MOST_EVENTS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One place where bytes come in.

    Attributes:
        run: takes them; raises only where jsync has a fault.
        seeds: what good peers send there.
    """

    run: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]


def _pieces(data: bytes) -> tuple[bytes, list[bytes]]:
    """Return the bytes without the first, which says how long the pieces are in which they come."""
    size = (data[:1] or b"\0")[0] % 64 + 1
    rest = data[1:]
    return rest, [rest[at : at + size] for at in range(0, len(rest), size)]


def framing(data: bytes) -> None:
    """Find the end of a request: how it is cut makes no difference."""
    document, blocks = _pieces(data)
    end = RequestScanner().feed(document)
    scanner, seen, found = RequestScanner(), 0, None
    for block in blocks:
        taken = scanner.feed(block)
        if taken is not None:
            found = seen + taken
            break
        seen += len(block)
    assert found == end, (found, end)


def request(data: bytes) -> None:
    """Read a request; what is understood is said again in bytes that mean the same."""
    is_wake_up(data)
    with contextlib.suppress(RemoteProtocolError):
        understood = decode_request(data)
        with contextlib.suppress(UnsafeNameError):
            assert decode_request(encode_request(understood)) == understood


def file_list(data: bytes) -> None:
    """Read a list: only paths that may reach the file system come out of it."""
    head, tail = seeds.LIST.split(b"|")
    with contextlib.suppress(RemoteProtocolError):
        fetch = decode_request(head + data + tail)
        if isinstance(fetch, FetchUpdatedFiles):
            for path, _ in walk(fetch.listed):
                assert rel_path(path) == path


def answer(data: bytes) -> None:
    """Read an answer to a fetch."""
    with contextlib.suppress(RemoteProtocolError):
        decode_answer(data)


def classic_server(data: bytes) -> None:
    """Take what a peer sends to the port, and answer every request."""
    session = ServerSession(max_request_bytes=_MAX_REQUEST_BYTES)
    _, blocks = _pieces(data)
    for block in blocks:
        session.receive_data(block)
        if _serve(session):
            return
    session.receive_eof()
    assert _serve(session)


def _serve(session: ServerSession) -> bool:
    """Answer what has come; return whether the conversation is over, or goes on elsewhere."""
    for _ in range(_MOST_EVENTS):
        match session.next_event():
            case Closed() | HttpSeen() | DialectSeen():
                return True
            case RequestReceived() | TooLong():
                session.send_answer(OkAnswer(), time=_TIME)
            case event if event is NEED_DATA:
                return False
    raise AssertionError("a session says more than it was told")


def classic_client(data: bytes) -> None:
    """Take what a master answers to a registration."""
    session = ClientSession()
    session.ask(Register(scheduler_id="a", tcp_port=1))
    _, blocks = _pieces(data)
    with contextlib.suppress(RemoteProtocolError):
        for block in blocks:
            session.receive_data(block)
            while (event := session.next_event()) is not NEED_DATA:
                assert not isinstance(event, ConnectionClosed)
        session.receive_eof()
        while not isinstance(session.next_event(), ConnectionClosed):
            pass


def dialect_server(data: bytes) -> None:
    """Take what a slave sends after the preface."""
    session = DialectServer()
    _, blocks = _pieces(data)
    with contextlib.suppress(RemoteProtocolError):
        for block in blocks:
            session.receive_data(block)
            if isinstance(session.next_event(), Asked):
                return
        session.receive_eof()
        session.next_event()


def dialect_client(data: bytes) -> None:
    """Take what a master answers to every kind of request."""
    session = DialectClient()
    for message in (Check(), Look(), Folders(folders=()), Contents(files=())):
        session.ask(message)
    _, blocks = _pieces(data)
    with contextlib.suppress(RemoteProtocolError):
        for block in blocks:
            session.receive_data(block)
            while session.next_event() is not NEED_DATA:
                pass
        session.receive_eof()
        while not isinstance(session.next_event(), DialectClosed):
            pass


def http(data: bytes) -> None:
    """Take a target, headers and a body."""
    target, _, body = data.partition(b"\n")
    text = target.decode("latin-1")
    check_post(text, content_type=text, content_encoding=text[::-1])
    command = command_of_get(text)
    if isinstance(command, bytes):
        with contextlib.suppress(RemoteProtocolError):
            decode_request(command)
    for charset in ("utf-8", "iso-8859-1", None, text):
        with contextlib.suppress(RemoteProtocolError):
            decode_http_answer(body, charset=charset)


def path(data: bytes) -> None:
    """Check a path: one that is taken stays below the root, and both ways of reading it agree."""
    with contextlib.suppress(UnsafeNameError):
        _assert_safe(rel_path(data.decode("utf-8", "surrogateescape")))
    with contextlib.suppress(RemoteProtocolError):
        check_names([data])
        assert b"/" not in data
    with contextlib.suppress(RemoteProtocolError):
        taken = path_of(data)
        _assert_safe(taken)
        assert wire_path(taken) == data


def _assert_safe(taken: str) -> None:
    names = taken.split("/") if taken else []
    assert all(names) and ".." not in names and "." not in names and "\0" not in taken, taken


def inventory(data: bytes) -> None:
    """Read an inventory."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "jsync.yaml"
        file.write_bytes(data)
        with contextlib.suppress(InventoryError):
            load(file, environ={"HOME": folder})


TARGETS = {
    "framing": Target(run=framing, seeds=seeds.requests),
    "request": Target(run=request, seeds=seeds.requests),
    "file_list": Target(run=file_list, seeds=seeds.lists),
    "answer": Target(run=answer, seeds=seeds.answers),
    "classic_server": Target(run=classic_server, seeds=seeds.requests),
    "classic_client": Target(run=classic_client, seeds=seeds.answers),
    "dialect_server": Target(run=dialect_server, seeds=seeds.dialect_requests),
    "dialect_client": Target(run=dialect_client, seeds=seeds.dialect_answers),
    "http": Target(run=http, seeds=seeds.http),
    "path": Target(run=path, seeds=seeds.paths),
    "inventory": Target(run=inventory, seeds=seeds.inventories),
}
