"""Where a document ends: the original's scanner for requests, and the reader of answers (``protocol.md`` section 1).

The scanner counts tags without understanding XML, and its mistakes are part of the protocol: real peers avoid what
it miscounts, and a request that it ends too early has always been answered with an error. It leaps from mark to
mark, so that large lists cost little.
"""

from __future__ import annotations

import re
from enum import Enum, auto

from sync_core.model.errors import RemoteProtocolError
from sync_core.protocol.texts import one_line

__all__ = ["BLANKS", "AnswerReader", "RequestScanner", "answer_too_long"]

BLANKS = b" \t\r\n\0"
"""What may stand before and behind a document and means nothing there."""


_TAGS = re.compile(rb"(?:<[A-Za-z][^<>]*(?<=/)>)+|<[^>]*(?:>|\Z)")
"""Empty elements without anything in between, as nearly all of a list is; else one tag, or what has come of it."""
_SLASH, _CLOSE = b"/>"


class _Place(Enum):
    TEXT = auto()
    TAG_OPEN = auto()
    TAG = auto()
    AFTER_TAG = auto()
    COMMENT = auto()


class _Tag(Enum):
    START = auto()
    END = auto()
    SPECIAL = auto()


class RequestScanner:
    """Finds the end of one document in a stream that comes in blocks (section 1.2, rules 1 to 6)."""

    def __init__(self) -> None:
        self._is_xml: bool | None = None
        self._place = _Place.TEXT
        self._tag = _Tag.SPECIAL
        self._depth = 0
        self._tail = b""  # the last bytes seen in this place, as far as the next mark needs them

    def feed(self, block: bytes) -> int | None:
        """Look at the next block.

        Returns:
            How many of its bytes belong to the document if that ends in it, else ``None``. Once the end has been found
            the scanner is used up.
        """
        if self._is_xml is None and block:
            self._is_xml = block[:1] == b"<"
        if b"\0" not in block:
            return self._scan(block)
        end = self._scan(block.replace(b"\0", b""))
        return None if end is None else _position_with_nuls(block, end)

    def _scan(self, block: bytes) -> int | None:
        position = 0
        while position < len(block):
            position, is_complete = self._step(block, position)
            if is_complete:
                return position
        return None

    def _step(self, block: bytes, start: int) -> tuple[int, bool]:
        """Go on to the next mark; return the position behind it, and whether the document ends there."""
        match self._place:
            case _Place.TEXT:
                return self._text(block, start)
            case _Place.TAG_OPEN:
                return self._tag_open(block, start), False
            case _Place.TAG:
                return self._in_tag(block, start)
            case _Place.AFTER_TAG:
                return self._after_tag(block, start), False
            case _Place.COMMENT:
                return self._comment(block, start), False

    def _text(self, block: bytes, start: int) -> tuple[int, bool]:
        found = block.find(b"<", start)
        if not self._is_xml:
            newline = block.find(b"\n", start, len(block) if found < 0 else found)
            if newline >= 0:
                return newline + 1, True
        if found < 0:
            return len(block), False
        if self._depth > 0 and self._is_xml and found < (reached := self._leap(block, found)):
            self._place, self._tail = _Place.AFTER_TAG, b""
            return reached, False
        self._place = _Place.TAG_OPEN
        return found + 1, False

    def _leap(self, block: bytes, start: int) -> int:
        """Pass over whole tags, up to one that ends the document or may have a comment behind it; return its end."""
        depth, reached = self._depth, start
        for tag in _TAGS.finditer(block, start):
            begin, end = tag.span()
            if block[end - 1] != _CLOSE or (depth == 1 and block[begin + 1] == _SLASH):
                break
            if block[begin + 1] == _SLASH:
                depth -= 1
            elif block[end - 2] != _SLASH and block[begin + 1 : begin + 2].isalpha():
                depth += 1
            reached = end
            if block[end : end + 1] == b"!" and b"!--".startswith(block[end : end + 3]):
                break
        self._depth = depth
        return reached

    def _tag_open(self, block: bytes, start: int) -> int:
        byte = block[start : start + 1]
        self._tag = _Tag.END if byte == b"/" else _Tag.START if byte.isalpha() else _Tag.SPECIAL
        self._place = _Place.TAG
        return start if byte == b">" else start + 1  # "<>" ends at once: the ">" must be looked at again

    def _in_tag(self, block: bytes, start: int) -> tuple[int, bool]:
        found = block.find(b">", start)
        end = len(block) if found < 0 else found
        before = block[end - 1 : end] if end > start else self._tail
        if found < 0:
            self._tail = before
            return end, False
        self._place, self._tail = _Place.AFTER_TAG, b""
        return end + 1, self._close_tag(is_empty=before == b"/")

    def _close_tag(self, *, is_empty: bool) -> bool:
        """Count the tag that ends here; return whether the document ends with it."""
        match self._tag:
            case _Tag.START if is_empty:
                return self._depth == 0
            case _Tag.START:
                self._depth += 1
            case _Tag.END:
                self._depth -= 1
                return self._depth == 0
            case _Tag.SPECIAL:
                pass
        return False

    def _after_tag(self, block: bytes, start: int) -> int:
        """Fall into the trap of rule 6: ``!--`` right behind a tag is mistaken for the start of a comment."""
        seen = self._tail + block[start : start + 1]
        if not b"!--".startswith(seen):
            self._place, self._tail = _Place.TEXT, b""
            return start
        self._place, self._tail = (_Place.COMMENT, b"") if seen == b"!--" else (_Place.AFTER_TAG, seen)
        return start + 1

    def _comment(self, block: bytes, start: int) -> int:
        seen = self._tail + block[start:]
        found = seen.find(b"-->")
        if found < 0:
            self._tail = seen[-2:]
            return len(block)
        end = start + found + len(b"-->") - len(self._tail)
        self._place, self._tail = _Place.TEXT, b""
        return end


