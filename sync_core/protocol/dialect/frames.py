"""Frames: a length, a kind, a payload, compressed where that pays (``docs/protocol-dialect.md``, Frames)."""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final, NamedTuple

import zstandard

from sync_core.model.errors import LocalProtocolError, RemoteProtocolError
from sync_core.protocol.dialect.limits import MAX_FRAME_BYTES

__all__ = ["HEAD_BYTES", "Frame", "FrameKind", "FrameReader", "content_frames", "frame"]

_HEAD: Final = struct.Struct(">IB")
HEAD_BYTES: Final = _HEAD.size

_COMPRESSED: Final = 0x80
_WORTH_BYTES: Final = 512
"""Below this the heads of a compressed frame eat what it saves."""
_SAMPLE_BYTES: Final = 1 << 15
_LEVEL: Final = 1
_MAX_WINDOW_BYTES: Final = 1 << 23
"""What RFC 8878 asks every decoder to take; no more is ever set aside for a peer."""


class FrameKind(IntEnum):
    """What a payload is."""

    MESSAGE = 1
    CONTENT = 2


class Frame(NamedTuple):
    """A whole message, or some bytes of contents: a frame of contents that is not compressed comes as it is read."""

    kind: FrameKind
    payload: bytes


def frame(kind: FrameKind, payload: bytes, *, compresses: bool = True) -> bytes:
    """Return one frame; ``compresses``: it may be compressed, where that saves more than a tenth.

    ``LocalProtocolError``: the payload is empty, or too much for one frame.
    """
    return b"".join(_parts(kind, payload, compresses=compresses))


def content_frames(content: bytes, *, head: bytes = b"", compresses: bool = True) -> bytes:
    """Return contents, of one file or of many one behind the other, in as few frames as may be, behind ``head``."""
    parts = [head]
    for at in range(0, len(content), MAX_FRAME_BYTES):
        parts += _parts(FrameKind.CONTENT, content[at : at + MAX_FRAME_BYTES], compresses=compresses)
    return b"".join(parts)


def _parts(kind: FrameKind, payload: bytes, *, compresses: bool) -> tuple[bytes, bytes]:
    """Return a frame's head and what follows it: a window of contents is copied once, when it is put together."""
    if not 0 < len(payload) <= MAX_FRAME_BYTES:
        raise LocalProtocolError(f"a frame can't carry {len(payload)} bytes")
    if compresses and len(payload) >= _WORTH_BYTES:
        smaller = _compressed(payload)
        if smaller is not None:
            return _HEAD.pack(len(smaller), kind | _COMPRESSED), smaller
    return _HEAD.pack(len(payload), kind), payload


class FrameReader:
    """Cuts what was received into frames; holds at most one frame and the last block.

    A block that is contents as they are is handed on as it is: most of a large file is not copied here.

    Args:
        max_bytes: of a frame, compressed or not.
    """

    def __init__(self, *, max_bytes: int = MAX_FRAME_BYTES) -> None:
        self._max_bytes = max_bytes
        self._unread: bytes | bytearray = b""
        self._raw_bytes = 0  # of a frame of contents that has begun

    @property
    def unread_bytes(self) -> int:
        """What was received and not given out."""
        return len(self._unread)

    def feed(self, block: bytes) -> None:
        """Store what was received; call ``next_frame`` next."""
        if not self._unread:
            self._unread = block
            return
        self._drop(0)
        self._unread += block

    def next_frame(self) -> Frame | None:
        """Return the next message, or the next contents, or ``None`` if more bytes are needed.

        ``RemoteProtocolError``: the frame is of no known kind, empty, too long, or not what a compressor made.
        """
        if self._raw_bytes:
            return self._next_raw()
        if len(self._unread) < HEAD_BYTES:
            return None
        length, code = _HEAD.unpack_from(self._unread)
        kind = _KINDS.get(code & ~_COMPRESSED)
        if kind is None:
            raise RemoteProtocolError(f"a frame is of the unknown kind {code}")
        if not 0 < length <= self._max_bytes:
            raise RemoteProtocolError(f"a frame says that it has {length} bytes")
        if code == FrameKind.CONTENT:
            self._drop(HEAD_BYTES)
            self._raw_bytes = length
            return self._next_raw()
        if len(self._unread) < HEAD_BYTES + length:
            return None
        self._drop(HEAD_BYTES)
        payload = self._take(length)
        return Frame(kind, _expanded(payload, self._max_bytes) if code & _COMPRESSED else payload)

    def _next_raw(self) -> Frame | None:
        if not self._unread:
            return None
        payload = self._take(min(self._raw_bytes, len(self._unread)))
        self._raw_bytes -= len(payload)
        return Frame(FrameKind.CONTENT, payload)

    def _take(self, length: int) -> bytes:
        if length == len(self._unread):
            taken, self._unread = bytes(self._unread), b""
            return taken
        with memoryview(self._unread) as view:
            taken = bytes(view[:length])
        self._drop(length)
        return taken

    def _drop(self, length: int) -> None:
        """Forget what was taken; a bytearray is the cheaper to cut, and to add to, however often."""
        if isinstance(self._unread, bytes):
            self._unread = bytearray(self._unread)
        del self._unread[:length]


_KINDS: Final = {kind.value: kind for kind in FrameKind}


def _compressed(payload: bytes) -> bytes | None:
    """Return ``payload`` compressed if that saves more than a tenth; a long one is judged by its middle first."""
    if len(payload) > 4 * _SAMPLE_BYTES:
        middle = (len(payload) - _SAMPLE_BYTES) // 2
        if not _pays(payload[middle : middle + _SAMPLE_BYTES]):
            return None
    smaller = zstandard.ZstdCompressor(level=_LEVEL).compress(payload)
    return smaller if 10 * len(smaller) < 9 * len(payload) else None


def _pays(sample: bytes) -> bool:
    return 10 * len(zstandard.ZstdCompressor(level=_LEVEL).compress(sample)) < 9 * len(sample)


def _expanded(payload: bytes, max_bytes: int) -> bytes:
    """Return what was compressed, one zstd frame. Its own word on its size is only taken if it is within bounds."""
    try:
        if zstandard.frame_content_size(payload) > max_bytes:
            raise RemoteProtocolError("a compressed frame says that it has more bytes than a frame may have")
        expander = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES)
        expanded = expander.decompress(payload, max_output_size=max_bytes, allow_extra_data=False)
    except (zstandard.ZstdError, MemoryError, ValueError) as error:
        raise RemoteProtocolError(f"a compressed frame can't be expanded: {error}") from error
    if not expanded:
        raise RemoteProtocolError("a compressed frame has nothing in it")
    return expanded
