"""A real supervisor, scripted: strict about every request, exact in every answer, forgetful as it is."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import re
import socket
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from tests.support.peer_slave import FETCH
from tests.support.peers import (
    ONE_THREE,
    Edition,
    EndFinder,
    Listening,
    TroubleError,
    attribute,
    parse,
    read_time,
    written_time,
)

__all__ = ["RealSupervisor"]

Tree: TypeAlias = "dict[bytes, Tree | Path]"

_WAKE_UP = b"<check_folders/>"
_NAME = re.compile("[\t\r\n\x20-\x7e\xa0-\xff]*")
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?")
_MD5 = re.compile(r"[0-9a-fA-F]{32}")
_REGISTER = {"scheduler_id", "tcp_port", "udp_port", "is_cluster_member", "version", "logoff"}


@dataclass(slots=True)
class Remote:
    """One entry of its register; there is no end to them (section 2.2)."""

    port: int
    udp_port: int
    writer: asyncio.StreamWriter
    directory: str | None = None
    delivered: object = None


class RealSupervisor:
    """Serves a remote folder as the original does.

    Args:
        remote: the folder; files in it are handed out at once, without settling.
        edition: which version it is.
        port: ``0`` = any.
        second_s: how long its seconds are: it looks at the folder every five of them.
        nul_late_s: when its NUL follows the document; ``None`` = together, as it should.
    """

    def __init__(
        self,
        remote: Path,
        *,
        edition: Edition = ONE_THREE,
        port: int = 0,
        second_s: float = 0.02,
        nul_late_s: float | None = None,
    ) -> None:
        self.remote = remote
        self.edition = edition
        self.port = port
        self.requests: list[bytes] = []
        self.errors: list[str] = []
        self.refusals: list[str] = []
        self.datagrams: list[float] = []
        self.fetched_at: list[float] = []
        self.register: dict[tuple[str, int], Remote] = {}
        self._second_s = second_s
        self._nul_late_s = nul_late_s
        self._listening = Listening(self._serve)
        self._observer: asyncio.Task[None] | None = None

    @property
    def fetches(self) -> list[bytes]:
        """The lists that were sent to it."""
        return [request for request in self.requests if FETCH.encode() in request]

    async def __aenter__(self) -> RealSupervisor:
        self.port = await self._listening.start(self.port)
        self._observer = asyncio.create_task(self._observe())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.die()

    async def die(self) -> None:
        """Close the port and every connection."""
        if self._observer is not None:
            self._observer.cancel()
            await asyncio.gather(self._observer, return_exceptions=True)
        await self._listening.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        remotes: list[Remote] = []
        finder, received = EndFinder(), b""
        while block := await reader.read(4096):
            received += block
            if not finder.feed(block):
                continue
            self.requests.append(received)
            if FETCH.encode() in received:
                self.fetched_at.append(time.monotonic())
            await self._answer(writer, self._result(received, remotes, writer))
            finder, received = EndFinder(), b""

    async def _answer(self, writer: asyncio.StreamWriter, result: str) -> None:
        is_fetch = result.startswith("<configuration.directory")
        tail = "\0" if is_fetch else self.edition.tail
        document = f'{self.edition.prolog}<spooler><answer time="{self._now()}">{result}</answer></spooler>'
        if self._nul_late_s is None:
            writer.write((document + tail).encode("latin-1"))
            return
        writer.write((document + tail[:-1]).encode("latin-1"))
        await asyncio.sleep(self._nul_late_s)
        writer.write(b"\0")

    def _now(self) -> str:
        if self.edition.is_utc:
            return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime())}.191Z"
        return f"{time.strftime('%Y-%m-%d %H:%M:%S')}.191"

    def _result(self, received: bytes, remotes: list[Remote], writer: asyncio.StreamWriter) -> str:
        """Return the element below ``answer``; ``remotes`` holds the one for which the connection acts."""
        try:
            request = parse(received)
            if self.refusals:
                raise TroubleError(self.refusals.pop(0))
            if request.tag == "register_remote_scheduler":
                remotes[:] = [self._register(request, writer)]
                return self.edition.ok
            if request.tag == FETCH:
                _check_list(request)
                if not remotes:
                    raise TroubleError("SCHEDULER-457  Remote scheduler '1' has not been registered")
                return self._fetch(request, remotes[0])
            raise TroubleError(f"LIBXML2-007  Element '{request.tag}': No matching global declaration available.")
        except TroubleError as error:
            self.errors.append(str(error))
            code = str(error).split()[0].replace("LIBXML2", "XML-ERROR") if "parser" in str(error) else None
            return f'<ERROR code="{code or str(error).split()[0]}" text="{attribute(str(error))}"/>'

    def _register(self, request: ET.Element, writer: asyncio.StreamWriter) -> Remote:
        _check_attributes(request, _REGISTER)
        if "tcp_port" not in request.attrib:
            raise TroubleError("LIBXML2-003  Missing attribute tcp_port in <register_remote_scheduler>")
        for child in request:
            _check_attributes(child, set())
        if not request.attrib["tcp_port"].isdecimal() or not request.get("udp_port", "0").isdecimal():
            raise TroubleError("LIBXML2-007  nonNegativeInteger")
        identity = (writer.get_extra_info("peername")[0], int(request.attrib["tcp_port"]))
        known = self.register.get(identity)
        if known is not None and known.writer is not writer:
            known.writer.close()  # SCHEDULER-714: the newer connection wins
        remote = Remote(port=identity[1], udp_port=int(request.get("udp_port", "0")), writer=writer)
        if known is not None:
            remote.directory, remote.delivered = known.directory, known.delivered
        if request.get("is_cluster_member") == "yes":
            remote.directory = remote.directory or request.get("scheduler_id")
        self.register[identity] = remote
        return remote

    def _fetch(self, request: ET.Element, remote: Remote) -> str:
        tree = self._effective(remote)
        remote.delivered = _version(tree)
        inner = "".join(self._differences(tree, request))
        return f"<configuration.directory>{inner}</configuration.directory>" if inner else "<configuration.directory/>"

    def _effective(self, remote: Remote) -> Tree:
        own = remote.directory or f"127.0.0.1#{remote.port}"
        return _merged(_read(self.remote / own), _read(self.remote / "_all"))

    def _differences(self, tree: Tree, listed: ET.Element) -> Iterator[str]:
        """Walk both lists by name (section 3.4); of a change of kind nothing is removed."""
        theirs = {child.attrib["name"].encode("latin-1"): child for child in listed}
        for name in sorted({*tree, *theirs}):
            mine, has = tree.get(name), theirs.get(name)
            shown = attribute(name.decode("latin-1"))
            if mine is None and has is not None:
                yield f'<{has.tag} name="{shown}" removed="yes"/>'
            elif isinstance(mine, Path):
                yield from self._file(mine, shown, has if has is not None and "file" in has.tag else None)
            elif mine is not None:
                below = has if has is not None and "directory" in has.tag else ET.Element("none")
                inner = "".join(self._differences(mine, below))
                yield (
                    f'<configuration.directory name="{shown}">{inner}</configuration.directory>'
                    if inner
                    else f'<configuration.directory name="{shown}"/>'
                )

    def _file(self, path: Path, shown: str, has: ET.Element | None) -> Iterator[str]:
        at, content = int(path.stat().st_mtime), path.read_bytes()
        if has is not None and read_time(has.get("last_write_time", "")) == at:
            return  # the md5 is not looked at
        if has is not None and has.get("md5", "").lower() == hashlib.md5(content).hexdigest():
            return
        coded = base64.b64encode(content).decode()
        inner = f'<content encoding="base64">{coded}</content>' if coded else '<content encoding="base64"/>'
        when = written_time(at, self.edition.fraction)
        yield f'<configuration.file name="{shown}" last_write_time="{when}">{inner}</configuration.file>'

    async def _observe(self) -> None:
        """Look every five seconds, and tell every slave that has not fetched what is there (section 6)."""
        while True:
            await asyncio.sleep(5 * self._second_s)
            for (ip, _), remote in self.register.items():
                is_active = not remote.writer.is_closing() and remote.udp_port
                if is_active and _version(self._effective(remote)) != remote.delivered:
                    self.datagrams.append(time.monotonic())
                    with socket.socket(type=socket.SOCK_DGRAM) as sock:
                        sock.sendto(_WAKE_UP, (ip, remote.udp_port))


def _read(folder: Path) -> Tree | None:
    if not folder.is_dir():
        return None
    return {
        os.fsencode(entry.name): (_read(Path(entry.path)) or {}) if entry.is_dir() else Path(entry.path)
        for entry in os.scandir(folder)
        if not entry.name.startswith(".")
    }


def _merged(own: Tree | None, everybody: Tree | None) -> Tree:
    """Lay the own folder over the common one; a folder of ``_all`` replaces an own file (section 3.6)."""
    result: Tree = dict(own or {})
    for name, theirs in (everybody or {}).items():
        mine = result.get(name)
        if isinstance(theirs, dict):
            result[name] = _merged(mine if isinstance(mine, dict) else None, theirs)
        else:
            result.setdefault(name, theirs)
    return result


def _version(tree: Tree) -> object:
    return tuple(
        (name, (below.stat().st_mtime_ns, str(below)) if isinstance(below, Path) else _version(below))
        for name, below in sorted(tree.items())
    )


def _check_attributes(element: ET.Element, allowed: set[str]) -> None:
    for name in element.attrib:
        if name not in allowed:
            raise TroubleError(f"LIBXML2-007  Element '{element.tag}': The attribute '{name}' is not allowed.")


def _check_list(folder: ET.Element) -> None:
    """Validate a list by the schema (section 3.2): any unknown word, and it is refused as a whole."""
    _check_attributes(folder, set() if folder.tag == FETCH else {"name"})
    for child in folder:
        name = child.get("name")
        if name is None or not _NAME.fullmatch(name):
            raise TroubleError(f"LIBXML2-007  attribute 'name': The value {name!r} is not valid.")
        if child.tag == "configuration.directory":
            _check_list(child)
            continue
        if child.tag != "configuration.file" or len(child):
            raise TroubleError(f"LIBXML2-007  Element '{child.tag}': This element is not expected.")
        _check_attributes(child, {"name", "last_write_time", "md5"})
        if not _DATE_TIME.fullmatch(child.get("last_write_time", "2000-01-01T00:00:00Z")):
            raise TroubleError("LIBXML2-007  attribute 'last_write_time' is not valid.")
        if not _MD5.fullmatch(child.get("md5", "0" * 32)):
            raise TroubleError("LIBXML2-007  attribute 'md5' is not accepted by the pattern.")
