"""A folder on a host that runs no commands for us, read by SFTP: every byte comes here, so it is the last resort."""

from __future__ import annotations

import errno
import hashlib
import stat
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar, runtime_checkable

from sync_core.model.errors import FileTroubleError, HostError, RootVanishedError
from sync_core.model.limits import MAX_FILE_BYTES
from sync_core.model.path import ROOT, RelPath, join
from sync_core.model.scan import Scan
from sync_core.net.far_stream import Contents, WayError
from sync_core.tree.ground import MAX_DEPTH
from sync_core.tree.sightings import Sighting, What, put_together

__all__ = ["FileAccess", "FileInfo", "HasFileAccess", "OpenFile", "SftpWay"]

_BLOCK_BYTES = 32 * 1024
_MOST_ENTRIES = 200_000

T = TypeVar("T")


class FileInfo(Protocol):
    """What ``FileAccess`` says of a file."""

    filename: str
    st_mode: int | None
    st_size: int | None
    st_mtime: int | None


class OpenFile(Protocol):
    """A file that is open for reading."""

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes; ``b""`` at the end."""


class FileAccess(Protocol):
    """The files of a host; everything blocks, and raises OSError."""

    def files_in(self, path: str) -> list[FileInfo]:
        """Return what is in a folder; of links, the links themselves."""

    def info(self, path: str) -> FileInfo:
        """Return what is at ``path``, links followed."""

    def real_path(self, path: str) -> str:
        """Return ``path`` without links."""

    def open(self, path: str) -> AbstractContextManager[OpenFile]:
        """Open a file for reading."""


@runtime_checkable
class HasFileAccess(Protocol):
    """A runner whose host gives access to its files without commands."""

    def with_files(self, work: Callable[[FileAccess], T]) -> Awaitable[T]:
        """Return what ``work`` returns; it may block. Raises UnreachableError or HostError."""


class SftpWay:
    """Reads by SFTP.

    Args:
        host: gives access.
    """

    def __init__(self, host: HasFileAccess) -> None:
        self._host = host

    async def scan(self, root: str) -> Scan:
        """Return what is below ``root``.

        Raises:
            WayError: not possible there.
            TreeError: the folder is not there, or can't be read.
            UnreachableError: the connection is lost.
        """
        real, sightings = await self._with_files(lambda files: _Lister(files, root).list())
        return put_together(real, sightings)

    async def read(self, root: str, paths: Sequence[RelPath], *, most_bytes: int) -> Contents:
        """Return the contents of files below ``root``; raises what ``scan`` raises."""
        return await self._with_files(lambda files: _contents(files, root, paths, most_bytes))

    async def _with_files(self, work: Callable[[FileAccess], T]) -> T:
        try:
            return await self._host.with_files(work)
        except HostError as error:
            if type(error) is HostError:  # the host answers, but gives no such access
                raise WayError(str(error)) from error
            raise


def _real_root(files: FileAccess, root: str) -> str:
    try:
        real = files.real_path(root)
        mode = files.info(real).st_mode or 0
    except OSError as error:
        if error.errno == errno.ENOENT:
            raise RootVanishedError(f"the folder {root!r} does not exist") from None
        raise FileTroubleError(f"the folder {root!r} can't be read: {error.strerror}") from None
    if not stat.S_ISDIR(mode):
        raise FileTroubleError(f"the folder {root!r} can't be read: it is not a folder")
    return real


class _Lister:
    def __init__(self, files: FileAccess, root: str) -> None:
        self._files = files
        self._root = root
        self._real = _real_root(files, root)
        self._found: dict[RelPath, Sighting] = {}

    def list(self) -> tuple[str, dict[RelPath, Sighting]]:
        try:
            self._folder(ROOT, 0)
        except OSError as error:
            raise FileTroubleError(f"the folder {self._root!r} can't be read: {error.strerror}") from None
        if _real_root(self._files, self._root) != self._real:
            raise RootVanishedError(f"the folder {self._root!r} vanished while it was read")
        return self._real, self._found

    def _place(self, path: RelPath) -> str:
        return f"{self._real.rstrip('/')}/{path}" if path else self._real

    def _folder(self, path: RelPath, depth: int) -> None:
        for info in self._files.files_in(self._place(path)):
            if not info.filename.startswith("."):
                if len(self._found) >= _MOST_ENTRIES:
                    raise WayError(f"more than {_MOST_ENTRIES} files and folders")
                self._one(join(path, info.filename), info, depth)

    def _one(self, path: RelPath, info: FileInfo, depth: int) -> None:
        mode = info.st_mode or 0
        if stat.S_ISLNK(mode):
            self._found[path] = self._link(path)
        elif stat.S_ISREG(mode):
            self._found[path] = self._file(path, info)
        elif not stat.S_ISDIR(mode):
            self._found[path] = Sighting(what=What.OTHER)
        else:
            self._found[path] = Sighting(what=What.FOLDER)
            try:
                if depth >= MAX_DEPTH:
                    raise OSError(errno.ELOOP, "too many folders deep")
                self._folder(path, depth + 1)
            except OSError:
                self._found[path] = Sighting(what=What.FOLDER, is_unreadable=True)

    def _link(self, path: RelPath) -> Sighting:
        try:
            target = self._files.real_path(self._place(path))
            is_folder = stat.S_ISDIR(self._files.info(target).st_mode or 0)
        except OSError:
            return Sighting(what=What.LINK_TO_FILE)
        return Sighting(what=What.LINK_TO_FOLDER if is_folder else What.LINK_TO_FILE, target=target)

    def _file(self, path: RelPath, info: FileInfo) -> Sighting:
        digest = hashlib.md5(usedforsecurity=False)
        try:
            for block in _blocks(self._files, self._place(path), MAX_FILE_BYTES):
                digest.update(block)
        except OSError:
            return Sighting(what=What.FILE, is_unreadable=True)
        return Sighting(
            what=What.FILE,
            size_bytes=info.st_size or 0,
            mtime_ns=(info.st_mtime or 0) * 10**9,
            md5=digest.hexdigest(),
        )


def _contents(files: FileAccess, root: str, paths: Sequence[RelPath], most_bytes: int) -> Contents:
    real = _real_root(files, root)
    return {path: _content(files, real, path, most_bytes) for path in paths}


def _content(files: FileAccess, real: str, path: RelPath, most_bytes: int) -> bytes | FileTroubleError:
    prefix = real.rstrip("/") + "/"
    try:
        place = files.real_path(prefix + path)
        if not place.startswith(prefix):
            return FileTroubleError(f"{path!r} can't be read: the link leads out of the folder")
        if not stat.S_ISREG(files.info(place).st_mode or 0):
            return FileTroubleError(f"{path!r} can't be read: it is not a file")
        return b"".join(_blocks(files, place, most_bytes))
    except OSError as error:
        return FileTroubleError(f"{path!r} can't be read: {error.strerror}")


def _blocks(files: FileAccess, place: str, most_bytes: int) -> Iterator[bytes]:
    taken = 0
    with files.open(place) as file:
        while block := file.read(_BLOCK_BYTES):
            taken += len(block)
            if taken > most_bytes:
                raise OSError(errno.EFBIG, f"it is bigger than {most_bytes} bytes")
            yield block
