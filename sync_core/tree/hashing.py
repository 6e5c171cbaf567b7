"""Big files are read by a few threads while the walk goes on."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Final, Self

from sync_core.model.file import File
from sync_core.tree.digest import digest_file
from sync_core.tree.ground import OpenFolder

__all__ = ["BIG_BYTES", "HashPool"]

BIG_BYTES: Final = 64 << 10
"""Below this, handing a file to another thread costs more than that thread saves."""

_MOST_THREADS: Final = 4


class HashPool:
    """Threads that begin when there is work, and end with the ``with`` block.

    Args:
        clock_ns: the wall clock in nanoseconds.
    """

    def __init__(self, clock_ns: Callable[[], int]) -> None:
        # The walk reads what no thread has time for, so one less than the processors is enough.
        self._threads = max(1, min(_MOST_THREADS, os.cpu_count() or 1) - 1)
        self._free = threading.Semaphore(self._threads)
        self._clock_ns = clock_ns
        self._executor: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True)

    def take(self, folder: OpenFolder, name: str) -> Future[File] | None:
        """Have ``name`` in ``folder`` read by a thread if one is free.

        Nothing ever waits in a queue, so few folders are open however many files there are.

        Returns:
            What gives the file, or raises ``OSError``; ``None`` if no thread is free.
        """
        if not self._free.acquire(blocking=False):
            return None
        if self._executor is None:
            self._executor = ThreadPoolExecutor(self._threads, "hash")
        return self._executor.submit(self._read, OpenFolder(os.dup(folder.fd), folder.real, folder.chain), name)

    def _read(self, folder: OpenFolder, name: str) -> File:
        try:
            with folder:
                return digest_file(folder, name, self._clock_ns)
        finally:
            self._free.release()
