from __future__ import annotations

import pytest

from cli.render.unified import colored, unified
from cli.tables import Style, Styled
from sync_core.model.file import md5_of


def _unified(old: bytes | None, new: bytes | None) -> list[str]:
    return unified(old, new, old_name="slave/x", new_name="master/x")


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        (b"a\nb\n", b"a\nc\n", ["--- slave/x", "+++ master/x", "@@ -1,2 +1,2 @@", " a", "-b", "+c"]),
        (None, b"a\n", ["--- /dev/null", "+++ master/x", "@@ -0,0 +1 @@", "+a"]),
        (b"a", None, ["--- slave/x", "+++ /dev/null", "@@ -1 +0,0 @@", "-a", "\\ No newline at end of file"]),
        (
            b"a",
            b"a\n",
            ["--- slave/x", "+++ master/x", "@@ -1 +1 @@", "-a", "\\ No newline at end of file", "+a"],
        ),
        (b"a\r\n", b"a\n", ["--- slave/x", "+++ master/x", "@@ -1 +1 @@", "-a\r", "+a"]),
        (
            "zürich\n".encode("latin-1"),
            "zürich\n".encode(),
            [],
        ),
        (b"same", b"same", []),
        (None, b"", []),
        (
            b"a\0",
            b"b",
            [
                f"Binary files slave/x (2 bytes, md5 {md5_of(bytes([97, 0]))}) and "
                f"master/x (1 bytes, md5 {md5_of(b'b')}) differ"
            ],
        ),
        (None, b"\0", [f"Binary files /dev/null and master/x (1 bytes, md5 {md5_of(bytes(1))}) differ"]),
        (
            b"a" * 1_100_000,
            b"b",
            [
                f"Files slave/x (1100000 bytes, md5 {md5_of(b'a' * 1_100_000)}) and "
                f"master/x (1 bytes, md5 {md5_of(b'b')}) differ, and are too large to be compared line by line"
            ],
        ),
    ],
)
def test_unified(old: bytes | None, new: bytes | None, lines: list[str]) -> None:
    assert _unified(old, new) == lines


def test_colours() -> None:
    assert colored(["--- a", "+b", "@@ @@", " c", ""]) == [
        Styled("--- a", Style.BAD),
        Styled("+b", Style.GOOD),
        Styled("@@ @@", Style.FAINT),
        " c",
        "",
    ]
