"""A folder on a host as its Python sees it: a program goes there on standard input (``net.far_side.files``)."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import cache
from importlib import resources

from sync_core.model.path import RelPath
from sync_core.model.scan import Scan
from sync_core.net.far_program import command
from sync_core.net.far_stream import (
    Contents,
    Fields,
    conversation,
    md5_field,
    name_of_bytes,
    number_field,
    read_files,
    root_of,
    whole,
)
from sync_core.net.runner import Runner
from sync_core.tree.sightings import Sighting, What, put_together

__all__ = ["PythonWay"]


@cache
def _source() -> str:
    return resources.files("sync_core.net.far_side").joinpath("files.py").read_text(encoding="utf-8")


class PythonWay:
    """Reads with a Python of 3.6 or newer.

    Args:
        runner: of the host.
        deadline_s: the program there ends by itself after so long, whatever becomes of the connection.
        python: the interpreter there.
    """

    def __init__(self, runner: Runner, *, deadline_s: float, python: str = "python3") -> None:
        self._runner = runner
        self._deadline_s = math.ceil(deadline_s)
        self._python = python

    async def scan(self, root: str) -> Scan:
        """Return what is below ``root``.

        Raises:
            WayError: not possible there.
            TreeError: the folder is not there, or can't be read.
            UnreachableError: the connection is lost.
            RemoteProtocolError: what is said makes no sense.
        """
        text = self._program(root, None, 0)
        async with conversation(self._runner, command(self._python, text), text) as fields:
            real = await root_of(fields, root)
            sightings: dict[RelPath, Sighting] = {}
            while (tag := await fields.word()) in _READERS:
                path = await fields.path()
                sightings[path] = await _READERS[tag](fields)
            whole(tag, root)
        return put_together(real, sightings)

    async def read(self, root: str, paths: Sequence[RelPath], *, most_bytes: int) -> Contents:
        """Return the contents of files below ``root``; raises what ``scan`` raises."""
        text = self._program(root, list(paths), most_bytes)
        async with conversation(self._runner, command(self._python, text), text) as fields:
            await root_of(fields, root)
            return await read_files(fields, root, paths, most_bytes)

    def _program(self, root: str, paths: list[RelPath] | None, most_bytes: int) -> bytes:
        request = json.dumps([root, paths, most_bytes, self._deadline_s])
        return f"{_source()}\nimport json\nmain(*json.loads({request!r}))\n".encode()


async def _folder(fields: Fields) -> Sighting:
    return Sighting(what=What.FOLDER, is_unreadable=await fields.word() == "unreadable")


async def _file(fields: Fields) -> Sighting:
    digest = await fields.word()
    size_bytes, mtime_ns = await number_field(fields), await number_field(fields)
    if digest == "unreadable":
        return Sighting(what=What.FILE, is_unreadable=True)
    return Sighting(what=What.FILE, size_bytes=size_bytes, mtime_ns=mtime_ns, md5=md5_field(digest) if digest else None)


async def _link_to_file(fields: Fields) -> Sighting:
    return Sighting(what=What.LINK_TO_FILE, target=name_of_bytes(await fields.field()))


async def _link_to_folder(fields: Fields) -> Sighting:
    return Sighting(what=What.LINK_TO_FOLDER, target=name_of_bytes(await fields.field()))


async def _other(_: Fields) -> Sighting:
    return Sighting(what=What.OTHER)


_READERS = {"d": _folder, "f": _file, "l": _link_to_file, "L": _link_to_folder, "o": _other}
