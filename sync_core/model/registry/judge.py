"""Whether slaves have what they are to have, found out once for all that are in the same state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from sync_core.model.folder import Folder

__all__ = ["Judge", "Realizes", "ViewOf"]

ViewOf: TypeAlias = Callable[[str | None], Folder | None]
"""The newest view of those whose own folder has that name; ``None`` while it can't be read."""
Realizes: TypeAlias = Callable[[Folder, Folder], bool]
"""Whether who has the first needs nothing to have the second (``model.answer_plan.realizes``)."""

_MOST_KEPT: Final = 10_000


class Judge:
    """Compares what slaves were given with their newest views; ``realizes``: compares two trees."""

    def __init__(self, realizes: Realizes) -> None:
        self._realizes = realizes
        self._view_of: ViewOf = lambda _: None
        self._views: dict[str | None, Folder | None] = {}
        self._verdicts: dict[tuple[int, int], tuple[Folder, Folder, bool]] = {}

    def take(self, view_of: ViewOf) -> None:
        """Judge by these views from now on."""
        self._view_of = view_of
        self.forget()

    def forget(self) -> None:
        """Keep no tree in memory: what is asked next is found out anew."""
        self._views.clear()
        self._verdicts.clear()

    def is_behind(self, folder: str | None, given: Folder | None) -> bool | None:
        """Return whether who has ``given`` (``None`` = something unknown) lacks something of the view for ``folder``.

        ``None`` while that can't be read.
        """
        view = self._view(folder)
        if view is None:
            return None
        return given is None or not self._has_all(given, view)

    def _view(self, folder: str | None) -> Folder | None:
        if folder not in self._views:
            if len(self._views) >= _MOST_KEPT:
                self._views.clear()
            self._views[folder] = self._view_of(folder)
        return self._views[folder]

    def _has_all(self, given: Folder, view: Folder) -> bool:
        if given is view:
            return True
        key = (id(given), id(view))  # both are kept beside the verdict, so that no other tree comes by their ids
        known = self._verdicts.get(key)
        if known is None:
            if len(self._verdicts) >= _MOST_KEPT:
                self._verdicts.clear()
            known = self._verdicts[key] = (given, view, self._realizes(given, view))
        return known[2]
