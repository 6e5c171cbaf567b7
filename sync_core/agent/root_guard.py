"""Whether a root is still on the file system where it was last time: the mark of it lies in the state folder.

A disk that was not mounted, or another one in its place, is an empty folder at best. A slave would fill it and call it
in sync, a master would serve it.
"""

from __future__ import annotations

import contextlib
from dataclasses import asdict
from pathlib import Path
from typing import Final

from sync_core.agent.json_files import write_object
from sync_core.agent.state import HostState
from sync_core.model.errors import RootChangedError
from sync_core.model.root_identity import RootIdentity, difference
from sync_core.tree.root_identity import Place, identify, place_of

__all__ = ["RootGuard", "accept_new_root"]

_NAME: Final = "root.json"


class RootGuard:
    """Remembers where a root lies, over restarts.

    Args:
        root: the folder.
        state: where the mark is kept.
    """

    def __init__(self, root: Path, state: HostState) -> None:
        self._root = root
        self._state = state
        self._place: Place | None = None

    def check(self) -> None:
        """Return if the root is where it was; of the first time that is remembered. Blocks.

        Raises:
            RootChangedError: it lies on another file system, and nobody has said that this is right.
        """
        try:
            place = place_of(self._root)
            if place == self._place:
                return
            now = identify(self._root)
        except (OSError, LookupError, ValueError):
            return  # whoever reads or writes there says best what is wrong
        before = RootIdentity.of(self._state.read(_NAME))
        if before is not None and (words := difference(before, now)) is not None:
            raise RootChangedError(
                f"{self._root} is not what it was: {words}; if that is meant: "
                f"jsync up --accept-new-root {self._state.host}",
                host=self._state.host,
            )
        if self._root.exists():
            with contextlib.suppress(OSError), self._state.open() as folder:  # or the next look tries again
                write_object(folder, _NAME, asdict(now))
                self._place = place


def accept_new_root(state: HostState) -> None:
    """Forget where the root of a host lay: where it lies now is right, also for an agent that runs."""
    (state.folder / _NAME).unlink(missing_ok=True)
