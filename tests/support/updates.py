"""Updates of a tree in short: changes, and how they are applied."""

from __future__ import annotations

from pathlib import Path

from sync_core.model.change import Change, MakeDirectory, Remove, WriteFile
from sync_core.model.inventory import MaxDelete
from sync_core.model.manifest import Kind
from sync_core.model.path import RelPath
from sync_core.model.settle import manifest_of
from sync_core.tree.apply import Applied, apply_changes
from sync_core.tree.scan import scan
from tests.support.trees import TIME, Tree, a_manifest

__all__ = ["ANY", "apply", "make", "remove", "write"]

ANY = MaxDelete(number=100, is_percentage=True)


def write(path: str, content: bytes = b"new", *, time: int = TIME + 1) -> WriteFile:
    return WriteFile(path=RelPath(path), last_write_time=time, content=content)


def make(path: str) -> MakeDirectory:
    return MakeDirectory(path=RelPath(path))


def remove(path: str, kind: Kind = Kind.FILE) -> Remove:
    return Remove(path=RelPath(path), kind=kind)


def apply(root: Path, *changes: Change, before: Tree | None = None) -> Applied:
    """Apply changes; ``before``: what was listed to the master, by default what is there."""
    listed = manifest_of(scan(root)) if before is None and root.exists() else a_manifest(before or {})
    return apply_changes(root, changes, before=listed, max_delete=ANY)
