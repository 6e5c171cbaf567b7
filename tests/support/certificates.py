"""Certificates for tests, written where a host's inventory entry would have them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from sync_core.fleet.authority import Authority, Pair
from sync_core.model.inventory import TlsFiles

__all__ = ["an_authority", "write_pair", "write_tls"]

NOW = datetime.now(UTC)


@cache
def an_authority(title: str = "test") -> Pair:
    """Return an authority; the same one for the same title."""
    return Authority.new(title, now=NOW)


def write_tls(
    folder: Path,
    name: str,
    *,
    authority: str = "test",
    believes: str | None = None,
    certified: str | None = None,
    days: int = 100,
    age_days: int = 0,
) -> TlsFiles:
    """Write what the host ``name`` speaks TLS with, and return where it is.

    Args:
        folder: where to.
        name: of the host.
        authority: who signs its certificate.
        believes: whose certificates it takes; by default those of the same one.
        certified: the name in the certificate; by default the host's.
        days: for how long it is valid.
        age_days: how long ago it was made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = TlsFiles(cert=folder / f"{name}.crt", key=folder / f"{name}.key", ca=folder / f"{name}-ca.crt")
    made_at = NOW - timedelta(days=age_days)
    write_pair(files, Authority(an_authority(authority)).issue(certified or name, now=made_at, days=days))
    files.ca.write_bytes(an_authority(believes or authority).cert)
    return files


def write_pair(files: TlsFiles, pair: Pair) -> None:
    """Write certificate and key, each in one step."""
    for path, data in ((files.key, pair.key), (files.cert, pair.cert)):
        new = path.with_name(f".{path.name}")
        new.write_bytes(data)
        new.chmod(0o600)
        new.replace(path)
