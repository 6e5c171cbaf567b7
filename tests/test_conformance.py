"""``docs/conformance.md`` names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

_TESTS = Path(__file__).parent
_PAGE = (_TESTS.parent / "docs" / "conformance.md").read_text("utf-8")
_NAMED = re.findall(r"`([a-z0-9_/]+)/([a-z0-9_]+)::(test_[a-z0-9_]+)`", _PAGE)


def test_every_named_test_exists() -> None:
    missing = [
        f"{room}/{module}::{name}"
        for room, module, name in _NAMED
        if f"def {name}(" not in _text(_TESTS / room / f"test_{module}.py")
    ]
    assert missing == []


def test_every_row_of_the_two_proven_parts_names_a_test() -> None:
    proven = _PAGE.partition("## Different")[0]
    rows = [
        line
        for line in proven.splitlines()
        if line.startswith("| ") and not line.startswith(("| section |", "| row |"))
    ]
    assert len(rows) > 90
    assert [row for row in rows if "::test_" not in row] == []


def _text(path: Path) -> str:
    return path.read_text("utf-8") if path.exists() else ""
