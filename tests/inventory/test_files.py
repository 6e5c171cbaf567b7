from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from sync_core.inventory import files as module
from sync_core.inventory.files import Files, is_left_over
from sync_core.inventory.problems import Problems


def reading(path: Path) -> tuple[Files, list[str]]:
    problems = Problems("i")
    files = Files(problems)
    files.read(path, base=path.parent)
    return files, [str(problem).removeprefix(f"{path}:") for problem in problems.error().problems]


def test_a_document_is_read_and_its_base_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: 1\n")
    problems = Problems("i")
    files = Files(problems)
    node = files.read(path, base=tmp_path)
    assert node is not None
    assert (node.plain, node.place.file) == ({"a": 1}, str(path))
    assert files.bases == {str(path): tmp_path}
    assert files.is_complete
    assert not problems


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a: [", "1:5: not YAML"),
        (
            b"$ANSIBLE_VAULT;1.1;AES256\n6162\n",
            "1:1: it is encrypted by Ansible Vault (values for jsync stand in a file",
        ),
    ],
)
def test_what_is_no_document_leaves_a_gap(tmp_path: Path, data: bytes, expected: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(data)
    files, problems = reading(path)
    assert problems[0].startswith(expected)
    assert not files.is_complete


def test_what_can_not_be_read_says_why(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for path, expected in (
        (tmp_path / "none", "1:1: there is no such file (`jsync init` writes a working example)"),
        (tmp_path, "1:1: can't be read: Is a directory"),
        (loop, "1:1: can't be read: Too many levels of symbolic links"),
        (Path("a\0b"), "1:1: can't be read: no file has such a name"),
    ):
        files, problems = reading(path)
        assert problems == [expected]
        assert not files.is_complete


def test_all_files_together_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILES", 3)
    monkeypatch.setattr(module, "MAX_TOTAL_BYTES", 10)
    path = tmp_path / "a.yaml"
    path.write_text("a: 1\n")
    problems = Problems("i")
    files = Files(problems)
    for _ in range(2):
        assert files.read(path, base=tmp_path) is not None
    for _ in range(2):
        assert files.read(path, base=tmp_path) is None
    assert [str(problem) for problem in problems.error().problems] == [
        "i:1:1: it has more than 3 files",
        "i:1:1: its files have more than 10 bytes together",
    ]


def test_names_come_as_ansible_sorts_them(tmp_path: Path) -> None:
    for name in ("b", "a", "Z", "é", ".x"):
        (tmp_path / name).touch()
    problems = Problems("i")
    files = Files(problems)
    assert files.names(tmp_path) == [".x", "Z", "a", "b", "é"]
    assert files.names(tmp_path / "a") == []
    assert [str(problem) for problem in problems.error().problems] == [
        f"{tmp_path}/a:1:1: can't be read: Not a directory"
    ]


def test_kinds(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "dangling").symlink_to("nothing")
    os.mkfifo(tmp_path / "pipe")
    kind = Files(Problems("i")).kind
    assert kind(tmp_path) == stat.S_IFDIR
    assert kind(tmp_path / "file") == kind(tmp_path / "link") == stat.S_IFREG
    assert kind(tmp_path / "pipe") == stat.S_IFIFO
    assert kind(tmp_path / "nothing") == kind(tmp_path / "dangling") == 0
    assert kind(Path("a\0b")) == kind(tmp_path / "file" / "x") == stat.S_IFREG  # reading it says what is wrong


def test_only_regular_files_are_programs(tmp_path: Path) -> None:
    for name, mode in (("yes", 0o700), ("no", 0o600)):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(mode)
    os.mkfifo(tmp_path / "pipe", 0o700)
    found = Files(Problems("i")).is_program
    assert [found(path) for path in (tmp_path / "yes", tmp_path / "no", tmp_path / "pipe", tmp_path)] == [
        True,
        False,
        False,
        False,
    ]
    assert not found(Path("a\0b"))
    assert not found(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (".hidden", True),
        ("hosts~", True),
        ("hosts.orig", True),
        ("hosts.bak", True),
        ("hosts.ini", True),
        ("hosts.cfg", True),
        ("site.retry", True),
        ("script.pyc", True),
        ("README.md", True),
        ("hosts", False),
        ("hosts.yaml", False),
        ("hosts.json", False),
        ("hosts.py", False),
        ("bak", False),
    ],
)
def test_backups_and_texts_are_left_over(name: str, expected: bool) -> None:
    assert is_left_over(name) is expected
