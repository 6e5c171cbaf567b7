"""When a file counts as the same, and of what nothing can be said for now.

There are two notions. *Content* alone decides what ``jsync diff`` tells and what a classic answer carries: another time
is no difference (``cli.md`` section 3), and the classic wire knows no permission bits. *State*, which is content, time
and permission bits, is what a slave of our own dialect is brought to. A state can be compared only where both sides
know the SHA-256: what comes from a classic list knows neither that nor permission bits, so there content decides.
"""

from __future__ import annotations

from sync_core.model.file import File
from sync_core.model.folder import Entry

__all__ = ["has_content", "has_state", "is_withheld"]


def has_content(have: File, wanted: File) -> bool:
    """Whether both have the same content; one of which nothing is known is like no other.

    Compared are the SHA-256 where both sides know it, the md5 otherwise.
    """
    if have.md5 is None or wanted.md5 is None:
        return False
    if have.sha256 is None or wanted.sha256 is None:
        return have.md5 == wanted.md5
    return have.sha256 == wanted.sha256


def has_state(have: File, wanted: File) -> bool:
    """Whether ``have`` is all that is ``wanted``: the content, and where both know the SHA-256 time and mode too.

    A time or mode that is not known of ``wanted`` asks for nothing.
    """
    if not has_content(have, wanted):
        return False
    if have.sha256 is None or wanted.sha256 is None:
        return True
    return wanted.mode in {None, have.mode} and wanted.last_write_time in {None, have.last_write_time}


def is_withheld(wanted: Entry, have: Entry | None) -> bool:
    """Whether a slave keeps what it has at a place, and below it, whatever that is.

    So it is with a file that is held back or without a known state, and with a folder that can't be read: if nothing is
    known of it, or if a file would have to give way to it.
    """
    if isinstance(wanted, File):
        return wanted.is_settling or wanted.is_unreadable or wanted.md5 is None
    return wanted.is_unreadable and (not wanted.children or isinstance(have, File))
