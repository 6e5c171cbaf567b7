from __future__ import annotations

import subprocess
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from cli.render.md5sum import md5sum_lines
from sync_core.model.file import File, md5_of
from sync_core.model.folder import Folder
from sync_core.model.path import name_bytes
from tests.support.folders import a_tree

_MD5 = md5_of(b"x")
_FILE = File(md5=_MD5)


def _files(*names: str) -> Folder:
    return a_tree(dict.fromkeys(names, _FILE))


def test_only_files_whose_md5_is_known() -> None:
    tree = a_tree({"a": None, "a/b c.xml": _FILE, "z": File()})
    assert md5sum_lines(tree) == f"{_MD5}  a/b c.xml\n".encode()


def test_names_keep_their_bytes() -> None:
    assert md5sum_lines(_files("z\udcfcrich")) == f"{_MD5}  ".encode() + b"z\xfcrich\n"


def test_names_with_line_breaks_are_escaped() -> None:
    assert md5sum_lines(_files("a\nb\rc")) == f"\\{_MD5}  a\\nb\\rc\n".encode()


def test_md5sum_takes_it(tmp_path: Path) -> None:
    names = ["plain", "with blank", "line\nbreak", "-n", "*star", "z\udcfc", "ü"]
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    done = subprocess.run(
        ["md5sum", "-c", "--strict", "--quiet"],
        input=md5sum_lines(_files(*names)),
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@given(st.text(st.characters(exclude_characters="/\\\0", exclude_categories=["Cs"]), min_size=1))
def test_one_line_for_each_file_from_which_the_name_can_be_read(name: str) -> None:
    if name in {".", ".."}:
        return
    line = md5sum_lines(_files(name))
    assert line.count(b"\n") == 1
    escaped = line.removeprefix(b"\\").removesuffix(b"\n")[34:]
    assert escaped.replace(b"\\n", b"\n").replace(b"\\r", b"\r") == name_bytes(name)