def _position_with_nuls(block: bytes, end: int) -> int:
    """Return the position in ``block`` behind its ``end``-th byte that is no NUL."""
    position = 0
    for _ in range(end):
        while block[position] == 0:
            position += 1
        position += 1
    return position


def answer_too_long(most_bytes: int) -> RemoteProtocolError:
    """Return the error for an answer of more than ``most_bytes``; a real master has no other way to say so much."""
    return RemoteProtocolError(
        f"the answer is longer than {most_bytes} bytes: copy the files once by other means, times included "
        "(rsync -t), and only what differs will come"
    )


class AnswerReader:
    """Collects the bytes of answers and cuts them into documents (section 1.3).

    A NUL ends an answer. Where a peer leaves it out, the end of the root element does; a NUL or newline that comes
    later stands before the next answer and is passed over there.

    Args:
        max_bytes: most bytes that one answer may have.
    """

    def __init__(self, *, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._document = bytearray()
        self._scanner = RequestScanner()
        self._unread = b""

    @property
    def unread_bytes(self) -> int:
        """How many bytes have come since the last whole answer."""
        return len(self._document) + len(self._unread)

    def feed(self, block: bytes) -> None:
        """Store what was received; call ``next_document`` next."""
        self._unread += block

    def skip_blanks(self) -> bytes:
        """Pass over what means nothing between two answers; return what has come that is not blank."""
        if not self._document:
            self._unread = self._unread.lstrip(BLANKS)
        return self._unread

    def next_document(self) -> bytes | None:
        """Return the next whole answer without its NUL, or ``None`` if more bytes are needed.

        Raises:
            RemoteProtocolError: the answer is longer than ``max_bytes``, or it does not begin as XML does.
        """
        block = self.skip_blanks()
        if not block:
            return None
        if not self._document and block[:1] != b"<":
            raise RemoteProtocolError(f"the answer is no XML: '{one_line(block[:40].decode('latin-1'))}'")
        nul = block.find(b"\0")
        scanned = block if nul < 0 else block[:nul]
        end = self._scanner.feed(scanned)
        taken = len(scanned) if end is None else end
        if len(self._document) + taken > self._max_bytes:
            raise answer_too_long(self._max_bytes)
        self._document += scanned[:taken]
        self._unread = block[taken:]
        if end is None and nul < 0:
            return None
        document = bytes(self._document)
        self._document, self._scanner = bytearray(), RequestScanner()
        return document
