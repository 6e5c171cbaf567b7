"""One agent's log as a file that grows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sync_core.agent.own_folder import opener
from sync_core.model.errors import FileTroubleError

__all__ = ["LogFile"]


@dataclass(slots=True)
class LogFile:
    """A log file that is read on from where the last reading ended, over rotations too.

    Attributes:
        host: whose.
        path: where it lies; it need not exist.
        offset: where the last reading ended.
        inode: of the file that was read.
        rest: the beginning of a line whose end is not there yet.
    """

    host: str
    path: Path
    offset: int = 0
    inode: int = 0
    rest: bytes = field(default=b"", repr=False)

    def lines(self) -> Iterator[str]:
        """Yield the lines that were written since the last time.

        Raises:
            FileTroubleError: the log can't be read.
        """
        try:
            with open(self.path, "rb", opener=opener) as file:
                found = os.fstat(file.fileno())
                if found.st_ino != self.inode or found.st_size < self.offset:
                    self.inode, self.offset, self.rest = found.st_ino, 0, b""
                file.seek(self.offset)
                for line in file:
                    self.offset += len(line)
                    self.rest += line
                    if self.rest.endswith(b"\n"):
                        yield self.rest[:-1].decode("utf-8", "replace")
                        self.rest = b""
        except FileNotFoundError:
            return
        except OSError as error:
            raise FileTroubleError(
                f"{self.path} can't be read: {error.strerror}", hint="mend its owner or mode", host=self.host
            ) from error
