"""Text that is safe to print: other people's data never steers a terminal."""

from __future__ import annotations

__all__ = ["printable"]


def printable(text: str) -> str:
    r"""Return ``text`` with everything that is no visible character or blank written as an escape.

    Control characters, line breaks, direction marks and bytes that are no UTF-8 (surrogates, as file names give
    them) become ``\x1b``, ``\n``, ``\u202e``, ``\xff``.
    """
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escape(character) for character in text)


def _escape(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that the file system gave and that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
