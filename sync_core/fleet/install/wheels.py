"""Wheels for other machines: jsync's own, and those of all that it needs, fetched here by pip and kept."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sync_core.agent.own_folder import make_own
from sync_core.fleet.install.own_wheel import own_wheel
from sync_core.fleet.install.target import Target
from sync_core.model.errors import HostError
from sync_core.net.threads import in_thread

__all__ = ["Wheel", "WheelStore"]

_FETCH_S = 300.0
_LIST = "wheels.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """One wheel on this machine.

    Attributes:
        path: its file.
        size_bytes: of it.
        sha256: likewise, hexadecimal.
    """

    path: Path
    size_bytes: int
    sha256: str


class WheelStore:
    """Gives the wheels for a target; each set is fetched once, however many machines ask.

    Args:
        folder: keeps them for the next time.
        pip: the command that fetches; pip's own settings count (``PIP_INDEX_URL``, ``PIP_FIND_LINKS``, …).
    """

    def __init__(self, folder: Path, *, pip: Sequence[str] = (sys.executable, "-m", "pip")) -> None:
        self._folder = folder
        self._pip = tuple(pip)
        self._sets: dict[str, asyncio.Task[tuple[Wheel, ...]]] = {}

    async def wheels_for(self, target: Target) -> tuple[Wheel, ...]:
        """Return all wheels that ``target`` needs, pip's own among them, in a fixed order.

        Raises:
            HostError: they can't be had.
        """
        task = self._sets.get(target.tag)
        if task is None:
            task = self._sets[target.tag] = asyncio.ensure_future(self._wheels_for(target))
        # Shielded: several machines may wait for it, and one of them may give up.
        return await asyncio.shield(task)

    async def _wheels_for(self, target: Target) -> tuple[Wheel, ...]:
        own = await in_thread(own_wheel, name="own wheel")
        digest = hashlib.sha256(own.data).hexdigest()[:16]
        make_own(self._folder.parent)
        make_own(self._folder, mode=0o700)
        place = self._folder / f"{target.tag}-{digest}"
        kept = _read_list(place)
        if kept is not None:
            return kept
        try:
            with tempfile.TemporaryDirectory(prefix=".new-", dir=self._folder) as name:
                new = Path(name) / "wheels"
                new.mkdir()
                (Path(name) / own.name).write_bytes(own.data)
                await self._fetch(target, Path(name) / own.name, new)
                _write_list(new)
                self._replace(target, new, place)
        except OSError as error:
            raise HostError(
                f"wheels can't be kept: {error.filename}: {error.strerror}",
                hint="free some space there, or set JSYNC_STATE_DIR to another folder",
            ) from error
        return _read_list(place) or ()

    async def _fetch(self, target: Target, own: Path, into: Path) -> None:
        words = ["download", "--quiet", "--disable-pip-version-check", "--no-input", "--only-binary", ":all:"]
        words += ["--dest", str(into), "--implementation", "cp", "--abi", target.abi]
        words += ["--python-version", ".".join(map(str, target.version))]
        words += [word for platform in target.platforms for word in ("--platform", platform)]
        process = await asyncio.create_subprocess_exec(
            *self._pip,
            *words,
            str(own),
            "pip",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(_FETCH_S):
                _, said = await process.communicate()
        except TimeoutError:
            raise HostError(f"the wheels for {target.tag} were not fetched within {_FETCH_S:g} s") from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if process.returncode:
            raise HostError(
                f"the wheels for {target.tag} can't be fetched: {_last_error(said)}",
                hint="pip does it here: its settings count, PIP_INDEX_URL and PIP_FIND_LINKS among them",
            )

    def _replace(self, target: Target, new: Path, place: Path) -> None:
        """Put a new set into its place, and remove those of other versions."""
        for old in self._folder.glob(f"{target.tag}-*"):
            shutil.rmtree(old, ignore_errors=True)
        with contextlib.suppress(FileExistsError):  # somebody else was quicker
            os.rename(new, place)  # noqa: PTH104 - which Path.replace would not be for folders


def _write_list(folder: Path) -> None:
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.whl"))}
    (folder / _LIST).write_text(json.dumps(digests), encoding="utf-8")


def _read_list(folder: Path) -> tuple[Wheel, ...] | None:
    """Return the set that is kept in ``folder``; ``None`` if there is none, or it is not what it was."""
    try:
        digests = json.loads((folder / _LIST).read_text(encoding="utf-8"))
        wheels = tuple(_wheel(folder / name) for name in digests)
    except (OSError, ValueError):
        return None
    return wheels if [wheel.sha256 for wheel in wheels] == list(digests.values()) else None


def _wheel(path: Path) -> Wheel:
    data = path.read_bytes()
    return Wheel(path=path, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


def _last_error(said: bytes) -> str:
    lines = [line.strip() for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    words = (errors or lines or ["pip says nothing"])[-1]
    return "".join(letter if letter.isprintable() else "?" for letter in words)[:300]
