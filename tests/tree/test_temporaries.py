from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_core.model.change import WriteFile
from sync_core.model.path import RelPath
from sync_core.tree.temporaries import clean_temporaries, new_token, sync_temporary, write_temporary
from tests.support.trees import TIME, a_link, public_folder, read_tree, unprivileged, write_tree

TOKEN = "0123456789abcdef"
NAME = f".jsync-{TOKEN}~"


@pytest.fixture
def folder_fd(tmp_path: Path) -> Iterator[int]:
    fd = os.open(tmp_path, os.O_RDONLY)
    yield fd
    os.close(fd)


def a_change(content: bytes = b"new", *, time: int = TIME) -> WriteFile:
    return WriteFile(path=RelPath("d/a"), last_write_time=time, content=content)


def test_tokens_are_16_hex_digits_and_differ() -> None:
    tokens = {new_token() for _ in range(20)}
    assert len(tokens) == 20
    assert all(re.fullmatch("[0-9a-f]{16}", token) for token in tokens)


def test_a_temporary_has_all_that_the_file_will_have(tmp_path: Path, folder_fd: int) -> None:
    content = os.urandom(3 << 20)
    assert write_temporary(folder_fd, TOKEN, a_change(content), is_replacement=True) == NAME
    sync_temporary(folder_fd, NAME)
    found = (tmp_path / NAME).stat()
    assert (tmp_path / NAME).read_bytes() == content
    assert (found.st_mtime_ns, found.st_mode & 0o777) == (TIME * 10**9, 0o666 & ~current_umask())


def current_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize(("is_replacement", "mode"), [(True, 0o640), (False, 0o666 & ~current_umask())])
def test_the_mode_of_the_file_before_is_kept(tmp_path: Path, folder_fd: int, is_replacement: bool, mode: int) -> None:
    write_tree(tmp_path, {"a": b"old"})
    (tmp_path / "a").chmod(0o4640)
    write_temporary(folder_fd, TOKEN, a_change(), is_replacement=is_replacement)
    assert (tmp_path / NAME).stat().st_mode & 0o7777 == mode


def test_the_mode_of_a_link_or_folder_is_nobodys(tmp_path: Path, folder_fd: int) -> None:
    a_link(tmp_path / "a", "elsewhere")
    write_temporary(folder_fd, TOKEN, a_change(), is_replacement=True)
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o666 & ~current_umask()


def test_nothing_that_is_there_is_overwritten_or_followed(tmp_path: Path, folder_fd: int) -> None:
    a_link(tmp_path / NAME, "victim")
    with pytest.raises(FileExistsError):
        write_temporary(folder_fd, TOKEN, a_change(), is_replacement=True)
    assert read_tree(tmp_path) == {NAME: b"-> victim"}


def test_a_temporary_that_could_not_be_finished_is_not_left(tmp_path: Path, folder_fd: int) -> None:
    with pytest.raises(OverflowError):
        write_temporary(folder_fd, TOKEN, a_change(time=2**70), is_replacement=True)
    assert read_tree(tmp_path) == {}


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
