"""Inventories of many files for tests: folders, files of variables, executables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

from sync_core.inventory import load
from sync_core.model.errors import InventoryError
from tests.support.inventories import ENVIRON

MASTER = "{masters: {hosts: {m: {remote: /r}}}}"
"""The smallest inventory that is right."""


def write_files(folder: Path, files: Mapping[str, str]) -> Path:
    """Write ``files`` (texts by path) below ``folder``; what begins with ``#!`` becomes executable."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
        if text.lstrip().startswith("#!"):
            path.chmod(0o755)
    return folder


def printing(text: str) -> str:
    """Return a script that prints ``text`` whatever it is asked."""
    return f"#!/bin/sh\ncat <<'END'\n{text}\nEND\n"


def faults(folder: Path, *names: str) -> list[str]:
    """Return what is wrong with the inventories ``names`` in ``folder``, files named relative to that."""
    try:
        load(*(folder / name for name in names or ("jsync.yaml",)), environ=ENVIRON)
    except InventoryError as error:
        return [str(problem).replace(f"{folder}/", "").replace(str(folder), ".") for problem in error.problems]
    return []
