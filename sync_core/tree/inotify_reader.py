"""An inotify instance that is read in the event loop, and notices when it is dead."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
from collections.abc import Callable
from typing import Final, TypeVar

from sync_core.tree.inotify import Inotify, KernelEvent, Mask, reason_of

__all__ = ["InotifyReader", "beside_loop"]

T = TypeVar("T")

_log = logging.getLogger(__name__)

_BEAT_PLACE: Final = "/dev/null"
"""A watch on it ends at once and is told as ended: a sign of life that touches nobody's files. It is no folder, so
this can't be the watch of one."""

_DEAD: Final = {errno.EBADF, errno.EINVAL}


class InotifyReader:
    """Reads an instance.

    Args:
        kernel: the instance; owned from now on.
        on_event: called in the loop for each event.
        on_lost: called once, with the reason, when events were lost or no more will come.
    """

    def __init__(
        self, kernel: Inotify, on_event: Callable[[KernelEvent], None], on_lost: Callable[[str], None]
    ) -> None:
        self.kernel = kernel
        self._on_event = on_event
        self._on_lost = on_lost
        self._beat: int | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self) -> None:
        """Read from now on, what waits already too."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self.kernel.fd, self._read)

    async def close(self) -> None:
        """Stop reading and give the instance back; nobody may be adding a watch."""
        self._stop_reading()
        with contextlib.suppress(OSError):  # if somebody else has closed it that was told as a loss
            await beside_loop(self.kernel.close)  # the kernel ends thousands of watches one by one

    def beat(self) -> None:
        """Ask for a sign of life; one that never came since the call before is a loss."""
        if self._beat is not None:
            self._lose("events are not heard any more")
            return
        try:
            self._beat = self.kernel.add(_BEAT_PLACE, Mask.DELETE_SELF)
        except OSError as error:
            if error.errno in _DEAD:
                self._lose(f"the inotify instance is dead: {reason_of(error)}")
            return  # the limit of watches is reached, or there is no such place: nothing is said by that
        self.kernel.remove(self._beat)

    def _read(self) -> None:
        try:
            events = self.kernel.read()
        except OSError as error:
            self._lose(f"the inotify instance is dead: {reason_of(error)}")
            return
        try:
            for event in events:
                self._take(event)
        except Exception as error:  # an error here must not pass for quiet
            _log.exception("events could not be taken")
            self._lose(f"events could not be taken: {error!r}")

    def _take(self, event: KernelEvent) -> None:
        if event.watch == self._beat:
            self._beat = None
        elif event.mask & Mask.Q_OVERFLOW:
            self._lose("more happened than could be told (fs.inotify.max_queued_events)")
        elif self._loop is not None:
            self._on_event(event)

    def _lose(self, reason: str) -> None:
        if self._loop is not None:
            self._stop_reading()
            self._on_lost(reason)

    def _stop_reading(self) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self.kernel.fd)
            self._loop = None


async def beside_loop(work: Callable[[], T]) -> T:
    """Return what ``work`` returns, done in a thread.

    Whoever is cancelled waits for the thread all the same: it uses an instance that is closed next.
    """
    job = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(job)
    except asyncio.CancelledError:
        await asyncio.wait([job])
        raise
