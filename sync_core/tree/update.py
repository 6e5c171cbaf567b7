"""What must be true of an update before the first byte is written: names, removals, ``max_delete``."""

from __future__ import annotations

from collections.abc import Iterator

from sync_core.model.change import Change, Changes, Remove, WriteFile
from sync_core.model.errors import TooManyRemovalsError, UnsafeNameError
from sync_core.model.inventory import MaxDelete
from sync_core.model.manifest import Kind, Manifest
from sync_core.model.path import RelPath, ancestors, rel_path

__all__ = ["check_removals", "split_hidden", "with_removals"]


def split_hidden(changes: Changes) -> tuple[Changes, tuple[RelPath, ...]]:
    """Return the changes that count, and the paths of those that don't: a name in them begins with ``.``.

    Such names are never listed (``protocol.md`` section 3.3) and may be our own temporaries.

    Raises:
        UnsafeNameError: a name that must not reach the file system, whoever sent it.
    """
    kept: list[Change] = []
    skipped: list[RelPath] = []
    for change in changes:
        names = rel_path(change.path).split("/")
        if names == [""]:
            raise UnsafeNameError("a change without a name is not allowed")
        if any(name.startswith(".") for name in names):
            skipped.append(change.path)
        else:
            kept.append(change)
    return tuple(kept), tuple(skipped)


def with_removals(changes: Changes, before: Manifest) -> Changes:
    """Return the changes with a removal before every change of kind.

    A real master sends the new kind alone (``protocol.md`` section 3.4).

    Args:
        changes: as they came.
        before: the cache's tree.
    """
    return tuple(_with_removals(changes, before))


def _with_removals(changes: Changes, before: Manifest) -> Iterator[Change]:
    removed: set[RelPath] = set()
    for change in changes:
        if isinstance(change, Remove):
            removed.add(change.path)
        else:
            old = before.get(change.path)
            new_kind = Kind.FILE if isinstance(change, WriteFile) else Kind.DIRECTORY
            if old is not None and old.kind is not new_kind and not _is_at_or_below(change.path, removed):
                removed.add(change.path)
                yield Remove(path=change.path, kind=old.kind)
        yield change


def _is_at_or_below(path: RelPath, tops: set[RelPath]) -> bool:
    return path in tops or any(folder in tops for folder in ancestors(path))


def check_removals(changes: Changes, before: Manifest, max_delete: MaxDelete) -> None:
    """Make sure that no more files vanish than ``max_delete`` allows.

    Counted are files, not folders, whose path would vanish, against the files in the cache before.

    Args:
        changes: with all removals, see ``with_removals``.
        before: the cache's tree.
        max_delete: the slave's limit.

    Raises:
        TooManyRemovalsError: more would vanish.
    """
    files = {entry.path for entry in before.files}
    left = set(files)
    for change in changes:
        if isinstance(change, WriteFile):
            left.add(change.path)
        elif isinstance(change, Remove) and change.path in left:
            left.remove(change.path)
        elif isinstance(change, Remove):
            left = {path for path in left if not path.startswith(f"{change.path}/")}
    vanishing = len(files - left)
    limit = max_delete.limit(len(files))
    if vanishing > limit:
        raise TooManyRemovalsError(
            f"the update would remove {vanishing} of {len(files)} files; max_delete ({max_delete}) allows {limit}",
            hint="if the files are really meant to go, raise max_delete for this slave; "
            "if not, look for what is missing on the master",
        )
