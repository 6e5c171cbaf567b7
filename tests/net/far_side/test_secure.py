"""TLS from a host, as a check of ports tries it; its own certificate first."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sync_core.model.inventory import TlsFiles
from sync_core.model.probe import Outcome, ProbeResult
from sync_core.net.facts import tcp_result
from sync_core.net.far_side import probes
from tests.support.certificates import write_tls
from tests.support.net import LOCALHOST


@contextlib.contextmanager
def serving(files: TlsFiles | None, *, says: bytes = b"<spooler/>", is_away: bool = False) -> Iterator[int]:
    """Speak TLS with one peer, who must have a certificate; without ``files`` in plain."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                plain, _ = server.accept()
                with plain:
                    if is_away:
                        return
                    connection = plain
                    if files is not None:
                        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                        context.load_cert_chain(files.cert, files.key)
                        context.load_verify_locations(files.ca)
                        context.verify_mode = ssl.CERT_REQUIRED
                        connection = context.wrap_socket(plain, server_side=True)
                    with connection:
                        connection.recv(999)
                        connection.sendall(says)
                        connection.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join(20)


def look(port: int, own: TlsFiles, *, name: str = "m") -> ProbeResult:
    tls = {"cert": str(own.cert), "key": str(own.key), "ca": str(own.ca), "name": name}
    facts: dict[str, Any] = probes.tcp("127.0.0.1", port, timeout_s=10, source=None, question="<x/>", tls=tls)
    return tcp_result(facts, LOCALHOST, port)


def test_both_prove_who_they_are(tmp_path: Path) -> None:
    with serving(write_tls(tmp_path, "m")) as port:
        result = look(port, write_tls(tmp_path, "a"))
    assert result.outcome is Outcome.CONNECTED
    assert result.evidence[1:] == ("both ends proved by TLS who they are",)
    assert result.source_ip == LOCALHOST


@pytest.mark.parametrize(
    ("peer", "own", "words"),
    [
        ({"authority": "evil", "believes": "test"}, {}, "TLS: unknown CA"),
        ({"days": 1, "age_days": 9}, {}, "TLS: certificate expired"),
        ({"certified": "other"}, {}, "TLS: wrong name"),
        ({}, {"days": 1, "age_days": 9}, "TLS: our own certificate: certificate expired"),
        ({}, {"authority": "evil", "believes": "test"}, "TLS: our own certificate: unknown CA"),
        ({"believes": "evil"}, {}, "TLS: it hung up after the handshake"),
        (None, {}, "TLS: it answers in plain"),
    ],
)
def test_what_is_wrong_has_words(tmp_path: Path, peer: dict[str, Any] | None, own: dict[str, Any], words: str) -> None:
    with serving(None if peer is None else write_tls(tmp_path, "m", **peer)) as port:
        result = look(port, write_tls(tmp_path, "a", **own))
    assert result.outcome is Outcome.UNTRUSTED
    assert result.evidence[1].startswith(words)


def test_who_is_turned_away_is_turned_away_in_tls_too(tmp_path: Path) -> None:
    with serving(None, is_away=True) as port:
        assert look(port, write_tls(tmp_path, "a")).outcome is Outcome.CLOSED


def test_without_the_key_it_is_asked_in_plain_and_that_is_said(tmp_path: Path) -> None:
    own = write_tls(tmp_path, "a")
    own.key.unlink()
    with serving(None) as port:
        result = look(port, own)
    assert result.outcome is Outcome.CONNECTED
    assert "TLS was not tried" in result.evidence[1]
    assert "No such file" in result.evidence[1]
