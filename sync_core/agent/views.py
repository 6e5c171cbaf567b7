"""What each slave is to have: ``_all`` with the slave's own folder laid over it."""

from __future__ import annotations

from dataclasses import replace

from sync_core.model.errors import FileTroubleError
from sync_core.model.manifest import Entry, Layer, Manifest
from sync_core.model.merge import merge_layers
from sync_core.model.path import RelPath

__all__ = ["ALL_FOLDER", "Views"]

ALL_FOLDER = "_all"


class Views:
    """The views of all slaves at one moment; merged when first asked for.

    Args:
        remote: the settled manifest of the whole ``remote`` folder.

    Attributes:
        folders: the names of the first-level folders, sorted.
    """

    def __init__(self, remote: Manifest) -> None:
        self._layers = _split(remote)
        self._unreadable = {entry.path for entry in remote if entry.is_unreadable and _is_first_level(entry)}
        self._merged: dict[str | None, Manifest] = {}
        self._digests: dict[str | None, str] = {}
        self.folders = tuple(sorted(self._layers))

    def of(self, folder: str | None) -> Manifest:
        """Return the view of a slave whose own folder is ``folder`` (``None``: it has none).

        Raises:
            FileTroubleError: that folder or ``_all`` can't be read, so nobody knows what the slave is to have.
        """
        for name in (ALL_FOLDER, folder):
            if name in self._unreadable:
                raise FileTroubleError(f"the folder {name} of the master can't be read", hint="mend its owner or mode")
        if folder not in self._merged:
            own = self._layers.get(folder) if folder is not None else None
            self._merged[folder] = merge_layers(self._layers.get(ALL_FOLDER), own)
        return self._merged[folder]

    def tree_md5(self, folder: str | None) -> str:
        """Return the digest of that view; it raises what ``of`` raises."""
        if folder not in self._digests:
            self._digests[folder] = self.of(folder).tree_md5
        return self._digests[folder]

    @staticmethod
    def folder_of(layer: Layer | None, own: str | None) -> str:
        """Return the first-level folder from which an entry of a view comes."""
        return own if own is not None and layer is Layer.OWN else ALL_FOLDER


def _is_first_level(entry: Entry) -> bool:
    return not entry.is_file and "/" not in entry.path


def _split(remote: Manifest) -> dict[str, Manifest]:
    """Cut the manifest of ``remote`` into those of its first-level folders; files beside them are nobody's."""
    parts: dict[str, list[Entry]] = {}
    for entry in remote:
        first, _, rest = entry.path.partition("/")
        if rest:
            parts.setdefault(first, []).append(replace(entry, path=RelPath(rest)))
        elif not entry.is_file:
            parts.setdefault(first, [])
    return {name: Manifest(entries) for name, entries in parts.items()}
