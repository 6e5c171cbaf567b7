"""Certificates and keys on the disk: never half written, and a key is nobody else's at any moment."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from sync_core.fleet.authority import Pair
from sync_core.model.errors import FileTroubleError
from sync_core.model.inventory import TlsFiles

__all__ = ["write_authority", "write_pair"]


def write_pair(files: TlsFiles, pair: Pair) -> None:
    """Write the key and then the certificate, each in one step: who reads in between sees that they don't match.

    Raises:
        FileTroubleError: they can't be written.
    """
    owner = _owner_of(files)
    _write(files.key, pair.key, 0o600, owner)
    _write(files.cert, pair.cert, 0o644, owner)


def write_authority(files: TlsFiles, cert: bytes) -> None:
    """Write the certificate of the authority where it is missing; raises FileTroubleError."""
    if not files.ca.exists():
        _write(files.ca, cert, 0o644, _owner_of(files))


def _owner_of(files: TlsFiles) -> tuple[int, int] | None:
    """Return whose the key was before, so that the agent's user keeps it when root renews."""
    try:
        found = files.key.stat()
    except OSError:
        return None
    return found.st_uid, found.st_gid


def _write(path: Path, data: bytes, mode: int, owner: tuple[int, int] | None) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                if owner is not None and os.geteuid() == 0:
                    os.fchown(file.fileno(), *owner)
                os.fchmod(file.fileno(), mode)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise FileTroubleError(f"{path} can't be written: {error.strerror}") from error
