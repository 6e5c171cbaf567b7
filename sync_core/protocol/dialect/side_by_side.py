"""Two trees, looked at side by side: level by level, and only where their digests differ."""

from __future__ import annotations

from sync_core.model.folder import Folder
from sync_core.protocol.dialect.half import TreeHalf, joined

__all__ = ["SideBySide"]


class SideBySide:
    """What two peers have, as far as it is not alike.

    Whoever drives it says ``go_on``, and asks both halves for what they want, until that is false.

    Args:
        ours: digest of the one tree.
        theirs: of the other.

    Attributes:
        ours: asks for the one tree.
        theirs: asks for the other.
    """

    def __init__(self, ours: bytes, theirs: bytes) -> None:
        self.ours = TreeHalf(ours)
        self.theirs = TreeHalf(theirs)
        self._level: list[bytes] | None = None

    def go_on(self) -> bool:
        """Want what is next: folders that both have and that differ, and all of those that one has; ``False``: none.

        Both must have given all that was wanted before.
        """
        if self._level is None:
            self._level = [b""]
            if self.ours.digest != self.theirs.digest:
                self.ours.want(b"", self.ours.digest, is_deep=False)
                self.theirs.want(b"", self.theirs.digest, is_deep=False)
                return True
            return False
        level, self._level = self._level, []
        is_more = False
        for path in level:
            ours, theirs = self.ours.folders_in(path), self.theirs.folders_in(path)
            for name in ours.keys() | theirs.keys():
                mine, other = ours.get(name), theirs.get(name)
                if mine is not None and other is not None and mine.digest == other.digest:
                    continue
                is_more = True
                inner, is_deep = joined(path, name), mine is None or other is None
                if mine is not None:
                    self.ours.want(inner, mine.digest, is_deep=is_deep)
                if other is not None:
                    self.theirs.want(inner, other.digest, is_deep=is_deep)
                if not is_deep:
                    self._level.append(inner)
        return is_more

    def trees(self) -> tuple[Folder, Folder, Folder]:
        """Return our tree, theirs, and what of ours is the slave's own; what is alike is ``unlisted`` in both.

        Raises:
            RemoteProtocolError: a folder is not the one that was offered.
        """
        ours, own = self.ours.trees()
        return ours, self.theirs.trees()[0], own
