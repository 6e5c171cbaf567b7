from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest

from sync_core.model.root_identity import RootIdentity, difference

DISK = RootIdentity(
    path="/srv/cache", real="/srv/cache", inside="/cache", kind="ext4", source="/dev/sdb1", uuid="u1", fsid=7,
    device=2065, boot="b1",
)  # fmt: skip
XFS = replace(DISK, kind="xfs")
NFS = replace(DISK, kind="nfs", source="server:/export", uuid="", fsid=0, device=50)
MEMORY = replace(DISK, kind="tmpfs", source="tmpfs", uuid="", device=60)


@pytest.mark.parametrize(
    ("before", "changes"),
    [
        (DISK, {}),
        (DISK, {"source": "/dev/sdc1", "device": 2081, "boot": "b2"}),  # found in another order
        (DISK, {"source": "/dev/sdc1", "device": 2081, "boot": "b2", "uuid": ""}),
        (XFS, {"fsid": 9, "source": "/dev/sdc1", "device": 2081, "boot": "b2"}),
        (XFS, {"fsid": 9, "uuid": "", "device": 2081}),
        (replace(XFS, kind="btrfs"), {"fsid": 9, "inside": "/b", "real": "/srv/b"}),  # another subvolume
        (NFS, {"device": 51}),  # mounted again
        (MEMORY, {"device": 61, "fsid": 8, "boot": "b2"}),  # after a start of the system
        (DISK, {"real": "/srv/releases/2", "inside": "/releases/2"}),  # a link to another folder
        (DISK, {"path": "/srv/other", "kind": "tmpfs"}),  # another folder is configured
        (DISK, {"inside": ""}),
    ],
)
def test_the_same_file_system(before: RootIdentity, changes: dict[str, Any]) -> None:
    assert difference(before, replace(before, **changes)) is None


@pytest.mark.parametrize(
    ("before", "changes"),
    [
        (DISK, {"kind": "xfs"}),
        (DISK, {"uuid": "u2"}),  # another disk under the same name
        (replace(DISK, uuid=""), {"fsid": 8}),
        (replace(XFS, uuid=""), {"fsid": 8, "source": "/dev/sda1"}),
        (NFS, {"source": "server:/other"}),
        (MEMORY, {"device": 61}),
        (MEMORY, {"fsid": 8}),
        (DISK, {"inside": "/srv/cache"}),  # what was bound there is gone
    ],
)
def test_another_file_system(before: RootIdentity, changes: dict[str, Any]) -> None:
    words = difference(before, replace(before, **changes))
    assert words is not None
    assert words.endswith(f"and last time on {before}")


def test_an_identity_survives_as_json() -> None:
    assert RootIdentity.of(asdict(DISK)) == DISK
    assert RootIdentity.of({**asdict(DISK), "fsid": "7"}) is None
    assert RootIdentity.of({}) is None
