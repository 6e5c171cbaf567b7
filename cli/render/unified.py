"""Two contents of one file as a unified diff."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from cli.tables import Cell, Style, Styled

__all__ = ["colored", "unified"]

_MAX_SIZE_BYTES = 1024 * 1024
"""Comparing line by line takes time that grows with the square of the size; no configuration file is that long."""

_STYLES = {"+": Style.GOOD, "-": Style.BAD, "@": Style.FAINT}


def unified(old: bytes | None, new: bytes | None, *, old_name: str, new_name: str) -> list[str]:
    """Return the lines of a unified diff, without line breaks; ``None`` stands for no file.

    Args:
        old: the content before.
        new: the content after.
        old_name: stands behind ``---``.
        new_name: stands behind ``+++``.
    """
    if _is_binary(old) or _is_binary(new):
        return [f"Binary files {old_name} and {new_name} differ"]
    if max(len(old or b""), len(new or b"")) > _MAX_SIZE_BYTES:
        return [f"Files {old_name} and {new_name} differ, and are too large to be compared line by line"]
    lines = difflib.unified_diff(
        _lines(old),
        _lines(new),
        "/dev/null" if old is None else old_name,
        "/dev/null" if new is None else new_name,
        lineterm="\n",
    )
    return [part for line in lines for part in _marked(line)]


def colored(lines: list[str]) -> list[Cell]:
    """Return the lines with the colours that everybody knows."""
    styles = (_STYLES.get(line[:1]) for line in lines)
    return [line if style is None else Styled(line, style) for line, style in zip(lines, styles, strict=True)]


def _is_binary(content: bytes | None) -> bool:
    return content is not None and b"\0" in content


def _lines(content: bytes | None) -> list[str]:
    """Return the lines with their line breaks; bytes that are no UTF-8 are read as ISO-8859-1, as JobScheduler does."""
    if content is None:
        return []
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return [line + "\n" for line in text.split("\n")[:-1]] + ([last] if (last := text.rpartition("\n")[2]) else [])


def _marked(line: str) -> Iterator[str]:
    yield line.removesuffix("\n")
    if not line.endswith("\n"):
        yield "\\ No newline at end of file"
