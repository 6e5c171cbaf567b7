from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_core.model.path import ROOT
from sync_core.tree.disk import LOCAL_DISK, Disk
from sync_core.tree.rights import FileRights
from sync_core.tree.staged_file import StagedFile
from sync_core.tree.temporaries import clean_temporaries, create_temporary, new_token
from tests.support import updates
from tests.support.disk import TIME, a_link, public_folder, read_tree, unprivileged, write_tree
from tests.support.disks import OddDisk

TOKEN = "0123456789abcdef"
NAME = f".jsync-{TOKEN}~"


@pytest.fixture
def folder_fd(tmp_path: Path) -> Iterator[int]:
    fd = os.open(tmp_path, os.O_RDONLY)
    yield fd
    os.close(fd)


def write(
    folder_fd: int, content: bytes = b"new", *, mode: int = 0o640, time: int = TIME, disk: Disk = LOCAL_DISK
) -> str:
    name, fd = create_temporary(folder_fd, TOKEN)
    wanted = updates.write("a", content, time=time)
    file = StagedFile(
        wanted, fd=fd, folder=ROOT, name=name, rights=FileRights(mode), is_synced=True, disk=disk, clock_ns=lambda: 1
    )
    file.write(content)
    file.done()
    return name


def test_tokens_are_16_hex_digits_and_differ() -> None:
    tokens = {new_token() for _ in range(20)}
    assert len(tokens) == 20
    assert all(re.fullmatch("[0-9a-f]{16}", token) for token in tokens)


def test_a_temporary_has_all_that_the_file_will_have(tmp_path: Path, folder_fd: int) -> None:
    content = os.urandom(3 << 20)
    assert write(folder_fd, content) == NAME
    found = (tmp_path / NAME).stat()
    assert (tmp_path / NAME).read_bytes() == content
    assert (found.st_mtime_ns, found.st_mode & 0o7777) == (TIME * 10**9, 0o640)


def test_nobody_else_can_read_it_before_it_has_its_permissions(tmp_path: Path, folder_fd: int) -> None:
    modes: list[int] = []

    def look(fd: int, data: bytes | memoryview) -> int:
        modes.append(os.fstat(fd).st_mode & 0o7777)
        return os.write(fd, data)

    mask = os.umask(0)
    try:
        write(folder_fd, disk=OddDisk(write=look))
    finally:
        os.umask(mask)
    assert modes == [0o600]


@pytest.mark.parametrize(("mode", "given"), [(0o4755, 0o755), (0o2640, 0o640), (0o1777, 0o777), (0, 0)])
def test_it_never_acts_as_somebody_else(tmp_path: Path, folder_fd: int, mode: int, given: int) -> None:
    write(folder_fd, mode=mode)
    assert (tmp_path / NAME).stat().st_mode & 0o7777 == given


def test_nothing_that_is_there_is_overwritten_or_followed(tmp_path: Path, folder_fd: int) -> None:
    a_link(tmp_path / NAME, "victim")
    with pytest.raises(FileExistsError):
        write(folder_fd)
    assert read_tree(tmp_path) == {NAME: b"-> victim"}


def test_exactly_our_left_overs_are_cleaned(tmp_path: Path) -> None:
    somebodys = {
        "x.job.xml~": b"1",
        ".jsync-0123456789abcdef": b"1",
        ".jsync-0123456789abcde~": b"1",
        ".jsync-0123456789abcdef0~": b"1",
        ".jsync-0123456789ABCDEF~": b"1",
        "jsync-0123456789abcdef~": b"1",
        ".jsync-0123456789abcdef~~": b"1",
        f"d/e/{NAME}/a folder": b"1",
    }
    write_tree(tmp_path / "root", somebodys | {NAME: b"", f"d/{NAME}": b"half", f"d/e/{NAME[:-2]}0~": b""})
    write_tree(tmp_path / "outside", {NAME: b"1"})
    a_link(tmp_path / "root/link", "../outside")
    a_link(tmp_path / "root/e" / NAME, "../../outside")
    assert clean_temporaries(tmp_path / "root") == 3
    left = {path: content for path, content in read_tree(tmp_path / "root").items() if content is not None}
    assert left == somebodys | {"link": b"-> ../outside", f"e/{NAME}": b"-> ../../outside"}
    assert read_tree(tmp_path / "outside") == {NAME: b"1"}
    assert clean_temporaries(tmp_path / "root") == 0


def test_there_may_be_nothing_to_clean(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert clean_temporaries(tmp_path / "none") == 0
    assert caplog.records == []


def test_what_cannot_be_searched_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    with public_folder() as root:
        write_tree(root, {f"d/{NAME}": b"", f"e/{NAME}": b""})
        (root / "d").chmod(0)
        (root / "e").chmod(0o777)
        with unprivileged():
            assert clean_temporaries(root) == 1
            assert clean_temporaries(root / "d") == 0
        (root / "d").chmod(0o700)
    assert [record.getMessage().endswith("Permission denied") for record in caplog.records] == [True, True]
