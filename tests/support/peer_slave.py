"""A real workload scheduler, scripted: its requests byte for byte, and what it makes of answers."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import os
import re
import shutil
import time
import xml.etree.ElementTree as ET
from pathlib import Path

from tests.support.peers import (
    ONE_THREE,
    Edition,
    EndFinder,
    Listening,
    TroubleError,
    attribute,
    parse,
    ports_for_both,
    read_time,
    segments_in,
    written_time,
)

__all__ = ["FETCH", "RealSlave"]

FETCH = "supervisor.remote_scheduler.configuration.fetch_updated_files"
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")


class RealSlave:
    """Registers, fetches, applies, and fetches again when it is told to; nothing else makes it fetch.

    Args:
        cache: its copy.
        master_port: of a master on 127.0.0.1.
        edition: which version it is.
        ip: its address; a master tells slaves apart by address and port.
        port: for commands and datagrams; ``0`` = any.
        scheduler_id: its id.
        retry_s: the original's 60 s, scaled.
        hears_udp: whether datagrams reach it; ``None`` = it has no UDP port and registers none.
    """

    def __init__(
        self,
        cache: Path,
        master_port: int,
        *,
        edition: Edition = ONE_THREE,
        ip: str = "127.0.0.1",
        port: int = 0,
        scheduler_id: str = "workload",
        retry_s: float = 0.2,
        hears_udp: bool | None = True,
    ) -> None:
        self.cache = cache
        self.edition = edition
        self.scheduler_id = scheduler_id
        self.hears_udp = hears_udp
        self.is_dead = False
        self.log: list[str] = []
        self.requests: list[bytes] = []
        self.answers: list[bytes] = []
        self.segments: list[int] = []
        self.unsolicited = b""
        self.datagrams: list[tuple[float, bytes]] = []
        self.tcp_commands: list[bytes] = []
        self.is_cluster_member = False
        self.ignores_commands = False
        self._ip = ip
        self._master_port = master_port
        self._retry_s = retry_s
        self._tcp, self._udp = ports_for_both(ip, port)
        self.port: int = self._tcp.getsockname()[1]
        self._wake = asyncio.Event()
        self._is_fetching = False
        self._left = b""
        self._tasks: list[asyncio.Task[None]] = []
        self._commands = Listening(self._serve)
        self.is_connected = self.is_idle = False

    @property
    def fetches(self) -> int:
        """How many fetches were answered."""
        return sum(b"configuration.directory" in answer for answer in self.answers)

    @property
    def registration(self) -> bytes:
        """The bytes that introduce it (section 2.1)."""
        udp = f' udp_port="{self.port}"' if self.hears_udp is not None else ""
        cluster = ' is_cluster_member="yes"' if self.is_cluster_member else ""
        text = (
            f'<register_remote_scheduler scheduler_id="{self.scheduler_id}" tcp_port="{self.port}"{udp}{cluster} '
            f'version="{self.edition.version}"/>'
        )
        return (self.edition.prolog + text).encode("latin-1")

    def connect_to(self, master_port: int) -> None:
        """Say where the master is, where that was not known at first."""
        self._master_port = master_port

    async def __aenter__(self) -> RealSlave:
        self.cache.mkdir(exist_ok=True)
        await self._commands.start(sock=self._tcp)
        asyncio.get_running_loop().add_reader(self._udp, self._read_datagram)
        self._tasks.append(asyncio.create_task(self._run()))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.die()

    async def die(self) -> None:
        """End at once, as by SIGKILL."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._close_ports()

    async def _close_ports(self) -> None:
        if self._udp.fileno() != -1:
            asyncio.get_running_loop().remove_reader(self._udp)
            self._udp.close()
        await self._commands.close()

    def check(self) -> None:
        """Fetch, as after a wake-up."""
        if not (self._is_fetching and self.edition.loses_wake_ups):
            self._wake.set()

    def listed(self) -> bytes:
        """The request that lists the cache, unsorted, as the file system hands it out (section 3.2)."""
        inner = _children(self.cache)
        return (self.edition.prolog + (f"<{FETCH}>{inner}</{FETCH}>" if inner else f"<{FETCH}/>")).encode("latin-1")

    async def _run(self) -> None:
        while not self.is_dead:
            try:
                await self._converse()
            except (TroubleError, OSError) as error:
                self.log.append(f"[WARN] {error}")
            if not self.is_dead:
                await asyncio.sleep(self._retry_s)
        await self._close_ports()

    async def _converse(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._master_port, local_addr=(self._ip, 0))
        self._left = b""
        try:
            _raise_error(await self._exchange(reader, writer, self.registration))
            self.is_connected = True
            self.log.append("SCHEDULER-950  Scheduler has been registered")
            while not self.is_dead:
                self._wake.clear()
                self._is_fetching = True
                answer = await self._exchange(reader, writer, self.listed())
                _raise_error(answer)
                for outer in answer.iterfind("answer/configuration.directory"):
                    self._apply(outer, self.cache, "/")
                self._is_fetching = False
                await self._idle(reader)
        finally:
            self.is_connected = self._is_fetching = False
            if self.is_dead:
                writer.transport.abort()
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> ET.Element:
        sock = writer.get_extra_info("socket")
        before = segments_in(sock)
        self.requests.append(request)
        writer.write(request)
        finder, received = EndFinder(), self._left
        self._left = b""
        finder.feed(received)
        while True:
            block = await reader.read(1 << 20)
            if not block:
                raise TroubleError(
                    f"SCHEDULER-224  Supervisor has closed the connection [127.0.0.1:{self._master_port}]"
                )
            received += block
            if finder.feed(block):
                break
        self.answers.append(received)
        self.segments.append(segments_in(sock) - before)
        return parse(received)

    async def _idle(self, reader: asyncio.StreamReader) -> None:
        """Wait for a wake-up. What comes unasked stays in the way of the next answer."""
        self.is_idle = True
        wake = asyncio.ensure_future(self._wake.wait())
        unasked = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait({wake, unasked}, return_when=asyncio.FIRST_COMPLETED)
            if unasked.done():
                self._left = unasked.result()
                self.unsolicited += self._left
                if not self._left:
                    raise TroubleError("SCHEDULER-224  Supervisor has closed the connection")
                await self._wake.wait()
        finally:
            self.is_idle = False
            for task in (wake, unasked):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    def _apply(self, outer: ET.Element, folder: Path, shown: str) -> None:
        """Do what the answer says, element by element, with no look at what comes next (section 5.2)."""
        for element in outer:
            name = element.get("name", "")
            if ".." in name.split("/"):
                raise TroubleError(f"SCHEDULER-461  Path reaches beyond root (too many '..'): {shown}{name}")
            path = folder / os.fsdecode(name.encode("latin-1"))
            is_removed = element.get("removed") == "yes"
            if element.tag == "configuration.directory":
                self._remove_folder(path, f"{shown}{name}/") if is_removed else self._enter(element, path, shown, name)
            elif element.tag == "configuration.file" and is_removed:
                self.log.append(f"SCHEDULER-702  Removing '{shown}{name}'")
                path.unlink()
            elif element.tag == "configuration.file":
                self._write(element, path, f"{shown}{name}")

    def _enter(self, element: ET.Element, path: Path, shown: str, name: str) -> None:
        with contextlib.suppress(FileExistsError):
            path.mkdir(0o700)
            self.log.append(f"SCHEDULER-701  Replicating '{shown}{name}/'")
        self._apply(element, path, f"{shown}{name}/")

    def _remove_folder(self, path: Path, shown: str) -> None:
        self.log.append(f"SCHEDULER-702  Removing '{shown}'")
        if self.edition.dies_of_removals and any(len(inner) + len(files) > 1 for _, inner, files in os.walk(path)):
            self.is_dead = True
            raise TroubleError("it died of a directory with several entries (signal 11)")
        shutil.rmtree(path)

    def _write(self, element: ET.Element, path: Path, shown: str) -> None:
        content = element.find("content")
        if content is None:
            raise TroubleError("LIBXML2-008  No element for x-path content")
        if content.get("encoding") != "base64":
            raise TroubleError("[invalid <content>-encoding]")
        text = content.text or ""
        if len(text) % 4 or not _BASE64.fullmatch(text):
            raise TroubleError("Z-BASE64-001  Invalid base64 encoded string")
        at = read_time(element.get("last_write_time", ""))
        self.log.append(f"SCHEDULER-701  Replicating '{shown}' [{element.get('last_write_time')}]")
        beside = path.with_name(path.name + "~")
        beside.write_bytes(base64.b64decode(text))
        os.utime(beside, (time.time(), at))
        beside.rename(path)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer ``<check_folders/>`` on the command port."""
        finder, received = EndFinder(), b""
        while block := await reader.read(4096):
            received += block
            if not finder.feed(block):
                continue
            self.tcp_commands.append(received)
            is_known = parse(received).tag == "check_folders"
            inner = "<ok/>" if is_known else '<ERROR code="LIBXML2-007" text="LIBXML2-007  no"/>'
            answer = f'{self.edition.prolog}<spooler><answer time="t">{inner}</answer></spooler>{self.edition.tail}'
            writer.write(answer.encode("latin-1"))
            finder, received = EndFinder(), b""
            if is_known and not self.ignores_commands:
                self.check()

    def _read_datagram(self) -> None:
        payload = self._udp.recv(4096)
        self.datagrams.append((time.monotonic(), payload))
        if self.hears_udp and payload == b"<check_folders/>":
            self.check()


def _children(folder: Path) -> str:
    found = []
    for entry in os.scandir(folder):
        name = attribute(os.fsencode(entry.name).decode("latin-1"))
        if entry.is_dir():
            inner = _children(Path(entry.path))
            found.append(
                f'<configuration.directory name="{name}">{inner}</configuration.directory>'
                if inner
                else f'<configuration.directory name="{name}"/>'
            )
        elif _object_name(entry.name):
            md5 = hashlib.md5(Path(entry.path).read_bytes()).hexdigest()
            at = written_time(int(entry.stat().st_mtime), ".000")
            found.append(f'<configuration.file name="{name}" last_write_time="{at}" md5="{md5}"/>')
    return "".join(found)


def _object_name(name: str) -> str:
    """Return what stands before the second dot from the right, the whole name if there are fewer dots."""
    return name.rsplit(".", 2)[0] if name.count(".") >= 2 else name


def _raise_error(answer: ET.Element) -> None:
    error = answer.find("answer/ERROR")
    if error is not None:
        raise TroubleError(f"SCHEDULER-223  Supervisor has reported an error: [{error.get('text')}]")
