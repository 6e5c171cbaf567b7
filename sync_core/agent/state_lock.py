"""The locks of a state folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import filelock

from sync_core.model.errors import StateError

__all__ = ["StateLock"]

_OTHER_FOLDER = "make it writable, or set JSYNC_STATE_DIR to another folder"


class StateLock(filelock.FileLock):
    """A file lock whose file can't be made for reasons that an administrator can mend."""

    def acquire(self, *args: Any, **how: Any) -> Any:
        """Take the lock.

        Raises:
            filelock.Timeout: somebody else holds it.
            StateError: the file can't be made or locked.
        """
        try:
            return super().acquire(*args, **how)
        except filelock.Timeout:
            raise
        except (OSError, NotImplementedError) as error:
            reason = error.strerror if isinstance(error, OSError) else "its file system knows no locks"
            raise StateError(
                f"the state folder {Path(self.lock_file).parent} can't be used: {reason}", hint=_OTHER_FOLDER
            ) from error
