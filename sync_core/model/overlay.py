"""The master's view of one slave: ``_all`` under the slave's own folder (``protocol.md`` section 3.6).

A view shares what only one layer has, down to the very same folders: it costs what the two have in common.
"""

from __future__ import annotations

from sync_core.model.edit import marked, with_children
from sync_core.model.file import File, Kind, Layer
from sync_core.model.folder import EMPTY_FOLDER, Entry, Folder, get, kind_of
from sync_core.model.path import RelPath, sort_names

__all__ = ["layer_in", "layer_of", "overlay", "own_below"]


def overlay(shared: Folder | None, own: Folder | None) -> Folder:
    """Return what a slave should have of ``_all`` and of its own folder, each ``None`` where there is none.

    An own file hides the file of the same name in ``_all``, also while it settles or can't be read. Folders merge. A
    folder in either layer wins over a file of the same name in the other. Where the own folder can't be read nobody
    knows what it hides, so nothing of ``_all`` shows below it, and what would give way to it shows neither: the slave
    keeps what it has. Where that of ``_all`` can't be read, nobody knows what is missing in the merged one, so that
    can't be read either.

    It is one of the two itself where the other adds nothing.
    """
    if own is None:
        return EMPTY_FOLDER if shared is None else shared
    if shared is None:
        return own
    if own.is_unreadable:
        return _alone(shared, own)
    ours, theirs = own.children, shared.children
    if not ours:
        return shared
    common = ours.keys() & theirs.keys()
    settled = {name: _entry(theirs[name], ours[name]) for name in common}
    if len(common) == len(ours) and all(entry is theirs[name] for name, entry in settled.items()):
        return shared
    if len(common) == len(theirs) and all(entry is ours[name] for name, entry in settled.items()):
        return marked(own, is_unreadable=shared.is_unreadable)
    merged = {**theirs, **ours, **settled}
    if len(merged) > len(theirs):  # names that are new stand at the end
        names = sort_names(merged)
        merged = dict(zip(names, map(merged.__getitem__, names), strict=True))
    return Folder(merged, is_unreadable=shared.is_unreadable)


def layer_of(own: Folder | None, path: RelPath, kind: Kind) -> Layer:
    """Return which layer an entry of a view comes from; folders that both have count as own.

    ``kind``: what it is in the view: an own file may have given way to a folder of ``_all``.
    """
    found = None if own is None else get(own, path)
    return Layer.OWN if found is not None and kind_of(found) is kind else Layer.ALL


def layer_in(own: Folder | None, name: str, entry: Entry) -> Layer | None:
    """Return which layer an entry of a view comes from; ``own``: the own layer's folder there, ``None`` = not known."""
    if own is None:
        return None
    found = own.children.get(name)
    return Layer.OWN if found is not None and kind_of(found) is kind_of(entry) else Layer.ALL


def own_below(own: Folder | None, name: str) -> Folder | None:
    """Return the own layer's folder of that name for a walk that goes on below; an empty one where it has none."""
    if own is None:
        return None
    found = own.children.get(name)
    return found if isinstance(found, Folder) else EMPTY_FOLDER


def _entry(shared: Entry, own: Entry) -> Entry:
    if isinstance(own, File):
        return shared if isinstance(shared, Folder) else own
    return overlay(shared, own) if isinstance(shared, Folder) else own


def _alone(shared: Folder, own: Folder) -> Folder:
    """Return an own folder that can't be read, or one below it: the files that give way to a folder are not shown."""
    changed: dict[str, Entry | None] = {}
    for name in own.children.keys() & shared.children.keys():
        ours, theirs = own.children[name], shared.children[name]
        if isinstance(theirs, Folder):
            changed[name] = _alone(theirs, ours) if isinstance(ours, Folder) else None
    return marked(with_children(own, changed), is_unreadable=own.is_unreadable or shared.is_unreadable)
