"""The state machines of a conversation: both tables, and everything that moves along them.

A conversation is strictly one request, one answer (``protocol.md`` section 1.2, "no pipelining"), so each end has one
state. The end that listens is about framing: where a request begins, that its answer is due, and when the connection
is over. The end that connected is about order: nobody fetches before the registration was accepted (section 7.1). A
move that a table does not list is a mistake of the program that drives the session, and moves nothing.

``docs/protocol-classic.md`` shows the tables; a test keeps it in step.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

__all__ = ["CLIENT_TABLE", "SERVER_TABLE", "ClientMove", "ClientState", "ServerMove", "ServerState"]


class ServerState(StrEnum):
    """Where the end that listens stands."""

    FRESH = "fresh"
    IDLE = "idle"
    RECEIVING = "receiving"
    ANSWERING = "answering"
    LAST_ANSWER = "last answer"
    HTTP = "http"
    DIALECT = "dialect"
    CLOSED = "closed"


class ServerMove(StrEnum):
    """What happens to the end that listens."""

    BLANK = "nothing but blanks"
    PART = "part of a request"
    REQUEST = "end of a request"
    TOO_LONG = "too many bytes"
    HTTP = "upper-case letter"
    DIALECT = "preface of our own dialect"
    ANSWER = "answer sent"
    HANG_UP = "end of stream or Ctrl-D"


class ClientState(StrEnum):
    """Where the end that connected stands."""

    CONNECTED = "connected"
    ASKING = "asking"
    REGISTERING = "registering"
    REGISTERED = "registered"
    FETCHING = "fetching"
    REGISTERED_ASKING = "registered, asking"
    CLOSED = "closed"


class ClientMove(StrEnum):
    """What happens to the end that connected."""

    REGISTER = "register"
    FETCH = "fetch"
    ASK = "ask"
    ANSWER = "answer"
    ERROR = "ERROR answer"
    HANG_UP = "end of stream or nonsense"


_LISTENING: Mapping[ServerMove, ServerState] = {
    ServerMove.BLANK: ServerState.IDLE,
    ServerMove.PART: ServerState.RECEIVING,
    ServerMove.REQUEST: ServerState.ANSWERING,
    ServerMove.TOO_LONG: ServerState.LAST_ANSWER,
    ServerMove.HANG_UP: ServerState.CLOSED,
}

SERVER_TABLE: Mapping[ServerState, Mapping[ServerMove, ServerState]] = MappingProxyType(
    {
        ServerState.FRESH: {**_LISTENING, ServerMove.HTTP: ServerState.HTTP},
        ServerState.IDLE: {**_LISTENING, ServerMove.DIALECT: ServerState.DIALECT},
        ServerState.RECEIVING: _LISTENING,
        ServerState.ANSWERING: {ServerMove.ANSWER: ServerState.IDLE},
        ServerState.LAST_ANSWER: {ServerMove.ANSWER: ServerState.CLOSED},
        ServerState.HTTP: {ServerMove.HANG_UP: ServerState.CLOSED},
        ServerState.DIALECT: {ServerMove.HANG_UP: ServerState.CLOSED},
        ServerState.CLOSED: {},
    }
)


def _answered(good: ClientState, bad: ClientState) -> Mapping[ClientMove, ClientState]:
    """Return the row of a state in which an answer is due."""
    return {ClientMove.ANSWER: good, ClientMove.ERROR: bad, ClientMove.HANG_UP: ClientState.CLOSED}


CLIENT_TABLE: Mapping[ClientState, Mapping[ClientMove, ClientState]] = MappingProxyType(
    {
        ClientState.CONNECTED: {
            ClientMove.REGISTER: ClientState.REGISTERING,
            ClientMove.ASK: ClientState.ASKING,
            ClientMove.HANG_UP: ClientState.CLOSED,
        },
        ClientState.ASKING: _answered(ClientState.CONNECTED, ClientState.CONNECTED),
        ClientState.REGISTERING: _answered(ClientState.REGISTERED, ClientState.CONNECTED),
        ClientState.REGISTERED: {
            ClientMove.REGISTER: ClientState.REGISTERING,
            ClientMove.FETCH: ClientState.FETCHING,
            ClientMove.ASK: ClientState.REGISTERED_ASKING,
            ClientMove.HANG_UP: ClientState.CLOSED,
        },
        ClientState.FETCHING: _answered(ClientState.REGISTERED, ClientState.REGISTERED),
        ClientState.REGISTERED_ASKING: _answered(ClientState.REGISTERED, ClientState.REGISTERED),
        ClientState.CLOSED: {},
    }
)
