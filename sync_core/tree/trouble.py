"""What the system says against writing something, as one of our errors."""

from __future__ import annotations

import errno
from typing import Final

from sync_core.model.errors import FileTroubleError
from sync_core.model.path import ROOT, RelPath

__all__ = ["file_trouble"]

_HINTS: Final = {
    errno.ENOSPC: "free some space on that file system",
    errno.EDQUOT: "the disk quota of this user is used up",
    errno.EACCES: "this user needs the right to write there",
    errno.EPERM: "this user needs the right to write there",
    errno.EROFS: "the file system is mounted read-only",
}


def file_trouble(path: RelPath, error: OSError | OverflowError) -> FileTroubleError:
    """Return the error with the path that it is about."""
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    hint = _HINTS.get(error.errno or 0) if isinstance(error, OSError) else None
    where = repr(path) if path != ROOT else "the folder"
    return FileTroubleError(f"{where} can't be updated: {reason}", hint=hint)
