"""Reading and writing of large documents beside the event loop, in few threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from sync_core.model.folder import Folder
from sync_core.protocol.messages import (
    Answer,
    ChangesAnswer,
    ClusterAnswer,
    FetchConfiguration,
    FetchDifferences,
    FetchUpdatedFiles,
    FileListAnswer,
    Request,
    StateAnswer,
)

__all__ = ["WORTH_A_THREAD_BYTES", "answer_weight_bytes", "beside_loop", "request_weight_bytes"]

WORTH_A_THREAD_BYTES = 16 * 1024
"""A list of that size takes 0.8 ms, which is what a loop may be held up by; the way to a thread and back 0.1 ms."""

_THREADS = 2
_ENTRY_BYTES = 128
"""What an entry of a list has on the wire, about."""

T = TypeVar("T")


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="documents")


async def beside_loop(work: Callable[[], T], *, size_bytes: int) -> T:
    """Return what ``work`` returns, done on a thread if it is about more than some kB; its errors are raised here.

    Args:
        work: takes time in proportion to the size; it must not touch what the loop touches meanwhile.
        size_bytes: of the document.
    """
    if size_bytes < WORTH_A_THREAD_BYTES:
        return work()
    return await asyncio.get_running_loop().run_in_executor(_pool(), work)


def request_weight_bytes(request: Request) -> int:
    """Return about how long a request is as a document."""
    match request:
        case FetchUpdatedFiles(listed=listed) | FetchDifferences(listed=listed) | FetchConfiguration(listed=listed):
            return _list_bytes(listed)
        case _:
            return 0


def answer_weight_bytes(answer: Answer) -> int:
    """Return about how long an answer is that must still be written."""
    match answer:
        case FileListAnswer(tree=tree):
            return _list_bytes(tree)
        case ChangesAnswer(encoded=b"", changes=changes):
            contents = sum(len(getattr(change, "content", b"")) for change in changes)
            return contents * 4 // 3 + len(changes) * _ENTRY_BYTES
        case StateAnswer(remote_schedulers=found) | ClusterAnswer(remote_schedulers=found):
            return 4 * _ENTRY_BYTES * len(found)
        case _:
            return 0


def _list_bytes(tree: Folder) -> int:
    totals = tree.totals
    return (totals.files + totals.folders) * _ENTRY_BYTES
