"""The digest cache on disk: settled observations that survive a restart.

It only saves work. Whatever is wrong with the file, the tree is hashed again.
"""

from __future__ import annotations

import json
import logging
import os
import re
import tempfile
from pathlib import Path
from typing import Final

from sync_core.model.errors import FileTroubleError, UnsafeNameError
from sync_core.model.manifest import Kind
from sync_core.model.observation import Observation, Observations
from sync_core.model.path import RelPath, ancestors, rel_path

__all__ = ["load_observations", "save_observations"]

_log = logging.getLogger(__name__)

_VERSION: Final = 1
_MAX_BYTES: Final = 256 << 20
"""Some 1.5 million files; a bigger cache is none of ours."""

_MD5: Final = re.compile(r"[0-9a-f]{32}")


def save_observations(path: Path, observations: Observations) -> None:
    """Write the files of ``observations`` whose md5 is known, replacing what stood there in one step.

    Args:
        path: the cache; its folder must exist.
        observations: from a scan or a ``Settler``.

    Raises:
        FileTroubleError: it can't be written.
    """
    files = {name: _row(seen) for name, seen in observations.items() if seen.kind is Kind.FILE and seen.md5}
    # ASCII: names that are not UTF-8 have surrogates, which survive as escapes only.
    text = json.dumps({"version": _VERSION, "files": files}, ensure_ascii=True, separators=(",", ":"))
    try:
        _replace(path, text.encode("ascii"))
    except OSError as error:
        raise FileTroubleError(f"the digest cache {str(path)!r} can't be written: {error.strerror}") from error


def _row(seen: Observation) -> list[int | str | None]:
    return [seen.size_bytes, seen.mtime_ns, seen.ctime_ns, seen.inode, seen.md5, seen.hashed_at_ns]


def _replace(path: Path, content: bytes) -> None:
    fd, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def load_observations(path: Path) -> Observations:
    """Return what ``save_observations`` wrote; nothing if there is no such file, or anything is wrong with it."""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise ValueError("it is too big")
        return _parse(json.loads(content))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError, UnsafeNameError) as error:
        _log.debug("! the digest cache %s is not used: %r", path, error)
        return {}


def _parse(document: object) -> Observations:
    if not isinstance(document, dict) or document.get("version") != _VERSION:
        raise ValueError("it has another version")
    files = document.get("files")
    if not isinstance(files, dict):
        raise ValueError("it has no files")
    observations = {rel_path(name): _observation(row) for name, row in files.items()}
    if (
        any(folder in observations for path in observations for folder in ancestors(path))
        or RelPath("") in observations
    ):
        raise ValueError("it has files below files")
    return observations


def _observation(row: object) -> Observation:
    match row:
        case [int(size), int(mtime), int(ctime), int(inode), str(md5), int(hashed_at)] if _MD5.fullmatch(md5):
            return Observation(
                kind=Kind.FILE,
                size_bytes=size,
                mtime_ns=mtime,
                ctime_ns=ctime,
                inode=inode,
                md5=md5,
                hashed_at_ns=hashed_at,
            )
        case _:
            raise ValueError("it has a row that makes no sense")
