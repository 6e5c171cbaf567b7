"""Both tables of the dialect's sessions (``docs/protocol-dialect.md`` shows them; a test keeps it in step).

Requests may be sent before the answers to earlier ones are complete; they are answered one after the other, in order.
So the end that answers has one state, and that of the end that asks is about the oldest request without its answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

__all__ = ["CLIENT_TABLE", "SERVER_TABLE", "ClientMove", "ClientState", "ServerMove", "ServerState"]


class ServerState(StrEnum):
    """Where the end that answers stands."""

    IDLE = "idle"
    ANSWERING = "answering"
    LISTING = "listing"
    SENDING = "sending"
    CLOSED = "closed"


class ServerMove(StrEnum):
    """What happens to the end that answers."""

    REQUEST = "request"
    LISTING = "listing, not the last"
    ANNOUNCE = "answer that announces contents"
    PART = "contents, not the last"
    END = "end of an answer"
    HANG_UP = "end of stream or nonsense"


class ClientState(StrEnum):
    """Where the end that asks stands."""

    IDLE = "idle"
    WAITING = "waiting"
    LISTING = "listing"
    RECEIVING = "receiving"
    CLOSED = "closed"


class ClientMove(StrEnum):
    """What happens to the end that asks."""

    ASK = "request"
    LISTING = "listing, not the last"
    ANNOUNCE = "answer that announces contents"
    PART = "contents, not the last"
    END = "end of an answer, another is due"
    LAST_END = "end of the only answer due"
    HANG_UP = "end of stream or nonsense"


SERVER_TABLE: Mapping[ServerState, Mapping[ServerMove, ServerState]] = MappingProxyType(
    {
        ServerState.IDLE: {ServerMove.REQUEST: ServerState.ANSWERING, ServerMove.HANG_UP: ServerState.CLOSED},
        ServerState.ANSWERING: {
            ServerMove.LISTING: ServerState.LISTING,
            ServerMove.ANNOUNCE: ServerState.SENDING,
            ServerMove.END: ServerState.IDLE,
        },
        ServerState.LISTING: {ServerMove.LISTING: ServerState.LISTING, ServerMove.END: ServerState.IDLE},
        ServerState.SENDING: {ServerMove.PART: ServerState.SENDING, ServerMove.END: ServerState.IDLE},
        ServerState.CLOSED: {},
    }
)

_DUE: Mapping[ClientMove, ClientState] = {
    ClientMove.END: ClientState.WAITING,
    ClientMove.LAST_END: ClientState.IDLE,
    ClientMove.HANG_UP: ClientState.CLOSED,
}
"""Where an answer is due."""

CLIENT_TABLE: Mapping[ClientState, Mapping[ClientMove, ClientState]] = MappingProxyType(
    {
        ClientState.IDLE: {ClientMove.ASK: ClientState.WAITING, ClientMove.HANG_UP: ClientState.CLOSED},
        ClientState.WAITING: {
            ClientMove.ASK: ClientState.WAITING,
            ClientMove.LISTING: ClientState.LISTING,
            ClientMove.ANNOUNCE: ClientState.RECEIVING,
            **_DUE,
        },
        ClientState.LISTING: {
            ClientMove.ASK: ClientState.LISTING,
            ClientMove.LISTING: ClientState.LISTING,
            **_DUE,
        },
        ClientState.RECEIVING: {
            ClientMove.ASK: ClientState.RECEIVING,
            ClientMove.PART: ClientState.RECEIVING,
            **_DUE,
        },
        ClientState.CLOSED: {},
    }
)
