"""Reading one file's content, to be sent."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from sync_core.model.errors import FileTroubleError
from sync_core.model.path import RelPath
from sync_core.tree.ground import Ground, open_ground

__all__ = ["read_content"]


def read_content(root: Path, path: RelPath, *, max_bytes: int, within: Path | None = None) -> bytes:
    """Return the content of the file ``path`` below ``root``, following links only as a scan does.

    Args:
        root: the tree's folder.
        path: the file.
        max_bytes: a bigger file is refused.
        within: the folder inside which links may lead; ``None`` for the root itself.

    Raises:
        RootVanishedError: the root does not exist.
        FileTroubleError: the file does not exist, can't be read, is no regular file, or is too big.
    """
    with open_ground(root, within) as ground:
        try:
            return _read(ground, path, max_bytes)
        except OSError as error:
            raise FileTroubleError(f"{path!r} can't be read: {error.strerror}") from None


def _read(ground: Ground, path: RelPath, max_bytes: int) -> bytes:
    *folders, name = path.split("/")
    with ground.descend(folders) as folder, ground.spot(folder, name) as spot:
        fd = spot.folder.open_file(spot.name)
        try:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                raise FileTroubleError(f"{path!r} is not a file")
            if found.st_size > max_bytes:
                raise FileTroubleError(f"{path!r} is bigger than {max_bytes} bytes")
            # One byte more than there was shows growth; whoever planned with an md5 then sees that it changed.
            with os.fdopen(fd, "rb", closefd=False) as file:
                return file.read(found.st_size + 1)
        finally:
            os.close(fd)
