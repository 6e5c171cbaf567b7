"""Messages to and from MessagePack; what a type can't say is checked here (``docs/protocol-dialect.md``, Messages)."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Final, TypeVar

import msgspec

from sync_core.model.errors import RemoteProtocolError
from sync_core.protocol.dialect.frames import FrameKind, frame
from sync_core.protocol.dialect.limits import MAX_INLINE_BYTES, MAX_TEXT_CHARACTERS, MAX_WINDOW_BYTES
from sync_core.protocol.dialect.messages import (
    Answer,
    Bundle,
    Contents,
    Delta,
    FolderEdit,
    FolderPart,
    Folders,
    Listing,
    Request,
    Unknown,
)
from sync_core.protocol.dialect.names import check_names, path_of

__all__ = ["decode_answer", "decode_request", "message_frame", "request_digest"]

_encoder: Final = msgspec.msgpack.Encoder()
_requests: Final[msgspec.msgpack.Decoder[Request]] = msgspec.msgpack.Decoder(Request)
_answers: Final[msgspec.msgpack.Decoder[Answer]] = msgspec.msgpack.Decoder(Answer)


class _Tagged(msgspec.Struct):
    t: str


_tags: Final = msgspec.msgpack.Decoder(_Tagged)
_REQUEST_TAGS: Final = frozenset({"check", "folders", "contents", "look"})
_Decoded = TypeVar("_Decoded")


def message_frame(message: Request | Answer, *, compresses: bool = True) -> bytes:
    """Return a message as its frame; ``LocalProtocolError``: it is longer than a frame may be."""
    return frame(FrameKind.MESSAGE, _encoder.encode(message), compresses=compresses)


def request_digest(request: Request) -> bytes:
    """Return the SHA-256 of a request: short, however much it asks for."""
    return sha256(_encoder.encode(request)).digest()


def decode_request(payload: bytes) -> Request | Unknown:
    """Return what is asked; ``Unknown``, which is its answer, for a request of another version.

    ``RemoteProtocolError``: it makes no sense, or goes beyond a bound.
    """
    try:
        request = _decoded(_requests, payload)
    except RemoteProtocolError:
        what = _decoded(_tags, payload).t
        if what in _REQUEST_TAGS:
            raise
        return Unknown(what=what[:MAX_TEXT_CHARACTERS])
    match request:
        case Folders(folders=folders):
            for folder in folders:
                path_of(folder.path)
        case Contents(files=files):
            for file in files:
                path_of(file.path)
            _check_sum((file.length for file in files), MAX_WINDOW_BYTES)
    return request


def decode_answer(payload: bytes) -> Answer:
    """Return what is answered.

    ``RemoteProtocolError``: it makes no sense, goes beyond a bound, or is of another version.
    """
    answer = _decoded(_answers, payload)
    match answer:
        case Listing(parts=parts):
            for part in parts:
                _check_part(part)
        case Delta(edits=edits, inline=inline):
            for edit in edits:
                _check_part(edit)
                check_names(edit.gone)
            _check_sum((item.size for item in inline), MAX_INLINE_BYTES)
            files = sum(len(edit.files) for edit in edits)
            if any(item.file >= files for item in inline):
                raise RemoteProtocolError("a content rides along that belongs to no file")
        case Bundle(sizes=sizes):
            _check_sum((size for size in sizes if size > 0), MAX_WINDOW_BYTES)
    return answer


def _decoded(decoder: msgspec.msgpack.Decoder[_Decoded], payload: bytes) -> _Decoded:
    try:
        return decoder.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RemoteProtocolError(f"a message makes no sense: {error}") from error


def _check_part(part: FolderPart | FolderEdit) -> None:
    path_of(part.path)
    check_names([folder.name for folder in part.folders])
    check_names([file.name for file in part.files])
    for file in part.files:
        if file.sha256 is not None and (file.md5 is None or file.size is None):
            raise RemoteProtocolError(f"the file {file.name!r} has a SHA-256 and no md5 or size")


def _check_sum(sizes: Iterable[int], most_bytes: int) -> None:
    total = sum(sizes)
    if total > most_bytes:
        raise RemoteProtocolError(f"{total} bytes of contents are more than the {most_bytes} that one message may move")
