"""Who decides where the path of a root leads: only root and the user that we run as may.

The path is gone from ``/`` on, name by name and through its links. What lies in a folder that nobody else may change
stays until root or we change it; so a path that was trusted leads whoever opens it next to the same folder.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import shlex
import stat
from functools import partial
from pathlib import Path
from typing import Final

from sync_core.model.errors import RootUntrustedError
from sync_core.tree.root_way import follow

__all__ = ["check_trust"]

_ROOT: Final = 0


def check_trust(root: Path) -> None:
    """Return if nobody but root and our user can put another folder in the place of ``root``, an absolute path.

    It may be missing, in a folder that only these may write to. Who owns the root itself, or may write into it,
    decides what is in it, and not where it is.

    Raises:
        RootUntrustedError: somebody else can, by a folder or link on the way that is named.
    """
    with contextlib.suppress(OSError):  # a way that ends: whoever opens the root says best what is wrong
        follow(os.fspath(root), partial(_check_step, root))


def _check_step(root: Path, folder: str, name: str) -> None:
    above = os.lstat(folder)
    _check_owner(root, folder, above)
    is_shared = bool(above.st_mode & stat.S_IWOTH) or (bool(above.st_mode & stat.S_IWGRP) and not _is_private(above))
    if is_shared and not above.st_mode & stat.S_ISVTX:
        raise _untrusted(root, folder, f"{_writers(above)} may write into it", f"chmod {_less(above)} {_word(folder)}")
    place = os.path.join(folder, name)  # noqa: PTH118
    try:
        found = os.lstat(place)
    except FileNotFoundError:
        if is_shared:
            raise _untrusted(
                root, place, f"it is not there, and {_writers(above)} may make it", f"mkdir {_word(place)}"
            ) from None
        raise
    if stat.S_ISLNK(found.st_mode):
        _check_owner(root, place, found)
        if is_shared:  # the sticky bit keeps a link in its place, but not one of ours from being moved there
            raise _untrusted(
                root, place, f"it is a link where {_writers(above)} may put one", "name its target in the inventory"
            )
    elif is_shared:
        _check_owner(root, place, found)


def _check_owner(root: Path, place: str, found: os.stat_result) -> None:
    if found.st_uid not in {_ROOT, os.geteuid()}:
        command = "chown -h" if stat.S_ISLNK(found.st_mode) else "chown"
        owner = _user(found.st_uid)
        fix = f"{command} {_user(os.geteuid())} {_word(place)}, or run the agent as {owner}"
        raise _untrusted(root, place, f"it belongs to {owner}", fix)


def _untrusted(root: Path, place: str, why: str, fix: str) -> RootUntrustedError:
    return RootUntrustedError(
        f"{root} is not trusted, as others can put another folder in its place by {place}: {why}; "
        f"{fix}, or say `trust_path: true` in the inventory if that is meant"
    )


def _is_private(found: os.stat_result) -> bool:
    """Whether the group is the owner's own, as where the umask is 002: it has his name, and nobody else is in it."""
    try:
        owner, group = pwd.getpwuid(found.st_uid), grp.getgrgid(found.st_gid)
    except KeyError:
        return False
    is_his = (group.gr_gid, group.gr_name) == (owner.pw_gid, owner.pw_name)
    return is_his and set(group.gr_mem) <= {owner.pw_name}


def _writers(found: os.stat_result) -> str:
    return "everybody" if found.st_mode & stat.S_IWOTH else f"the group {_group(found.st_gid)}"


def _less(found: os.stat_result) -> str:
    return "go-w" if found.st_mode & stat.S_IWOTH else "g-w"


def _word(place: str) -> str:
    return shlex.quote(place)


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
