"""Who may do what with what an update writes."""

from __future__ import annotations

import logging
import os
import stat
from dataclasses import dataclass
from typing import Final, NamedTuple

__all__ = ["NO_RIGHTS", "FileRights", "Rights"]

_log = logging.getLogger(__name__)

_PERMISSIONS: Final = 0o777
"""Never set-user-id and the like."""

_LEFT: Final = -1
"""What ``chown(2)`` takes for an id that is to stay."""


class FileRights(NamedTuple):
    """What one file gets before it takes its place.

    Attributes:
        mode: its permission bits.
        uid: its owner; -1 for ours.
        gid: its group; likewise.
        is_told: whether somebody wants these ids; else they are those of the file that gives way.
    """

    mode: int
    uid: int = _LEFT
    gid: int = _LEFT
    is_told: bool = False

    def give(self, fd: int) -> None:
        """Give them to an open file. Its owner comes first: that would take permissions away again.

        Raises:
            OSError: they can't be given; an owner that is only kept is a word in the log.
        """
        try:
            if self.uid != _LEFT or self.gid != _LEFT:
                os.fchown(fd, self.uid, self.gid)
        except OSError as error:
            if self.is_told:
                raise
            _log.warning("a file can't be left to user %d and group %d: %s", self.uid, self.gid, error.strerror)
        os.fchmod(fd, self.mode & _PERMISSIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What overrules what comes; each is ``None`` where nothing does.

    Attributes:
        file_mode: the permission bits of every file that is written or adjusted.
        dir_mode: those of every folder that is made.
        uid: who owns both.
        gid: their group.
    """

    file_mode: int | None = None
    dir_mode: int | None = None
    uid: int | None = None
    gid: int | None = None

    def of_file(self, *, told_mode: int | None, before: os.stat_result | None, new_mode: int) -> FileRights:
        """Return what a file gets.

        Args:
            told_mode: what the master says, if it does.
            before: the regular file that gives way, if there is one. Its mode counts where nobody tells another, with
                reading added for its owner, so that we can read what takes its place. Root leaves it its owner.
            new_mode: what else counts.
        """
        kept_mode = None if before is None else before.st_mode & _PERMISSIONS | stat.S_IRUSR
        modes = (self.file_mode, told_mode, kept_mode, new_mode)
        uid, gid = (before.st_uid, before.st_gid) if before is not None and os.geteuid() == 0 else (_LEFT, _LEFT)
        return FileRights(
            mode=next(mode for mode in modes if mode is not None),
            uid=uid if self.uid is None else self.uid,
            gid=gid if self.gid is None else self.gid,
            is_told=self.uid is not None or self.gid is not None,
        )

    @property
    def birth_mode(self) -> int:
        """What a folder is made with, less the umask: for us alone, until it has a mode of its own."""
        return _PERMISSIONS if self.dir_mode is None else 0o700

    def give_folder(self, fd: int) -> bool:
        """Give them to an open folder that was just made; return whether there was anything to give.

        Raises:
            OSError: they can't be given.
        """
        if self.uid is not None or self.gid is not None:
            os.fchown(fd, *(_LEFT if id_ is None else id_ for id_ in (self.uid, self.gid)))
        if self.dir_mode is not None:
            os.fchmod(fd, self.dir_mode & _PERMISSIONS)
        return self.dir_mode is not None or self.uid is not None or self.gid is not None


NO_RIGHTS: Final = Rights()
