"""The rights that a slave's inventory asks for, with the users and groups of this machine."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Callable

from sync_core.model.errors import HostError, InventoryError, JsyncError, Problem
from sync_core.model.inventory import Host, Inventory
from sync_core.tree.rights import Rights

__all__ = ["rights_of"]


def rights_of(inventory: Inventory, host: Host) -> Rights:
    """Return what overrules the permissions and owners that come to the cache of ``host``, a slave of this machine.

    Raises:
        InventoryError: there is no such user or group, or this user may not give files to it; the place is named.
        HostError: likewise, where nobody knows the place.
    """
    told, is_root = host.rights, os.geteuid() == 0
    uid = _id_of(told.owner, lambda name: pwd.getpwnam(name).pw_uid)
    gid = _id_of(told.group, lambda name: grp.getgrnam(name).gr_gid)
    for variable, text, id_, ours in (
        ("owner", told.owner, uid, {os.geteuid()}),
        ("group", told.group, gid, {os.getegid(), *os.getgroups()}),
    ):
        if text is not None and id_ is None:
            kind = "user" if variable == "owner" else "group"
            hint = f"make that {kind}, or name another one"
            raise _error(inventory, host, variable, f"there is no {kind} {text!r} on this machine", hint)
        if id_ is not None and id_ not in ours and not is_root:
            hint = "run the agent as root, or leave this variable out"
            raise _error(inventory, host, variable, f"only root can give files to {text!r}", hint)
    return Rights(file_mode=told.file_mode, dir_mode=told.dir_mode, uid=uid, gid=gid)


def _id_of(text: str | None, look_up: Callable[[str], int]) -> int | None:
    """Return the number of a user or group; ``None`` where none is named, or none is known by that name."""
    if text is None or (text.isascii() and text.isdigit()):
        return None if text is None else int(text)
    try:
        return look_up(text)
    except KeyError:
        return None


def _error(inventory: Inventory, host: Host, variable: str, message: str, hint: str) -> JsyncError:
    setting = inventory.settings.get(host.name, {}).get(variable)
    message = f"`{variable}`: {message}"
    if setting is None:
        return HostError(message, hint=hint, host=host.name)
    place = Problem(file=setting.file, line=setting.line, column=setting.column, message=message, hint=hint)
    return InventoryError((place,))
