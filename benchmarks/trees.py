"""Trees of files that are the same in every run: 100 in a folder, 100 folders in a folder, about 2 kB each."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

__all__ = ["content_of", "copy_tree", "count_files", "path_of", "replace", "write_large", "write_tree"]

_IN_A_FOLDER = 100
_REPEATS = 24
_BLOCK_BYTES = 1 << 20


def path_of(number: int) -> Path:
    """Return where file ``number`` lies below the root."""
    folder, folders = number // _IN_A_FOLDER, Path()
    while True:
        folders = Path(f"folder-{folder % _IN_A_FOLDER:02}") / folders
        folder //= _IN_A_FOLDER
        if not folder:
            return folders / f"job-{number:06}.job.xml"


def content_of(number: int, version: int = 0) -> bytes:
    """Return what is in file ``number``: about 2 kB that compress as jobs do."""
    line = hashlib.sha256(b"%d %d" % (number, version)).hexdigest()
    return (
        f"<job title='{number:06}'>\n".encode() + f"  <script>echo {line}</script>\n".encode() * _REPEATS + b"</job>\n"
    )


def write_tree(root: Path, files: int) -> None:
    """Write a tree of so many files."""
    for number in range(files):
        path = root / path_of(number)
        if number % _IN_A_FOLDER == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content_of(number))


def write_large(root: Path, files: int, size_bytes: int) -> None:
    """Write so many files whose content can't be compressed."""
    root.mkdir(parents=True, exist_ok=True)
    for number in range(files):
        with (root / f"large-{number}.bin").open("wb") as file:
            for block in _blocks(number, size_bytes):
                file.write(block)


def _blocks(number: int, size_bytes: int) -> Iterator[bytes]:
    for start in range(0, size_bytes, _BLOCK_BYTES):
        length = min(_BLOCK_BYTES, size_bytes - start)
        yield hashlib.shake_128(b"%d %d" % (number, start)).digest(length)


def copy_tree(source: Path, target: Path) -> None:
    """Copy a tree with its times."""
    shutil.copytree(source, target, dirs_exist_ok=True)


def count_files(root: Path) -> int:
    """Return how many files are below ``root``; files that are only under way, with a leading dot, do not count."""
    return sum(not name.startswith(".") for _, _, names in os.walk(root) for name in names)


def replace(path: Path, content: bytes, outside: Path) -> None:
    """Write a file as careful programs do: elsewhere on the same disk, then renamed over its place.

    Args:
        path: which file.
        content: its new content.
        outside: a folder that nobody watches.
    """
    temporary = outside / f"{path.name}.new"
    temporary.write_bytes(content)
    temporary.replace(path)
