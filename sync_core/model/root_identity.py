"""Which file system a root lies on, and when that is another one than last time.

Device numbers say little: they are given out anew at each start, and at each mount of a network disk. So what counts is
what a file system calls itself, as far as it does (decision 20).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Self

__all__ = ["RootIdentity", "difference"]

_FSID_IS_OF_DISK: Final = frozenset({"ext2", "ext3", "ext4"})
"""Their f_fsid is made of the UUID on the disk; that of others may be a device number, or of a part of it."""
_IN_MEMORY: Final = frozenset({"tmpfs", "ramfs"})
"""Gone with their mount, and after a start of the system a new one in the same place is the right one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RootIdentity:
    """Where a root lies.

    Attributes:
        path: as it was configured.
        real: without links.
        inside: the root's path on its file system, whatever is mounted where; empty where that is not known.
        kind: of the file system.
        source: what was mounted: a device, ``server:/export``, or just a word.
        uuid: of the device; empty where it has none, or nobody knows it.
        fsid: ``f_fsid`` of statvfs(3).
        device: ``st_dev``.
        boot: the start of the system since which ``device`` means something.
    """

    path: str
    real: str
    inside: str
    kind: str
    source: str
    uuid: str
    fsid: int
    device: int
    boot: str

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self | None:
        """Return the identity that ``values`` are; ``None`` where they are none."""
        found = {field.name: values.get(field.name) for field in fields(cls)}
        is_one = all(isinstance(value, int if name in {"fsid", "device"} else str) for name, value in found.items())
        return cls(**found) if is_one else None  # type: ignore[arg-type]

    def __str__(self) -> str:
        return f"{self.kind} {self.source}, {self.inside or self.real}"


def difference(before: RootIdentity, now: RootIdentity) -> str | None:
    """Return what has changed, in words, if the root lies on another file system now.

    Another folder of the same one is no difference, where a link leads there or it was moved into place; but where the
    path means the same place as before, and another part of the file system shows there, something was mounted.
    """
    if before.path != now.path:
        return None  # somebody configured another folder
    is_same = before.kind == now.kind and _is_same_disk(before, now)
    is_covered = before.real == now.real and "" not in {before.inside, now.inside} and before.inside != now.inside
    return None if is_same and not is_covered else f"it lies on {now}, and last time on {before}"


def _is_same_disk(before: RootIdentity, now: RootIdentity) -> bool:
    if before.uuid and now.uuid:
        return before.uuid == now.uuid
    if before.kind in _FSID_IS_OF_DISK:
        return before.fsid == now.fsid
    if before.kind in _IN_MEMORY and before.boot == now.boot:
        return (before.device, before.fsid) == (now.device, now.fsid)
    return before.source == now.source or before.fsid == now.fsid != 0
