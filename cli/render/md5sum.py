"""A file list in the form of md5sum(1)."""

from __future__ import annotations

from sync_core.model.file import File
from sync_core.model.folder import Folder, walk
from sync_core.model.path import name_bytes

__all__ = ["md5sum_lines"]

_ESCAPES = ((b"\\", b"\\\\"), (b"\n", b"\\n"), (b"\r", b"\\r"))


def md5sum_lines(tree: Folder) -> bytes:
    """Return a line for each file whose md5 is known, names byte for byte.

    A name with a line break makes md5sum begin its line with a backslash and escape the name; so do we.
    """
    return b"".join(
        _line(entry.md5, path) for path, entry in walk(tree) if isinstance(entry, File) and entry.md5 is not None
    )


def _line(md5: str, path: str) -> bytes:
    name = escaped = name_bytes(path)
    for raw, escape in _ESCAPES:
        escaped = escaped.replace(raw, escape)
    mark = b"\\" if escaped != name else b""
    return mark + md5.encode("ascii") + b"  " + escaped + b"\n"
