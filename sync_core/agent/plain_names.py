"""Names that a real JobScheduler can't handle: they stay out of what it is shown, with a word in the log."""

from __future__ import annotations

import logging
from collections.abc import Callable

from sync_core.model.manifest import Manifest
from sync_core.model.path import RelPath, ancestors, parent_of
from sync_core.protocol.names import fits_schema

__all__ = ["PlainNames"]

_log = logging.getLogger(__name__)

_MOST_WARNED = 10_000


class PlainNames:
    """Leaves out what the original's schema refuses (``protocol.md`` sections 1.2 and 14), and warns once per name.

    Args:
        warning: has a place for the path, and says what becomes of it.
    """

    def __init__(self, warning: str) -> None:
        self._warning = warning
        self._warned: set[RelPath] = set()

    def within(self, manifest: Manifest) -> Manifest:
        """Return the entries whose names a real JobScheduler takes."""
        odd = self.odd(manifest)
        return _without(manifest, odd.__contains__) if odd else manifest

    def odd(self, manifest: Manifest) -> frozenset[RelPath]:
        """Return the paths that it does not take; each is warned of once, what is below it not at all."""
        odd = frozenset(entry.path for entry in manifest if not fits_schema(entry.path))
        for path in odd:
            if parent_of(path) not in odd and path not in self._warned and len(self._warned) < _MOST_WARNED:
                self._warned.add(path)
                _log.warning(self._warning, path)
        return odd

    def spared(self, view: Manifest, listed: Manifest) -> tuple[Manifest, Manifest]:
        """Return both without what is odd in ``view``: it is neither sent, nor removed where the peer has it."""
        odd = self.odd(view)
        if not odd:
            return view, listed
        return _without(view, odd.__contains__), _without(
            listed, lambda path: path in odd or any(folder in odd for folder in ancestors(path))
        )


def _without(manifest: Manifest, is_odd: Callable[[RelPath], bool]) -> Manifest:
    return Manifest(entry for entry in manifest if not is_odd(entry.path))
