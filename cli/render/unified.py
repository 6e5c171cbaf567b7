"""Two contents of one file as a unified diff."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from cli.tables import Cell, Style, Styled
from sync_core.model.file import md5_of
from sync_core.model.limits import MAX_SHOWN_BYTES

__all__ = ["colored", "side", "too_large", "unified"]

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
        return [f"Binary files {_side(old, old_name)} and {_side(new, new_name)} differ"]
    if max(len(old or b""), len(new or b"")) > MAX_SHOWN_BYTES:
        return [too_large(_side(old, old_name), _side(new, new_name))]
    lines = difflib.unified_diff(
        _lines(old),
        _lines(new),
        "/dev/null" if old is None else old_name,
        "/dev/null" if new is None else new_name,
        lineterm="\n",
    )
    return [part for line in lines for part in _marked(line)]


def too_large(old: str, new: str) -> str:
    """Return what is said of two files whose lines are not compared; both come from ``side``."""
    return f"Files {old} and {new} differ, and are too large to be compared line by line"


def side(name: str, size_bytes: int | None, md5: str | None) -> str:
    """Return a file that is not shown: its name, size and md5, as far as they are known."""
    words = (f"{size_bytes} bytes" if size_bytes is not None else None, f"md5 {md5}" if md5 is not None else None)
    known = ", ".join(word for word in words if word)
    return f"{name} ({known})" if known else name


def colored(lines: list[str]) -> list[Cell]:
    """Return the lines with the colours that everybody knows."""
    styles = (_STYLES.get(line[:1]) for line in lines)
    return [line if style is None else Styled(line, style) for line, style in zip(lines, styles, strict=True)]


def _side(content: bytes | None, name: str) -> str:
    return "/dev/null" if content is None else side(name, len(content), md5_of(content))


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
