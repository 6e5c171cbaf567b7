"""A folder on another host, listed and read with what that host has."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from sync_core.model.errors import HostError, RemoteProtocolError
from sync_core.model.path import RelPath
from sync_core.model.scan import Scan
from sync_core.net.far_python import PythonWay
from sync_core.net.far_sftp import HasFileAccess, SftpWay
from sync_core.net.far_shell import ShellWay
from sync_core.net.far_stream import Contents, WayError
from sync_core.net.runner import Runner

__all__ = ["FarFolder", "Way", "ways_of"]

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Way(Protocol):
    """One way of reading folders on a host: those of ``far_python``, ``far_shell`` and ``far_sftp``."""

    async def scan(self, root: str) -> Scan:
        """Return what is below ``root``; raises WayError where this way is not possible."""

    async def read(self, root: str, paths: Sequence[RelPath], *, most_bytes: int) -> Contents:
        """Return the contents of files below ``root``; raises likewise."""


def ways_of(runner: Runner, *, deadline_s: float) -> tuple[Way, ...]:
    """Return the ways of a host, the most exact first: Python, then the shell's tools, then SFTP."""
    ways: tuple[Way, ...] = (PythonWay(runner, deadline_s=deadline_s), ShellWay(runner, deadline_s=deadline_s))
    return (*ways, SftpWay(runner)) if isinstance(runner, HasFileAccess) else ways


class FarFolder:
    """A folder on a host; the way that worked is remembered.

    Args:
        root: the folder there.
        ways: to try, in this order.
    """

    def __init__(self, root: str, ways: Sequence[Way]) -> None:
        self._root = root
        self._ways = tuple(ways)

    async def scan(self) -> Scan:
        """Return what is there, by the rules of ``tree.scan``.

        Raises:
            RootVanishedError: there is no such folder.
            FileTroubleError: it is no folder, or can't be read.
            UnreachableError: the host can't be reached.
            HostError: it has nothing to read with.
        """
        return await self._by_first(lambda way: way.scan(self._root))

    async def read(self, paths: Sequence[RelPath], *, most_bytes: int) -> Contents:
        """Return the contents of files, or why there is none; raises what ``scan`` raises.

        Args:
            paths: below the folder.
            most_bytes: bigger files are not read.
        """
        return await self._by_first(lambda way: way.read(self._root, paths, most_bytes=most_bytes))

    async def _by_first(self, work: Callable[[Way], Awaitable[T]]) -> T:
        reasons = []
        for at, way in enumerate(self._ways):
            try:
                result = await work(way)
            except (WayError, RemoteProtocolError) as error:
                _log.debug("%s: %s", type(way).__name__, error)
                reasons.append(str(error))
                continue
            self._ways = self._ways[at:]
            return result
        raise HostError(
            f"{self._root!r} can't be read there: {'; '.join(reasons)}",
            hint="install python3 (3.6 or newer), or find and md5sum, there",
        )
