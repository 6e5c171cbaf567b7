"""Where two folders differ, told by their objects alone: what a walk over two trees goes through."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import compress
from operator import is_not

from sync_core.model.file import File
from sync_core.model.folder import Entry, Folder
from sync_core.model.path import sort_names

__all__ = ["changed_names", "child_of", "has_news", "has_same_children"]


def changed_names(before: Folder | None, after: Folder | None) -> Collection[str]:
    """Return the names under which both hold another object, or only one of them something, in byte order."""
    if before is after:
        return ()
    old = before.children if before is not None else {}
    new = after.children if after is not None else {}
    if _has_same_names(old, new):
        # Both are sorted, so the values stand side by side: quick also in a folder of very many files.
        return tuple(compress(new, map(is_not, old.values(), new.values())))
    return sort_names(
        [*(name for name, entry in new.items() if old.get(name) is not entry), *(old.keys() - new.keys())]
    )


def child_of(folder: Folder | None, name: str) -> Entry | None:
    """Return what ``folder`` holds under ``name``, if there is a folder and it holds anything there."""
    return folder.children.get(name) if folder is not None else None


def has_same_children(some: Folder, other: Folder) -> bool:
    """Whether both hold the very same objects under the same names."""
    ours, theirs = some.children, other.children
    if len(ours) != len(theirs) or any(map(is_not, ours.values(), theirs.values())):
        return False
    return _has_same_names(ours, theirs)


def has_news(before: Folder | None, after: Folder | None) -> bool:
    """Return whether a slave could get something, or lose something, that it could not before.

    A file that merely begins to settle is no news; one that is offered again is. It costs what differs.
    """
    return any(_is_news(child_of(before, name), child_of(after, name)) for name in changed_names(before, after))


def _is_news(before: Entry | None, after: Entry | None) -> bool:
    """Whether what stands under one name is news, with all that is below."""
    if after is None:
        return True
    if isinstance(after, File):
        if isinstance(before, Folder) and before.children:
            return True
        return not after.is_held_back and (not isinstance(before, File) or before != after)
    was = before if isinstance(before, Folder) else None
    if not after.is_unreadable and (was is None or was.is_unreadable):
        return True
    return has_news(was, after)


def _has_same_names(some: Mapping[str, Entry], other: Mapping[str, Entry]) -> bool:
    # Lists are compared without a look-up, and names that are the same object without a look at them.
    return len(some) == len(other) and list(some) == list(other)
