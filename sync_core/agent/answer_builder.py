"""A master's answers to lists: planned, read and written once for all slaves in the same state."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from sync_core.agent.plain_names import PlainNames
from sync_core.agent.views import Views, folder_of
from sync_core.model.answer_plan import PlannedWrite, build_changes, plan_answer, portion
from sync_core.model.change import Change, Changes, MakeDirectory, WriteFile
from sync_core.model.empty_first import empty_first
from sync_core.model.folder import Folder
from sync_core.model.path import RelPath
from sync_core.protocol.changes import encode_changes
from sync_core.protocol.messages import ChangesAnswer
from sync_core.protocol.times import within_reach

__all__ = ["AnswerBuilder", "BuiltAnswer"]

_log = logging.getLogger(__name__)

_MOST_KEPT_BYTES = 64 << 20
_CHANGE_BYTES = 1024
"""What one more change costs in memory, or one more answer: peers may list whatever they like."""

_MOST_CONTENT_BYTES = 4 << 20
"""Of one answer, unless a single file has more: what comes next waits no longer than this takes, and memory is bounded
whatever there is to send."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltAnswer:
    """What a slave is told.

    Attributes:
        answer: the differences.
        is_whole: whether the slave has everything once it has done what it is told.
        is_unread: whether a file could not be read as it was seen last.
        has_more: whether the rest can come with the next answer.
    """

    answer: ChangesAnswer
    is_whole: bool
    is_unread: bool
    has_more: bool

    @property
    def is_news(self) -> bool:
        """Whether the slave lacks something, or has something that must go."""
        return any(not isinstance(change, MakeDirectory) for change in self.answer.changes)


class _Key(NamedTuple):
    folder: str | None
    is_jsync: bool
    listed: bytes
    is_portion: bool


class AnswerBuilder:
    """Builds the answers from the views of the remote folder.

    A real JobScheduler is spared what it can't stand: names beyond its schema, times beyond its reach, and the removal
    of a folder with all that is in it (``protocol.md`` sections 1.2, 1.6 and 17).

    Args:
        read: returns the content of a path in a first-level folder, or raises a ``TreeError``; called on a thread.
        most_kept_bytes: of answers that are kept for the next slave in the same state.
    """

    def __init__(self, read: Callable[[str, RelPath], bytes], *, most_kept_bytes: int = _MOST_KEPT_BYTES) -> None:
        self._read = read
        self._most_kept_bytes = most_kept_bytes
        self._names = PlainNames("%s is not sent to JobSchedulers: its name has characters that they can't handle")
        self._views: Views | None = None
        self._kept: dict[_Key, asyncio.Task[BuiltAnswer]] = {}
        self._kept_bytes = 0

    async def build(
        self, views: Views, folder: str | None, listed: Folder, *, is_jsync: bool, is_portion: bool = True
    ) -> BuiltAnswer:
        """Return what turns ``listed`` into the view.

        Args:
            views: of the remote folder.
            folder: the slave's own folder.
            listed: what the slave has.
            is_jsync: whether it is jsync, which needs no sparing.
            is_portion: whether the rest may wait for the next answer.

        Raises:
            FileTroubleError: the view can't be read now.
        """
        digest = await asyncio.to_thread(lambda: listed.digest)
        if views is not self._views:  # looked at here, behind every wait: what is kept below is of these views
            self._views = views
            self._forget()
        key = _Key(folder, is_jsync, digest, is_portion)
        task = self._kept.get(key)
        if task is None:
            task = asyncio.create_task(
                asyncio.to_thread(self._build, views, folder, listed, is_jsync=is_jsync, is_portion=is_portion),
            )
            self._kept[key] = task
            task.add_done_callback(lambda done: self._keep(key, done))
        return await asyncio.shield(task)  # others wait for the same answer

    def _forget(self) -> None:
        self._kept.clear()
        self._kept_bytes = 0

    def _keep(self, key: _Key, task: asyncio.Task[BuiltAnswer]) -> None:
        if self._kept.get(key) is not task:
            return
        if task.cancelled() or task.exception() is not None or task.result().is_unread:
            del self._kept[key]
            return
        answer = task.result().answer
        self._kept_bytes += 2 * len(answer.encoded) + _CHANGE_BYTES * (1 + len(answer.changes))
        if self._kept_bytes > self._most_kept_bytes:
            self._forget()

    def _build(
        self, views: Views, folder: str | None, listed: Folder, *, is_jsync: bool, is_portion: bool
    ) -> BuiltAnswer:
        view, own = views.of(folder), views.own(folder)
        if not is_jsync:
            view, listed = self._names.spared(view, listed)
        plan, has_more = plan_answer(view, listed, own=own), False
        if not is_jsync:
            plan, has_more = empty_first(plan, listed)
        if is_portion:
            plan, is_cut = portion(plan, most_bytes=_MOST_CONTENT_BYTES)
            has_more |= is_cut

        def read(item: PlannedWrite) -> bytes:
            return self._read(folder_of(item.layer, folder), item.path)

        built = build_changes(plan, read)
        for trouble in built.left_out:
            _log.warning("%s is not sent this time: %s", trouble.path, trouble.reason)
        changes = built.changes if is_jsync else _with_times_within_reach(built.changes)
        return BuiltAnswer(
            answer=ChangesAnswer(changes=changes, encoded=encode_changes(changes)),
            is_whole=not (built.left_out or has_more),
            is_unread=bool(built.left_out),
            has_more=has_more,
        )


def _with_times_within_reach(changes: Changes) -> Changes:
    return tuple(_within_reach(change) for change in changes)


def _within_reach(change: Change) -> Change:
    if not isinstance(change, WriteFile) or within_reach(change.last_write_time) == change.last_write_time:
        return change
    return replace(change, last_write_time=within_reach(change.last_write_time))
