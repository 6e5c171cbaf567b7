"""Whether a root is the folder that is meant: nobody else decides where its path leads, and its disk is mounted.

On which file system it was last time says a mark in the state folder.

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
from sync_core.tree.root_trust import check_trust

__all__ = ["RootGuard", "accept_new_root"]

_NAME: Final = "root.json"


class RootGuard:
    """Remembers where a root lies, over restarts.

    Args:
        root: the folder.
        state: where the mark is kept.
        trust_path: whether it does not matter who else may write above the root.
    """

    def __init__(self, root: Path, state: HostState, *, trust_path: bool) -> None:
        self._root = root
        self._state = state
        self._trust_path = trust_path
        self._place: Place | None = None

    def check(self) -> None:
        """Return if the root is where it was; of the first time that is remembered. Blocks.

        Raises:
            RootUntrustedError: somebody else may decide where it is.
            RootChangedError: it lies on another file system, and nobody has said that this is right.
        """
        if not self._trust_path:
            check_trust(self._root)
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
