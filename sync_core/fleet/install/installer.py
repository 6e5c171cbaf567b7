"""Brings jsync to a machine: looks what is there, fetches wheels for it here, sends them, has them installed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import zipfile
from collections.abc import AsyncIterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from sync_core.fleet.elsewhere import Machine
from sync_core.fleet.far_jsync import find_version
from sync_core.fleet.install.target import FIND_PYTHONS, choose_target
from sync_core.fleet.install.wheels import Wheel, WheelStore
from sync_core.model.errors import HostError, UnreachableError
from sync_core.net.runner import Process, Runner, first_line, run
from sync_core.net.threads import in_thread
from sync_core.version import __version__

__all__ = ["INSTALL_S", "WheelInstaller", "is_older"]

INSTALL_S = 600.0
"""The longest that an installation may take, the fetching of wheels included."""
_LOOK_S = 60.0
_BLOCK_BYTES = 1 << 20
_MOST_LINE_BYTES = 1 << 16


class WheelInstaller:
    """Installs jsync from wheels; the machines need no way out, and nothing but Python.

    Args:
        store: gives the wheels.
        base: where versions lie there; ``None``: ``/opt/jsync`` for root, else below the home folder.
        bin_folder: where the command is to appear there; ``None``: ``/usr/local/bin`` for root, else ``~/.local/bin``.
    """

    def __init__(self, store: WheelStore, *, base: Path | None = None, bin_folder: Path | None = None) -> None:
        self._store = store
        self._base = base
        self._bin = bin_folder

    async def ensure(self, machine: Machine, runner: Runner, *, check: bool) -> str | None:
        """Make sure that jsync is there and not older than this one; return the version that was brought.

        Args:
            machine: where.
            runner: of it.
            check: only say what would be brought.

        Raises:
            UnreachableError: the machine can't be reached, or not in time.
            HostError: it can't be done; nothing is left half done.
        """
        there = await find_version(runner, machine.jsync, timeout_s=_LOOK_S)
        if there is not None and not is_older(there, __version__):
            return None
        told = await run(runner, FIND_PYTHONS, timeout_s=_LOOK_S)
        target = choose_target(told.stdout)
        if check:
            return __version__
        wheels = await self._store.wheels_for(target)
        order = await in_thread(lambda: self._order(machine.jsync, wheels), name="wheels: sizes")
        await _send(runner, target.python, order, wheels)
        now = await find_version(runner, machine.jsync, timeout_s=_LOOK_S)
        if now is None or is_older(now, __version__):
            raise HostError(
                f"jsync {__version__} is installed, but `{machine.jsync}` is {now or 'nothing that runs'}",
                hint=f"set `jsync` to the one in {order['base'] or 'its bin folder'}, or remove the other one",
            )
        return __version__

    def _order(self, jsync: str, wheels: Sequence[Wheel]) -> dict[str, Any]:
        if "/" in jsync and not jsync.startswith("/"):
            raise HostError(f"`jsync: {jsync}` is neither a word nor an absolute path", hint="correct the inventory")
        return {
            "version": __version__,
            "link": jsync,
            "base": None if self._base is None else str(self._base),
            "bin": None if self._bin is None else str(self._bin),
            "needed_bytes": sum(wheel.size_bytes + 2 * _unpacked_bytes(wheel) for wheel in wheels),
            "files": [{"name": one.path.name, "size": one.size_bytes, "sha256": one.sha256} for one in wheels],
        }


def is_older(version: str, than: str) -> bool:
    """Return whether a version is older than another one, by their numbers alone; what has none is."""
    return _numbers(version) < _numbers(than)


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"\d{1,9}(\.\d{1,9}){0,9}", version)
    return tuple(map(int, found[0].split("."))) if found else ()


def _unpacked_bytes(wheel: Wheel) -> int:
    with zipfile.ZipFile(wheel.path) as archive:
        return sum(entry.file_size for entry in archive.infolist())


async def _send(runner: Runner, python: str, order: dict[str, Any], wheels: Sequence[Wheel]) -> None:
    """Have the order carried out by the program on the machine."""
    text = resources.files(__package__).joinpath("far_setup.py").read_bytes()
    program = text + f"\nmain({int(INSTALL_S)})\n".encode("ascii")
    # -I: nothing of the folder or the user where it happens to start
    first = f"import sys;exec(compile(sys.stdin.buffer.read({len(program)}),'jsync','exec'))"
    try:
        async with asyncio.timeout(INSTALL_S):
            process = await runner.start((python, "-I", "-B", "-c", first))
            try:
                await process.send(program + json.dumps(order).encode("ascii") + b"\n")
                answers = _answers(process)
                if await _outcome(answers, process) == "send":
                    with contextlib.suppress(UnreachableError):  # it may have seen enough, and then says why
                        await _send_wheels(process, wheels)
                    await _outcome(answers, process)
            finally:
                await process.close()
    except TimeoutError:
        raise UnreachableError(f"jsync was not installed within {INSTALL_S:g} s") from None


async def _send_wheels(process: Process, wheels: Sequence[Wheel]) -> None:
    for wheel in wheels:
        data = await in_thread(wheel.path.read_bytes, name="wheels: read")
        for at in range(0, len(data), _BLOCK_BYTES):
            await process.send(data[at : at + _BLOCK_BYTES])


async def _outcome(answers: AsyncIterator[bytes], process: Process) -> str:
    line = await anext(answers, b"")
    if not line:
        exit_code = await process.wait()
        reason = first_line(process.complaint) or f"exit code {exit_code}"
        raise HostError(f"jsync can't be installed: the program there ended: {reason}")
    try:
        facts = json.loads(line)
    except (ValueError, RecursionError):
        facts = None
    if isinstance(facts, dict) and isinstance(facts.get("failure"), str):
        hint = facts.get("hint")
        raise HostError(f"jsync can't be installed: {facts['failure']}", hint=hint if isinstance(hint, str) else None)
    outcome = facts.get("outcome") if isinstance(facts, dict) else None
    if not isinstance(outcome, str):
        raise HostError("jsync can't be installed: the program there says something else")
    return outcome


async def _answers(process: Process) -> AsyncIterator[bytes]:
    rest = b""
    while block := await process.receive():
        *lines, rest = (rest + block).split(b"\n")
        if len(rest) > _MOST_LINE_BYTES:
            raise HostError("jsync can't be installed: an answer without end")
        for line in lines:
            yield line
