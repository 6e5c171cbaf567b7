"""A cache that keeps what stands in its small files before they change, so that the lines that changed can be shown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sync_core.agent.cache import CacheFolder
from sync_core.agent.cache_update import CacheUpdate
from sync_core.agent.digest_keeper import DigestKeeper
from sync_core.fleet.effects import Effect
from sync_core.model.errors import FileTroubleError
from sync_core.model.file import File
from sync_core.model.folder import Folder, get, walk
from sync_core.model.inventory import MaxDelete
from sync_core.model.limits import MAX_SHOWN_BYTES
from sync_core.model.path import RelPath
from sync_core.tree.applied import Applied
from sync_core.tree.rights import Rights
from sync_core.tree.update import Step

__all__ = ["ContentChange", "ShownCache"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentChange:
    """One file whose content changes.

    Attributes:
        path: where.
        before: what was there; ``None``: no file.
        after: what is there afterwards; likewise.
        old: its content before; ``None`` where there was none, or it is not shown.
        new: its content afterwards; likewise.
    """

    path: RelPath
    before: File | None
    after: File | None
    old: bytes | None = None
    new: bytes | None = None

    @property
    def is_shown(self) -> bool:
        """Whether both contents are at hand."""
        return (self.before is None) == (self.old is None) and (self.after is None) == (self.new is None)


class ShownCache(CacheFolder):
    """The cache of a slave that is synced while somebody looks on.

    Args:
        root: the folder.
        max_delete: most files that may be removed.
        rights: what overrules the permissions and owners that come or were there.
        digests: what is remembered of an earlier run, and takes what is to be remembered.
        keeps_contents: whether contents are kept at all.
        guard: as for a ``CacheFolder``.
    """

    def __init__(
        self,
        root: Path,
        *,
        max_delete: MaxDelete,
        rights: Rights,
        digests: DigestKeeper,
        keeps_contents: bool,
        guard: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(root, max_delete=max_delete, rights=rights, digests=digests, guard=guard)
        self._keeps_contents = keeps_contents
        self._old: dict[RelPath, bytes] = {}
        self._seen: set[RelPath] = set()

    async def apply(self, steps: Sequence[Step], contents: Mapping[RelPath, bytes]) -> Applied:
        """Bring the cache in line, as ``CacheFolder`` does."""
        await self._keep_before(steps)
        return await super().apply(steps, contents)

    async def update(self, steps: Sequence[Step], bring: Callable[[CacheUpdate], Awaitable[None]]) -> Applied:
        """Bring the cache in line, as ``CacheFolder`` does."""
        await self._keep_before(steps)
        return await super().update(steps, bring)

    async def keep(self, paths: Iterable[RelPath], before: Folder) -> None:
        """Keep what stands in those of ``paths`` that are small files of ``before``, and below those that are folders.

        What was kept once stays: of several updates the first one counts.
        """
        fresh = [path for path in _files_at(paths, before) if path not in self._seen]
        self._seen.update(fresh)
        self._old.update(await self.read_small(fresh, before))

    async def read_small(self, paths: Iterable[RelPath], tree: Folder) -> dict[RelPath, bytes]:
        """Return the contents of those of ``paths`` that are small files of ``tree``; of what can't be read nothing."""
        found: dict[RelPath, bytes] = {}
        for path in paths:
            file = get(tree, path)
            if isinstance(file, File) and (file.size_bytes or 0) <= MAX_SHOWN_BYTES:
                try:
                    found[path] = await self.read(path)
                except FileTroubleError:
                    continue  # it is shown as one that can't be compared
        return found

    def changes(
        self, effects: Iterable[Effect], before: Folder, after: Folder, new: Mapping[RelPath, bytes]
    ) -> tuple[ContentChange, ...]:
        """Return the files among ``effects`` with their contents.

        Args:
            effects: what changed between the two trees.
            before: the tree before.
            after: the tree afterwards.
            new: contents of it.
        """
        found = {}
        for path in (effect.path for effect in effects):
            old_file, new_file = get(before, path), get(after, path)
            found[path] = ContentChange(
                path=path,
                before=old_file if isinstance(old_file, File) else None,
                after=new_file if isinstance(new_file, File) else None,
                old=self._old.get(path),
                new=new.get(path),
            )
        return tuple(change for change in found.values() if change.before is not None or change.after is not None)

    async def _keep_before(self, steps: Sequence[Step]) -> None:
        if self._keeps_contents:
            await self.keep([step.path for step in steps], await self.known())


def _files_at(paths: Iterable[RelPath], tree: Folder) -> Iterable[RelPath]:
    for path in paths:
        entry = get(tree, path)
        if isinstance(entry, File):
            yield path
        elif entry is not None:
            yield from (inner for inner, below in walk(entry, path) if isinstance(below, File))
