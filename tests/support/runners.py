"""Runners for tests: this machine in a disguise, or a host that says what a test wants."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

from sync_core.model.errors import HostError, JsyncError, UnreachableError
from sync_core.net.far_sftp import FileAccess, FileInfo
from sync_core.net.runner import LocalRunner, Process

__all__ = ["DiskFiles", "FilesOnlyRunner", "PrefixRunner", "ScriptedRunner"]

T = TypeVar("T")


class PrefixRunner:
    """This machine, every command behind some words: ``("env", "PATH=…")``."""

    def __init__(self, *prefix: str) -> None:
        self._prefix = prefix
        self._runner = LocalRunner()

    async def start(self, command: Sequence[str], *, deadline_s: float | None = None) -> Process:
        return await self._runner.start((*self._prefix, *command))

    async def connect(self) -> None:
        pass

    async def close(self) -> None:
        await self._runner.close()


class _ScriptedProcess:
    """A process whose output comes in small pieces."""

    def __init__(self, output: bytes, exit_code: int, complaint: bytes) -> None:
        self._blocks = [output[at : at + 7] for at in range(0, len(output), 7)]
        self._exit_code = exit_code
        self._complaint = complaint
        self.is_closed = False
        self.received = b""

    @property
    def complaint(self) -> bytes:
        return self._complaint

    async def send(self, data: bytes) -> None:
        if self._exit_code:
            raise UnreachableError("it takes no more input")
        self.received += data

    async def receive(self) -> bytes:
        await asyncio.sleep(0)
        return self._blocks.pop(0) if self._blocks else b""

    async def end_input(self) -> None:
        pass

    async def wait(self) -> int:
        return self._exit_code

    async def close(self) -> None:
        self.is_closed = True


class ScriptedRunner:
    """A host whose commands all say the same, or fail to start.

    Args:
        output: what they say on standard output.
        exit_code: how they end.
        complaint: what they say on standard error.
        error: raised instead of starting one.
    """

    def __init__(
        self, output: bytes = b"", *, exit_code: int = 0, complaint: bytes = b"", error: JsyncError | None = None
    ) -> None:
        self._output, self._exit_code, self._complaint = output, exit_code, complaint
        self._error = error
        self.commands: list[tuple[str, ...]] = []
        self.processes: list[_ScriptedProcess] = []

    async def start(self, command: Sequence[str], *, deadline_s: float | None = None) -> Process:
        self.commands.append(tuple(command))
        if self._error is not None:
            raise self._error
        self.processes.append(_ScriptedProcess(self._output, self._exit_code, self._complaint))
        return self.processes[-1]

    async def connect(self) -> None:
        if isinstance(self._error, UnreachableError):
            raise self._error

    async def close(self) -> None:
        pass


@dataclass
class _Info:
    filename: str
    st_mode: int | None
    st_size: int | None
    st_mtime: int | None


class DiskFiles:
    """This machine's files as SFTP gives them."""

    def files_in(self, path: str) -> list[FileInfo]:
        return [_info(place) for place in Path(path).iterdir()]

    def info(self, path: str) -> FileInfo:
        return _info(Path(path).resolve(strict=True))

    def real_path(self, path: str) -> str:
        return os.path.realpath(path, strict=True)

    @contextmanager
    def open(self, path: str) -> Iterator[BinaryIO]:
        with Path(path).open("rb") as file:
            yield file


def _info(place: Path) -> FileInfo:
    found = place.lstat()
    return _Info(place.name, found.st_mode, found.st_size if stat.S_ISREG(found.st_mode) else None, int(found.st_mtime))


class FilesOnlyRunner:
    """A host that runs no commands, but gives access to files."""

    def __init__(self, files: FileAccess | None = None) -> None:
        self._files = files or DiskFiles()

    async def start(self, command: Sequence[str], *, deadline_s: float | None = None) -> Process:
        raise HostError("no command can be started")

    async def connect(self) -> None:
        pass

    async def with_files(self, work: Callable[[FileAccess], T]) -> T:
        return work(self._files)

    async def close(self) -> None:
        pass
