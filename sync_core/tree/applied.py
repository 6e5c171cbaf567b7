"""What an update did."""

from __future__ import annotations

from dataclasses import dataclass, field

from sync_core.model.folder import Folder
from sync_core.model.path import RelPath

__all__ = ["Applied"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What an update did.

    Attributes:
        written: files with new content, in document order.
        made: folders that were not there before, in document order.
        removed: what went, in the order in which it went; a folder stands for all that was in it.
        adjusted: files whose time or permissions changed, in document order.
        skipped: changes that were ignored, since a name in their path begins with ``.``.
        tree: the cache's tree now: the one before, and what was done to it.
    """

    written: tuple[RelPath, ...] = ()
    made: tuple[RelPath, ...] = ()
    removed: tuple[RelPath, ...] = ()
    adjusted: tuple[RelPath, ...] = ()
    skipped: tuple[RelPath, ...] = ()
    tree: Folder = field(default_factory=Folder)

    @property
    def is_empty(self) -> bool:
        """Whether the tree is as it was."""
        return not (self.written or self.made or self.removed or self.adjusted)
