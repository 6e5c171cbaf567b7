from __future__ import annotations

import pytest

from cli.render.unified import colored, unified
from cli.tables import Style, Styled


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
        (b"a\0", b"b", ["Binary files slave/x and master/x differ"]),
        (
            b"a" * 1_100_000,
            b"b",
            ["Files slave/x and master/x differ, and are too large to be compared line by line"],
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
