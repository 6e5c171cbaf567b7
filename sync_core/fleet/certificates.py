"""``jsync tls``: an authority and a certificate for every host, made, renewed and looked at on this machine."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from sync_core.fleet.authority import Authority, CertificateFacts, Pair, facts_of
from sync_core.fleet.pair_files import write_authority, write_pair
from sync_core.model.errors import CertificateError, JsyncError
from sync_core.model.inventory import Host, TlsFiles
from sync_core.net.tls import WARN_DAYS
from sync_core.net.tls_files import read_tls

__all__ = ["Certified", "TlsReport", "files_below", "init_tls", "renew_tls", "show_tls"]

_AUTHORITY = "ca"


class TlsOutcome(StrEnum):
    """What became of a certificate, or with ``--check`` would become of it."""

    MADE = "made"
    RENEWED = "renewed"
    KEPT = "kept"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certified:
    """A certificate of one host, or of the authority.

    Attributes:
        host: the inventory's name; ``None`` for the authority.
        cert: where it is.
        key: where the key to it is.
        outcome: what was done.
        expires_at: when it ends; ``None`` where nobody knows.
        warning: what should be mended soon.
        error: what is wrong.
    """

    host: str | None
    cert: Path
    key: Path
    outcome: TlsOutcome = TlsOutcome.KEPT
    expires_at: datetime | None = None
    warning: str | None = None
    error: JsyncError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsReport:
    """All that one command did or saw, the authority first."""

    certificates: tuple[Certified, ...]

    @property
    def ok(self) -> bool:
        """Whether all can be used, and none ends soon."""
        return not any(one.error or one.warning for one in self.certificates)

    @property
    def has_trouble(self) -> bool:
        """Whether something could not be done, or can't be used."""
        return any(one.error for one in self.certificates)


def files_below(folder: Path, name: str) -> TlsFiles:
    """Return where a host has what it speaks TLS with, in a folder that ``init_tls`` fills."""
    ca = folder / f"{_AUTHORITY}.crt"
    return TlsFiles(cert=folder / f"{name}.crt", key=folder / f"{name}.key", ca=ca)


def init_tls(hosts: Iterable[Host], folder: Path, *, now: datetime, check: bool = False) -> TlsReport:
    """Make an authority, and a certificate for every host that has none; what is there stays as it is.

    Args:
        hosts: which.
        folder: where to; made if it is missing. Hosts that have ``tls`` have their own places.
        now: the time, with a time zone.
        check: only say what would be made.

    Raises:
        CertificateError: the authority that is there can't sign.
        FileTroubleError: something can't be written.
    """
    files = files_below(folder, _AUTHORITY)
    if files.cert.exists() or files.key.exists():
        pair, outcome = _read_pair(files), TlsOutcome.KEPT
    else:
        pair, outcome = Authority.new(f"jsync {secrets.token_hex(4)}", now=now), TlsOutcome.MADE
        if not check:
            write_pair(files, pair)
    authority = Authority(pair)
    first = Certified(host=None, cert=files.cert, key=files.key, outcome=outcome, expires_at=authority.ends_at)
    others = [_initialised(host, folder, authority, now=now, check=check) for host in hosts]
    return TlsReport(certificates=(first, *others))


def _initialised(host: Host, folder: Path, authority: Authority, *, now: datetime, check: bool) -> Certified:
    files = host.tls or files_below(folder, host.name)
    if files.cert.exists() and files.key.exists():
        return _seen(host.name, files, now=now)
    return _issued(host.name, files, authority, TlsOutcome.MADE, now=now, check=check)


def renew_tls(hosts: Iterable[Host], *, now: datetime, check: bool = False) -> TlsReport:
    """Give every host that has ``tls`` a new certificate with a new key; agents take it at their next handshake.

    The authority's key is looked for beside its certificate, with the ending ``.key``.

    Args:
        hosts: which.
        now: the time, with a time zone.
        check: only say what would be made.
    """
    authorities: dict[Path, Authority] = {}
    renewed: list[Certified] = []
    for host in hosts:
        if host.tls is None:
            continue
        try:
            ca = host.tls.ca
            if ca not in authorities:
                authorities[ca] = Authority(_read_pair(TlsFiles(cert=ca, key=ca.with_suffix(".key"), ca=ca)))
            renewed.append(_issued(host.name, host.tls, authorities[ca], TlsOutcome.RENEWED, now=now, check=check))
        except JsyncError as error:
            renewed.append(_failed(host.name, host.tls, error))
    return TlsReport(certificates=tuple(renewed))


def show_tls(hosts: Iterable[Host], *, now: datetime) -> TlsReport:
    """Look at the certificate of every host that has ``tls``, as its agent would.

    Args:
        hosts: which.
        now: the time, with a time zone.
    """
    return TlsReport(certificates=tuple(_seen(host.name, host.tls, now=now) for host in hosts if host.tls is not None))


def _seen(name: str, files: TlsFiles, *, now: datetime) -> Certified:
    one = Certified(host=name, cert=files.cert, key=files.key)
    try:
        facts = facts_of(_read(files.cert))
        one = replace(one, expires_at=facts.ends_at, warning=_warning(facts, now))
        read_tls(files, name)
    except JsyncError as error:
        return replace(one, outcome=TlsOutcome.FAILED, error=error)
    return one


def _warning(facts: CertificateFacts, now: datetime) -> str | None:
    left = facts.ends_at - now
    return f"ends in {left.days} days" if left < timedelta(days=WARN_DAYS) else None


def _issued(
    name: str, files: TlsFiles, authority: Authority, outcome: TlsOutcome, *, now: datetime, check: bool
) -> Certified:
    try:
        pair = authority.issue(name, now=now)
        if not check:
            write_pair(files, pair)
            write_authority(files, authority.cert)
    except JsyncError as error:
        return _failed(name, files, error)
    ends_at = facts_of(pair.cert).ends_at
    return Certified(host=name, cert=files.cert, key=files.key, outcome=outcome, expires_at=ends_at)


def _failed(name: str, files: TlsFiles, error: JsyncError) -> Certified:
    return Certified(host=name, cert=files.cert, key=files.key, outcome=TlsOutcome.FAILED, error=error)


def _read_pair(files: TlsFiles) -> Pair:
    """Return an authority that is there; never is one made in the place of another."""
    for path in (files.cert, files.key):
        if not path.exists():
            raise CertificateError(
                f"{path} is missing, and a new authority would make all certificates of the old one worthless",
                hint=f"bring {path} back; or, to begin anew, remove what is left of it and all its certificates",
            )
    return Pair(cert=_read(files.cert), key=_read(files.key))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CertificateError(f"{path} can't be read: {error.strerror}") from error
