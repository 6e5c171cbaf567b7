"""Files of an update that was broken off, kept for the next one: what is there of something big is not sent again."""

from __future__ import annotations

from collections import OrderedDict

from sync_core.model.answer_plan import PlannedWrite
from sync_core.model.path import RelPath
from sync_core.tree.staged_file import StagedFile

__all__ = ["KeptFiles"]


class KeptFiles:
    """Files of updates that were broken off, for the next update that wants the same content at the same path.

    Args:
        most: how many; beyond that the oldest goes.
    """

    def __init__(self, *, most: int = 16) -> None:
        self._most = most
        self._files: OrderedDict[RelPath, StagedFile] = OrderedDict()

    def put(self, file: StagedFile) -> list[StagedFile]:
        """Keep a file; return those that are no longer kept, so that their temporaries can go."""
        path = file.wanted.path
        gone = [self._files.pop(path)] if path in self._files else []
        self._files[path] = file
        while len(self._files) > self._most:
            gone.append(self._files.popitem(last=False)[1])
        return gone

    def take(self, wanted: PlannedWrite) -> StagedFile | None:
        """Return the file if it is kept; it is the caller's from now on."""
        kept = self._files.get(wanted.path)
        is_same = kept is not None and isinstance(kept.wanted, PlannedWrite) and kept.wanted.sha256 == wanted.sha256
        return self._files.pop(wanted.path) if is_same else None
