"""Entries of a tree as records, and back."""

from __future__ import annotations

from typing import Final

from sync_core.model.errors import UnsafeNameError
from sync_core.model.file import File
from sync_core.model.folder import Folder
from sync_core.protocol.dialect.messages import FileRecord, FolderRecord
from sync_core.protocol.dialect.names import wire_name

__all__ = ["OWN", "file_of", "file_record", "folder_record", "is_equal", "is_unreadable"]

_SETTLING: Final = 1
_UNREADABLE: Final = 2
OWN: Final = 4
"""The entry comes from the slave's own folder, not from ``_all``; only in answers to those who look."""


def file_record(name: str, file: File, *, with_marks: bool, flags: int = 0) -> FileRecord:
    """Return a file as it travels; ``UnsafeNameError``: no peer would take it.

    Args:
        name: in its folder.
        file: what it is.
        with_marks: whether a file with a known state keeps its marks. They are no part of a digest, so a slave is
            never told: nobody would tell it when they are gone.
        flags: ``OWN`` or nothing.
    """
    if with_marks or file.md5 is None:
        flags |= _SETTLING * file.is_settling | _UNREADABLE * file.is_unreadable
    if file.sha256 is not None and (file.md5 is None or file.size_bytes is None):
        raise UnsafeNameError(f"the file {name!r} can't travel: its SHA-256 is known, its md5 or its size is not")
    md5 = None if file.md5 is None else bytes.fromhex(file.md5)
    return FileRecord(wire_name(name), file.sha256, md5, file.size_bytes, file.last_write_time, file.mode, flags)


def folder_record(name: str, folder: Folder, *, flags: int = 0) -> FolderRecord:
    """Return a folder as it travels; for the rest see ``file_record``. It can't be read: that is in the digest."""
    return FolderRecord(wire_name(name), folder.digest, flags | _UNREADABLE * folder.is_unreadable)


def file_of(record: FileRecord, *, keeps_marks: bool) -> File:
    """Return the file of a checked record; ``keeps_marks``: also where its state is known."""
    flags = record.flags if keeps_marks or record.md5 is None else 0
    return File(
        md5=None if record.md5 is None else record.md5.hex(),
        sha256=record.sha256,
        size_bytes=record.size,
        last_write_time=record.time,
        mode=record.mode,
        is_settling=bool(flags & _SETTLING),
        is_unreadable=bool(flags & _UNREADABLE),
    )


def is_equal(file: File, other: File) -> bool:
    """Whether two files are the same for a digest, and have the same md5."""
    return (
        file.md5 == other.md5
        and file.sha256 == other.sha256
        and (file.md5 is None or (file.last_write_time == other.last_write_time and file.mode == other.mode))
    )


def is_unreadable(record: FolderRecord) -> bool:
    """Whether the folder of a record can't be read."""
    return bool(record.flags & _UNREADABLE)
