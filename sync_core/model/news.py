"""Whether one view of a tree lets a slave get or lose something that the view before it did not."""

from __future__ import annotations

from sync_core.model.differences import changed_names, child_of
from sync_core.model.file import File
from sync_core.model.folder import Entry, Folder

__all__ = ["has_news"]


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
