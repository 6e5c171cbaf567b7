"""A tree's files as rows of the digest cache, and back.

A row is a path and a record of fixed size. The record ends with a checksum over both, so that a row which the disk or
anybody else has changed is noticed, never believed.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Final

from sync_core.model.edit import tree_of
from sync_core.model.file import File, Stamp
from sync_core.model.folder import EMPTY_FOLDER, Entry, Folder, names_of
from sync_core.model.path import RelPath, name_bytes
from sync_core.tree.ground import MAX_DEPTH
from sync_core.tree.names import why_unfit

__all__ = ["Row", "rows_between", "tree_of_rows"]

Row = tuple[bytes, bytes | None]
"""Path and record; no record: there is no such row any more."""

_SEPARATOR: Final = b"\0"
"""Between the names of a path: no name holds it, and rows sort as trees do."""

_BODY: Final = struct.Struct(">QqqQqH16s32s")
_CHECK: Final = struct.Struct(">I")
_RECORD_BYTES: Final = _BODY.size + _CHECK.size
_MAX_ROWS: Final = 2_000_000
_NS_PER_S: Final = 1_000_000_000


def rows_between(before: Folder, after: Folder, above: bytes = b"") -> Iterator[Row]:
    """Give what leads from the rows of one tree to those of another; it costs what they don't share.

    Only files whose digests, permission bits and stamp are known have a row.

    Args:
        before: whose rows are there.
        after: whose rows are to be there.
        above: what stands in all paths before the names in these folders.
    """
    for name in names_of(before, after):
        was, entry = before.children.get(name), after.children.get(name)
        if was is entry:
            continue
        path = above + name_bytes(name)
        if isinstance(was, Folder) or isinstance(entry, Folder):
            inner, new_inner = (it if isinstance(it, Folder) else EMPTY_FOLDER for it in (was, entry))
            yield from rows_between(inner, new_inner, path + _SEPARATOR)
        record = _record(path, entry)
        if record != _record(path, was):
            yield path, record


def _record(path: bytes, file: Entry | None) -> bytes | None:
    if not isinstance(file, File):
        return None
    stamp = file.stamp
    if file.md5 is None or file.sha256 is None or file.size_bytes is None or file.mode is None or stamp is None:
        return None
    try:
        body = _BODY.pack(file.size_bytes, *stamp, file.mode, bytes.fromhex(file.md5), file.sha256)
    except struct.error:
        return None  # a time that fits no 64 bits, as in the year 2262
    return body + _CHECK.pack(zlib.crc32(body, zlib.crc32(path)))


def tree_of_rows(rows: Iterable[tuple[object, object]]) -> Folder:
    """Return the tree of all rows.

    Args:
        rows: in the order of their paths; they may be anything.

    Raises:
        ValueError: they are not what ``rows_between`` gave.
    """
    return tree_of(_files_of(rows))


def _files_of(rows: Iterable[tuple[object, object]]) -> Iterator[tuple[RelPath, File]]:
    last, above, folder = b"", b"", ""
    for count, (path, record) in enumerate(rows):
        if not isinstance(path, bytes) or not isinstance(record, bytes) or len(record) != _RECORD_BYTES:
            raise ValueError("it has a row that makes no sense")
        if path <= last or count >= _MAX_ROWS:
            raise ValueError("its rows are out of order, or too many")
        last = path
        inside, _, name = path.rpartition(_SEPARATOR)
        if inside != above:
            above, folder = inside, _folder_of(inside)
        yield RelPath(folder + _name_of(name)), _file_of(path, record)


def _folder_of(path: bytes) -> str:
    """Return what stands before the names in a folder."""
    names = path.split(_SEPARATOR) if path else []
    if len(names) > MAX_DEPTH:
        raise ValueError("it has a path that is too deep")
    return "".join(f"{_name_of(name)}/" for name in names)


def _name_of(name: bytes) -> str:
    text = name.decode("utf-8", "surrogateescape")
    if text.startswith(".") or why_unfit(text) is not None:
        raise ValueError("it has a name that is not allowed")
    return text


def _file_of(path: bytes, record: bytes) -> File:
    body = record[: _BODY.size]
    if _CHECK.pack(zlib.crc32(body, zlib.crc32(path))) != record[_BODY.size :]:
        raise ValueError("it has a row that was damaged")
    size_bytes, mtime_ns, ctime_ns, inode, hashed_at_ns, mode, md5, sha256 = _BODY.unpack(body)
    if mode > 0o777:
        raise ValueError("it has a row that makes no sense")
    return File(
        md5=md5.hex(),
        sha256=sha256,
        size_bytes=size_bytes,
        last_write_time=max(0, mtime_ns // _NS_PER_S),
        mode=mode,
        stamp=Stamp(mtime_ns, ctime_ns, inode, hashed_at_ns),
    )
