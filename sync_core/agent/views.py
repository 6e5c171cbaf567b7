"""What each slave is to have: ``_all`` with the slave's own folder laid over it."""

from __future__ import annotations

from sync_core.model.errors import FileTroubleError
from sync_core.model.file import Layer
from sync_core.model.folder import EMPTY_FOLDER, Folder
from sync_core.model.overlay import overlay

__all__ = ["ALL_FOLDER", "Views", "folder_of"]

ALL_FOLDER = "_all"


def folder_of(layer: Layer | None, own: str | None) -> str:
    """Return the first-level folder from which an entry of a view comes."""
    return own if own is not None and layer is Layer.OWN else ALL_FOLDER


class Views:
    """The views of all slaves at one moment; laid over each other when first asked for.

    Args:
        remote: the settled tree of the whole ``remote`` folder.
        before: the views of the moment before: whose layers are the same keeps the very same view.

    Attributes:
        folders: the names of the first-level folders, sorted.
    """

    def __init__(self, remote: Folder, before: Views | None = None) -> None:
        self._layers = {name: entry for name, entry in remote.children.items() if isinstance(entry, Folder)}
        self._views: dict[str | None, Folder] = {}
        self._most_entries: int | None = None
        names = tuple(self._layers)
        self.folders: tuple[str, ...] = names if before is None or before.folders != names else before.folders
        if before is not None and before._layers.get(ALL_FOLDER) is self._layers.get(ALL_FOLDER):
            self._views = {name: view for name, view in before._views.items() if self._has_same(name, before)}

    def of(self, folder: str | None) -> Folder:
        """Return the view of a slave whose own folder is ``folder`` (``None``: it has none).

        Raises:
            FileTroubleError: that folder or ``_all`` can't be read, so nobody knows what the slave is to have.
        """
        for name in (ALL_FOLDER, folder):
            layer = self._layers.get(name) if name is not None else None
            if layer is not None and layer.is_unreadable:
                raise FileTroubleError(f"the folder {name} of the master can't be read", hint="mend its owner or mode")
        view = self._views.get(folder)
        if view is None:
            view = self._views[folder] = overlay(self._layers.get(ALL_FOLDER), self.own(folder))
        return view

    def own(self, folder: str | None) -> Folder | None:
        """Return the tree of a slave's own folder, ``None`` where it has none."""
        return self._layers.get(folder) if folder is not None else None

    @property
    def most_entries(self) -> int:
        """How many files and folders the largest view has, at most."""
        if self._most_entries is None:
            own = (_entries(layer) for name, layer in self._layers.items() if name != ALL_FOLDER)
            self._most_entries = _entries(self._layers.get(ALL_FOLDER, EMPTY_FOLDER)) + max(own, default=0)
        return self._most_entries

    def _has_same(self, name: str | None, before: Views) -> bool:
        return name is None or self._layers.get(name) is before._layers.get(name)


def _entries(folder: Folder) -> int:
    return folder.totals.files + folder.totals.folders
