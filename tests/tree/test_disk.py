from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from sync_core.tree.disk import LOCAL_DISK, Disk, read_umask


def test_the_umask_is_read() -> None:
    mask = os.umask(0o027)
    try:
        assert read_umask() == 0o027
    finally:
        os.umask(mask)
    assert read_umask() == mask


def test_all_is_synced_only_where_that_reaches_a_disk() -> None:
    for place in ("/proc", "/sys"):
        fd = os.open(place, os.O_RDONLY)
        assert not LOCAL_DISK.can_sync_all(fd)
        os.close(fd)
    assert not LOCAL_DISK.can_sync_all(-1)


def test_a_sync_that_fails_is_told(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    LOCAL_DISK.sync_all(fd)
    os.close(fd)
    with pytest.raises(OSError, match="Bad file descriptor") as caught:
        LOCAL_DISK.sync_all(fd)
    assert caught.value.errno == errno.EBADF


@pytest.mark.parametrize(
    ("release", "is_trusted"), [("5.7.19", False), ("5.8.0-1", True), ("4.19", False), ("odd", False)]
)
def test_a_kernel_that_keeps_errors_to_itself_is_not_trusted(tmp_path: Path, release: str, is_trusted: bool) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    if not LOCAL_DISK.can_sync_all(fd):
        pytest.skip("the file system of the tests is none of the trusted ones")
    assert Disk(release).can_sync_all(fd) is is_trusted
    os.close(fd)
