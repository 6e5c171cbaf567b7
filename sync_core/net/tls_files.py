"""What a host speaks TLS with, read and tried out: only what would convince ourselves is shown to others."""

from __future__ import annotations

import os
import ssl
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn, cast

from sync_core.model.errors import CertificateError
from sync_core.model.inventory import TlsFiles
from sync_core.model.tls_words import tls_words

__all__ = ["Ready", "names_of", "read_tls"]

_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2: with forward secrecy and authenticated; 1.3 has no others."""
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_MOST_STEPS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What is ready for handshakes.

    Attributes:
        server: for connections that we accept.
        client: for those that we open.
        expires_at: when our certificate ends, wall-clock seconds.
    """

    server: ssl.SSLContext
    client: ssl.SSLContext
    expires_at: float


def read_tls(files: TlsFiles, name: str) -> Ready:
    """Return what the files hold.

    They are tried in a handshake with ourselves, in memory: so what is expired, of another authority or made for
    another host is found out here, where it can be mended.

    Args:
        files: certificate, key and authority.
        name: of the host in the inventory, which must stand in the certificate.

    Raises:
        CertificateError: they can't be read, don't belong together, or would convince nobody.
    """
    _check_readable(files)
    server, client = (_context(files, kind) for kind in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT))
    server.verify_mode = ssl.CERT_REQUIRED
    server.num_tickets = 0  # connections are long; nobody resumes one
    try:
        shown = _converse_with_ourselves(server, client, name)
    except ssl.SSLError as error:
        words = tls_words(error.reason or "", getattr(error, "verify_code", None)).replace("its certificate", "it")
        raise _unusable(files.cert, f"{words} (it is to be of {name}, and of {files.ca})") from error
    except UnicodeError as error:
        raise _unusable(files.cert, f"{name!r} is no name that a certificate can have") from error
    ends = cast(str, shown["notAfter"])
    return Ready(server=server, client=client, expires_at=float(ssl.cert_time_to_seconds(ends)))


def names_of(certificate: object) -> frozenset[str]:
    """Return the DNS names in a peer's certificate, as ``SSLObject.getpeercert`` gives it."""
    alternatives = certificate.get("subjectAltName", ()) if isinstance(certificate, dict) else ()
    return frozenset(value for kind, value in alternatives if kind == "DNS")


def _check_readable(files: TlsFiles) -> None:
    for path in (files.cert, files.key, files.ca):
        try:
            with path.open("rb") as file:
                found = os.fstat(file.fileno())
        except OSError as error:
            hint = "`jsync tls init` makes what is missing" if isinstance(error, FileNotFoundError) else None
            raise CertificateError(f"{path} can't be read: {error.strerror}", hint=hint) from error
        if path == files.key and (found.st_mode & _OTHERS or found.st_uid not in {0, os.geteuid()}):
            raise CertificateError(
                f"the key {path} is not taken: others than this user and root can read it, or own it",
                hint=f"chown it to the agent's user, chmod 600 {path}, and make a new one: `jsync tls renew`",
            )


def _context(files: TlsFiles, kind: int) -> ssl.SSLContext:
    context = ssl.SSLContext(kind)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION
    try:
        context.load_cert_chain(files.cert, files.key, password=lambda: _encrypted(files.key))
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise _unusable(files.cert, f"the key {files.key} does not match it") from error
        raise _unusable(files.cert, f"it, or the key {files.key}, is not in PEM") from error
    try:
        context.load_verify_locations(files.ca)
    except ssl.SSLError as error:
        raise _unusable(files.ca, "it is not in PEM") from error
    return context


def _encrypted(key: Path) -> NoReturn:
    raise CertificateError(f"the key {key} asks for a password, and nobody is there to give it")


def _converse_with_ourselves(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> Mapping[str, object]:
    """Return our certificate as a peer sees it; raises SSLError where a peer would not take it."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    waiting = set(ends)
    for _ in range(_MOST_STEPS):
        for end in [one for one in ends if one in waiting]:
            try:
                end.do_handshake()
                waiting.discard(end)
            except ssl.SSLWantReadError:
                continue
    return ends[0].getpeercert() or {}


def _unusable(path: Path, words: str) -> CertificateError:
    return CertificateError(f"{path} can't be used: {words}", hint="`jsync tls show` looks at all of them")
