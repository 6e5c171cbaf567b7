"""When a content is in a folder: told by inotify, so that waiting takes nothing from those who work."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from asyncinotify import Inotify, Mask

from benchmarks.figures import NotDoneError

__all__ = ["Arrivals"]

_LOOK_AGAIN_S = 0.25
"""A folder that was made anew has no watch any more; so the files are looked at even where nothing is told."""


class Arrivals:
    """Watches the folders of some files. Use it as a context.

    Args:
        paths: the files, one for each copy that is waited for.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._inotify = Inotify(sync_timeout=_LOOK_AGAIN_S)

    def __enter__(self) -> Arrivals:
        self._inotify.__enter__()
        for folder in dict.fromkeys(path.parent for path in self._paths):
            self._inotify.add_watch(folder, Mask.MOVED_TO | Mask.CLOSE_WRITE)
        return self

    def __exit__(self, *_: object) -> None:
        self._inotify.close()

    def wait(self, content: bytes, *, timeout_s: float) -> float:
        """Wait until every file has this content; return when the last one had it, in ``time.perf_counter``'s seconds.

        Raises:
            NotDoneError: one never had.
        """
        missing = set(self._paths)
        deadline_s = time.perf_counter() + timeout_s
        while True:
            event = self._inotify.sync_get()
            at_s = time.perf_counter()
            looked_at = missing if event is None else {path for path in missing if path == event.path}
            missing -= {path for path in looked_at if _has(path, content)}
            if not missing:
                return at_s
            if at_s > deadline_s:
                raise NotDoneError(
                    f"a change was not in {len(missing)} of {len(self._paths)} copies, {timeout_s:.0f} s"
                )


def _has(path: Path, content: bytes) -> bool:
    with suppress(FileNotFoundError):
        return path.read_bytes() == content
    return False
