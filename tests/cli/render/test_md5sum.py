from __future__ import annotations

import subprocess
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from cli.render.md5sum import md5sum_lines
from sync_core.model.manifest import Entry, Kind, Manifest, md5_of
from sync_core.model.path import RelPath, name_bytes

_MD5 = md5_of(b"x")


def _file(path: str, md5: str | None = _MD5) -> Entry:
    return Entry(path=RelPath(path), md5=md5)


def test_only_files_whose_md5_is_known() -> None:
    manifest = Manifest([Entry(path=RelPath("a"), kind=Kind.DIRECTORY), _file("a/b c.xml"), _file("z", None)])
    assert md5sum_lines(manifest) == f"{_MD5}  a/b c.xml\n".encode()


def test_names_keep_their_bytes() -> None:
    assert md5sum_lines(Manifest([_file("z\udcfcrich")])) == f"{_MD5}  ".encode() + b"z\xfcrich\n"


def test_names_with_line_breaks_are_escaped() -> None:
    assert md5sum_lines(Manifest([_file("a\nb\rc")])) == f"\\{_MD5}  a\\nb\\rc\n".encode()


def test_md5sum_takes_it(tmp_path: Path) -> None:
    names = ["plain", "with blank", "line\nbreak", "-n", "*star", "z\udcfc", "ü"]
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    done = subprocess.run(
        ["md5sum", "-c", "--strict", "--quiet"],
        input=md5sum_lines(Manifest(_file(name) for name in names)),
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@given(st.text(st.characters(exclude_characters="/\\\0", exclude_categories=["Cs"]), min_size=1))
def test_one_line_for_each_file_from_which_the_name_can_be_read(name: str) -> None:
    if name in {".", ".."}:
        return
    line = md5sum_lines(Manifest([_file(name)]))
    assert line.count(b"\n") == 1
    escaped = line.removeprefix(b"\\").removesuffix(b"\n")[34:]
    assert escaped.replace(b"\\n", b"\n").replace(b"\\r", b"\r") == name_bytes(name)
