"""The operations of an update one by one: counted, looked at before, and one of them made to fail, once."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Final, Self
from unittest import mock

from sync_core.tree.disk import Disk

__all__ = ["Faults", "WatchedDisk"]

_CALLS: Final = (
    *("open", "close", "stat", "lstat", "fstat", "scandir", "pread", "lseek"),
    *("mkdir", "rmdir", "unlink", "utime", "fchmod", "fchown"),
)
"""What an update asks the system for, also by ``shutil`` and ``pathlib``, besides what goes through its disk."""


class Faults:
    """While it is entered, every call of this thread to the system is an operation.

    Args:
        before: is called before each operation.
        fail_at: which one fails, the first is 0; ``None`` for none.
        code: the errno with which it fails.

    Attributes:
        operations: the names of those that were tried, in their order.
    """

    def __init__(self, *, before: Callable[[], None] = lambda: None, fail_at: int | None = None, code: int = 0) -> None:
        self.operations: list[str] = []
        self._before = before
        self._fail_at = fail_at
        self._code = code
        self._thread = threading.get_ident()
        self._is_busy = False
        self._patches = ExitStack()

    def __enter__(self) -> Self:
        for name in _CALLS:
            self._patches.enter_context(mock.patch.object(os, name, self._watched(name, getattr(os, name))))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._patches.close()

    def _watched(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **named: Any) -> Any:
            if self._is_busy or threading.get_ident() != self._thread:
                return call(*args, **named)
            return self.do(name, lambda: call(*args, **named))

        return watched

    def do(self, name: str, call: Callable[[], Any]) -> Any:
        """Do an operation, or fail; what fails has not happened, but that a descriptor is closed in any case."""
        self._is_busy = True
        try:
            self._before()
            position = len(self.operations)
            self.operations.append(name)
            if position != self._fail_at:
                return call()
            if name == "close":
                call()
            raise OSError(self._code, os.strerror(self._code))
        finally:
            self._is_busy = False


class WatchedDisk(Disk):
    """A disk whose calls are operations, too."""

    def __init__(self, disk: Disk, faults: Faults) -> None:
        self._disk = disk
        self._faults = faults

    def write(self, fd: int, data: bytes | memoryview, /) -> int:
        return int(self._faults.do("write", lambda: self._disk.write(fd, data)))

    def rename(self, source: str, target: str, /, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        self._faults.do(
            "rename", lambda: self._disk.rename(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
        )

    def fsync(self, fd: int, /) -> None:
        self._faults.do("fsync", lambda: self._disk.fsync(fd))

    def can_sync_all(self, fd: int, /) -> bool:
        return self._disk.can_sync_all(fd)

    def sync_all(self, fd: int, /) -> None:
        self._faults.do("sync_all", lambda: self._disk.sync_all(fd))
