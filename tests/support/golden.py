"""Whole screens that tests compare with: ``tests/cli/golden``. ``JSYNC_GOLDEN=write`` writes them anew."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["assert_golden"]

_FOLDER = Path(__file__).parents[1] / "cli" / "golden"


def assert_golden(name: str, screen: str) -> None:
    """Compare ``screen`` with the file ``name``, to the last blank."""
    path = _FOLDER / name
    if os.environ.get("JSYNC_GOLDEN") == "write":
        path.write_text(screen, encoding="utf-8")
    assert screen == path.read_text(encoding="utf-8")
