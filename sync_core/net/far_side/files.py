"""Lists a folder, or reads files in it: a program of its own (``net.far_python``), which follows no link.

It writes fields that end with NUL. What they mean together is decided by whoever asked (``tree.sightings``).
"""

import errno
import hashlib
import os
import signal
import stat
import sys
from typing import Any, Iterable, List, Optional, Tuple

__all__ = ["main"]

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: a fifo that takes a file's place meanwhile must not hang us.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_CHUNK_BYTES = 1 << 20
_TRIES = 3
_MOST_DEEP = 64


def main(root: str, paths: Optional[List[str]], most_bytes: int, deadline_s: int) -> None:
    """Tell about the folder.

    Args:
        root: the folder.
        paths: files to read, below it; ``None``: list it.
        most_bytes: bigger files are not read.
        deadline_s: after so many seconds the process ends, whatever becomes of the connection.
    """
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(deadline_s)
    try:
        real = os.path.realpath(_bytes(root))
        fd = os.open(real, _FOLDER)
    except OSError as error:
        is_gone = error.errno in {errno.ENOENT, errno.ENOTDIR} and not os.path.lexists(_bytes(root))
        _say("gone" if is_gone else "bad", "it is not a folder" if error.errno == errno.ENOTDIR else error.strerror)
        return
    _say("tree", real)
    if paths is None:
        _Lister(fd, real).list()
    else:
        for path in paths:
            _read(fd, real, _bytes(path), most_bytes)
    found = os.fstat(fd)
    try:
        now = os.stat(_bytes(root))
        is_same = (now.st_dev, now.st_ino) == (found.st_dev, found.st_ino)
    except OSError:
        is_same = False
    _say("end" if is_same else "moved")
    sys.stdout.flush()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _say(*fields: Any) -> None:
    for field in fields:
        sys.stdout.buffer.write(field if isinstance(field, bytes) else str(field).encode("utf-8"))
        sys.stdout.buffer.write(b"\0")


class _Lister:
    def __init__(self, fd: int, real: bytes) -> None:
        self._fd = fd
        self._real = real
        self._hidden = []  # type: List[bytes]

    def list(self) -> None:
        self._folder(self._fd, b"", 0)
        told = set()  # links may lead to names that are not listed
        while self._hidden:
            path = self._hidden.pop()
            if path not in told:
                told.add(path)
                self._hidden_place(path)

    def _hidden_place(self, path: bytes) -> None:
        folder, name = os.path.split(path)
        try:
            fd = _open_folder(self._fd, folder)
        except OSError:
            return
        try:
            self._one(fd, name, path, path.count(b"/"))
        finally:
            os.close(fd)

    def _folder(self, fd: int, path: bytes, depth: int) -> None:
        for name in sorted(os.fsencode(name) for name in os.listdir(fd)):
            if not name.startswith(b"."):
                self._one(fd, name, os.path.join(path, name), depth)

    def _one(self, fd: int, name: bytes, path: bytes, depth: int) -> None:
        try:
            mode = os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode
        except OSError:
            return  # it vanished meanwhile
        if stat.S_ISLNK(mode):
            self._link(path)
        elif stat.S_ISDIR(mode):
            self._enter(fd, name, path, depth)
        elif stat.S_ISREG(mode):
            self._file(fd, name, path)
        else:
            _say("o", path)

    def _enter(self, fd: int, name: bytes, path: bytes, depth: int) -> None:
        try:
            if depth >= _MOST_DEEP:
                raise OSError(errno.ELOOP, "too many folders deep")
            inner = os.open(name, _FOLDER, dir_fd=fd)
        except OSError:
            _say("d", path, "unreadable")
            return
        try:
            _say("d", path, "")
            self._folder(inner, path, depth + 1)
        finally:
            os.close(inner)

    def _file(self, fd: int, name: bytes, path: bytes) -> None:
        try:
            size, mtime_ns, md5 = _digest(fd, name)
        except OSError:
            _say("f", path, "unreadable", 0, 0)
        else:
            _say("f", path, md5, size, mtime_ns)

    def _link(self, path: bytes) -> None:
        target = os.path.realpath(os.path.join(self._real, path))
        is_folder = os.path.isdir(target)
        _say("L" if is_folder else "l", path, target)
        below = _below(target, self._real)
        if below is not None and any(name.startswith(b".") for name in below.split(b"/")):
            self._hidden.append(below)


def _digest(fd: int, name: bytes) -> Tuple[int, int, str]:
    """Return size, time and md5 of a file; no md5 if it changed each time while it was read."""
    for _ in range(_TRIES):
        file = os.open(name, _FILE, dir_fd=fd)
        try:
            before = os.fstat(file)
            if not stat.S_ISREG(before.st_mode):
                raise OSError(errno.EINVAL, "it is no longer a regular file")
            md5 = _md5(_chunks(file, before.st_size))
            after = os.fstat(file)
        finally:
            os.close(file)
        if _signature(before) == _signature(after):
            return after.st_size, after.st_mtime_ns, md5
    return after.st_size, after.st_mtime_ns, ""


def _signature(found: os.stat_result) -> Tuple[int, int, int]:
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _chunks(file: int, size: int) -> Iterable[bytes]:
    taken = 0
    while taken <= size:  # a file that grows for ever must not hold us
        chunk = os.read(file, _CHUNK_BYTES)
        if not chunk:
            return
        taken += len(chunk)
        yield chunk


def _md5(chunks: Iterable[bytes]) -> str:
    new = hashlib.md5  # type: Any
    try:
        digest = new(usedforsecurity=False)
    except TypeError:  # before Python 3.9
        digest = new()
    for chunk in chunks:
        digest.update(chunk)
    return str(digest.hexdigest())


def _below(path: bytes, root: bytes) -> Optional[bytes]:
    prefix = root.rstrip(b"/") + b"/"
    return path[len(prefix) :] if path.startswith(prefix) else None


def _open_folder(fd: int, path: bytes) -> int:
    """Return the folder at ``path`` below the open one, entered name by name."""
    inner = os.dup(fd)
    for name in path.split(b"/") if path else ():
        try:
            deeper = os.open(name, _FOLDER, dir_fd=inner)
        finally:
            os.close(inner)
        inner = deeper
    return inner


def _read(fd: int, real: bytes, path: bytes, most_bytes: int) -> None:
    below = _below(os.path.realpath(os.path.join(real, path)), real)
    if below is None:
        _say("not", path, "the link leads nowhere, or out of the folder")
        return
    try:
        content = _content(fd, below, most_bytes)
    except OSError as error:
        _say("not", path, error.strerror)
        return
    _say("file", path, len(content))
    sys.stdout.buffer.write(content)


def _content(fd: int, path: bytes, most_bytes: int) -> bytes:
    folder, name = os.path.split(path)
    inner = _open_folder(fd, folder)
    try:
        file = os.open(name, _FILE, dir_fd=inner)
    finally:
        os.close(inner)
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is not a file")
        if found.st_size > most_bytes:
            raise OSError(errno.EFBIG, "it is bigger than {} bytes".format(most_bytes))
        return b"".join(_chunks(file, found.st_size))[: most_bytes + 1]
    finally:
        os.close(file)
