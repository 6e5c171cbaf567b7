"""``docs/security.md`` names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

_TESTS = Path(__file__).parent
_PAGE = _TESTS.parent / "docs" / "security.md"


def test_every_promise_names_tests_that_are_there() -> None:
    rows = re.findall(r"^\| (?!promise|---)(.+?) \|.*\| (.+?) \|$", _PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    named = {promise: re.findall(r"`([a-z0-9_/.]+)`", held) for promise, held in rows}

    assert len(named) > 10
    assert [promise for promise, places in named.items() if not places] == []
    assert [place for places in named.values() for place in places if not (_TESTS / place).exists()] == []
