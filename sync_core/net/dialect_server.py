"""The listening end of a conversation in our own dialect: drives a ``DialectServer`` and asks a handler for answers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Final, TypeAlias

from sync_core.model.errors import RemoteProtocolError
from sync_core.model.security import Level
from sync_core.net.workers import beside_loop
from sync_core.protocol.dialect.limits import MAX_FRAME_BYTES
from sync_core.protocol.dialect.messages import Request, Unknown
from sync_core.protocol.dialect.server import NEED_DATA, Asked, DialectServer

if TYPE_CHECKING:
    from sync_core.net.connection import Connection, ServerLimits

__all__ = ["AnswerRequest", "serve_dialect"]

_log = logging.getLogger(__name__)

_BLOCK_BYTES: Final = 1 << 16
_NO_TIMEOUT: Final = contextlib.nullcontext()

AnswerRequest: TypeAlias = "Callable[[Connection, DialectServer, Request], AsyncIterator[bytes]]"
"""Gives the answer to one request of one connection, write by write."""


async def serve_dialect(
    connection: Connection,
    received: bytes,
    reader: asyncio.StreamReader,
    _writer: asyncio.StreamWriter,
    *,
    handler: AnswerRequest,
    limits: ServerLimits,
) -> None:
    """Answer requests until the connection is over.

    Nothing is read while an answer is due, so how fast a peer takes its answers is how fast it is served.

    Args:
        connection: what handlers see of the peer.
        received: what came behind the preface already.
        reader: what comes next.
        _writer: the same stream's other half; answers go by ``Connection.send``, which counts them.
        handler: makes the answers.
        limits: what one connection may cost.

    Raises:
        TimeoutError: a request was begun and not completed in time, or the peer takes nothing of its answer.
        OSError: the connection broke.
    """
    may_ask_much = connection.level >= Level.NO_ADD
    session = DialectServer(max_request_bytes=MAX_FRAME_BYTES if may_ask_much else limits.request_bytes)
    if received:
        session.receive_data(received)
    try:
        while True:
            event = await beside_loop(session.next_event, size_bytes=session.unread_bytes)
            if isinstance(event, Asked):
                await _answer(connection, session, event.request, handler=handler)
            elif event is NEED_DATA:
                async with asyncio.timeout(limits.request_timeout_s) if session.is_partial else _NO_TIMEOUT:
                    block = await reader.read(_BLOCK_BYTES)
                if block:
                    session.receive_data(block)
                else:
                    session.receive_eof()
            else:
                return
    except RemoteProtocolError as error:
        _log.error("%s", error, extra={"prefix": connection.prefix})
    except OSError:
        raise
    except Exception:
        _log.exception("a request could not be answered", extra={"prefix": connection.prefix})


async def _answer(
    connection: Connection, session: DialectServer, request: Request | Unknown, *, handler: AnswerRequest
) -> None:
    if isinstance(request, Unknown):
        await connection.send((session.answer(request),))
        return
    try:
        async for data in handler(connection, session, request):
            await connection.send((data,))
    finally:
        connection.answer_permit.set(0)
