"""What a slave's own inventory says of the permissions in its copy, against what its master says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from sync_core.model.file import File
from sync_core.model.folder import EMPTY_FOLDER, Entry, Folder

__all__ = ["NO_CACHE_RIGHTS", "CacheRights", "with_mode"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheRights:
    """The variables ``file_mode``, ``dir_mode``, ``owner`` and ``group`` of a slave; ``None`` where nobody set one.

    Attributes:
        file_mode: permission bits, at most 0o777.
        dir_mode: likewise.
        owner: a user's name, or its number in digits.
        group: likewise.
    """

    file_mode: int | None = None
    dir_mode: int | None = None
    owner: str | None = None
    group: str | None = None

    def variables(self) -> dict[str, str]:
        """Return those that were set, as an inventory has them."""
        modes = {"file_mode": self.file_mode, "dir_mode": self.dir_mode}
        ids = {"owner": self.owner, "group": self.group}
        return {name: f"{mode:04o}" for name, mode in modes.items() if mode is not None} | {
            name: id_ for name, id_ in ids.items() if id_ is not None
        }


NO_CACHE_RIGHTS: Final = CacheRights()


def with_mode(tree: Folder, mode: int, *, before: Folder = EMPTY_FOLDER, made_before: Folder = EMPTY_FOLDER) -> Folder:
    """Return ``tree`` with ``mode`` for every file; it costs what ``tree`` does not share with ``before``.

    Args:
        tree: any tree.
        mode: permission bits.
        before: the tree of an earlier call.
        made_before: what that call returned.
    """
    if tree is before:
        return made_before
    children: dict[str, Entry] = {}
    for name, entry in tree.children.items():
        was, made = before.children.get(name), made_before.children.get(name)
        if entry is was and made is not None:
            children[name] = made
        elif isinstance(entry, File):
            children[name] = replace(entry, mode=mode)
        elif isinstance(was, Folder) and isinstance(made, Folder):
            children[name] = with_mode(entry, mode, before=was, made_before=made)
        else:
            children[name] = with_mode(entry, mode)
    return Folder(children, is_unreadable=tree.is_unreadable)
