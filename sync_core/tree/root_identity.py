"""Which file system a folder lies on, by the kernel's table of mounts (proc(5)) and statvfs(3)."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sync_core.model.root_identity import RootIdentity

__all__ = ["Place", "identify", "place_of"]

_UDEV: Final = Path("/run/udev/data")
_HAS_UUID: Final = "E:ID_FS_UUID="
_ESCAPE: Final = re.compile(r"\\([0-7]{3})")
_OPEN: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Place:
    """What is cheap to ask, and differs where another file system may show.

    Attributes:
        mount: the kernel's number of the mount.
        device: ``st_dev``.
        fsid: ``f_fsid``.
    """

    mount: int
    device: int
    fsid: int


@dataclass(frozen=True, slots=True)
class _Mount:
    device: str
    root: str
    point: str
    kind: str
    source: str


def place_of(root: Path) -> Place:
    """Return where a folder, or the nearest one above it that is there, lies.

    Raises:
        OSError: it can't be looked at.
    """
    fd = os.open(_nearest(root), _OPEN)
    try:
        return _place(fd)
    finally:
        os.close(fd)


def identify(root: Path) -> RootIdentity:
    """Return the identity of a root; of one that is missing, as it would be if it were made now.

    Raises:
        OSError: it can't be looked at.
        LookupError: the kernel does not say what is mounted there.
    """
    real = os.path.realpath(root)
    fd = os.open(_nearest(root), _OPEN)
    try:
        place = _place(fd)
    finally:
        os.close(fd)
    mount = _mounts()[place.mount]
    is_below = Path(real).is_relative_to(mount.point)
    inside = str(Path(mount.root, Path(real).relative_to(mount.point))) if is_below else ""
    return RootIdentity(
        path=os.fspath(root),
        real=real,
        inside=inside,
        kind="nfs" if mount.kind.startswith("nfs") else mount.kind,
        source=mount.source,
        uuid=_uuid(mount.device),
        fsid=place.fsid,
        device=place.device,
        boot=Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip(),
    )


def _nearest(root: Path) -> Path:
    return next(folder for folder in (root, *root.parents) if folder.exists())


def _place(fd: int) -> Place:
    about = Path(f"/proc/self/fdinfo/{fd}").read_text(encoding="ascii")
    (mount,) = (line.split()[1] for line in about.splitlines() if line.startswith("mnt_id:"))
    return Place(mount=int(mount), device=os.fstat(fd).st_dev, fsid=os.fstatvfs(fd).f_fsid)


def _mounts() -> dict[int, _Mount]:
    found = {}
    for line in os.fsdecode(Path("/proc/self/mountinfo").read_bytes()).splitlines():
        own, _, of_disk = line.partition(" - ")
        fields, more = own.split(), of_disk.split()
        found[int(fields[0])] = _Mount(*map(_plain, (fields[2], fields[3], fields[4], more[0], more[1])))
    return found


def _plain(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), text)


def _uuid(device: str) -> str:
    """Return the UUID that udev found on a block device; empty where there is none.

    Its records are read, not its links below /dev: a service may have a /dev of its own.
    """
    try:
        lines = (_UDEV / f"b{device}").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.removeprefix(_HAS_UUID) for line in lines if line.startswith(_HAS_UUID)), "")
