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
from typing import TypeVar

from sync_core.model.errors import LocalProtocolError

__all__ = ["CLIENT_TABLE", "SERVER_TABLE", "ClientMove", "ClientState", "ServerMove", "ServerState", "step"]


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


SERVER_TABLE: Mapping[ServerState, Mapping[ServerMove, ServerState]] = MappingProxyType(
    {
        ServerState.FRESH: {
            ServerMove.BLANK: ServerState.IDLE,
            ServerMove.PART: ServerState.RECEIVING,
            ServerMove.REQUEST: ServerState.ANSWERING,
            ServerMove.TOO_LONG: ServerState.LAST_ANSWER,
            ServerMove.HTTP: ServerState.HTTP,
            ServerMove.HANG_UP: ServerState.CLOSED,
        },
        ServerState.IDLE: {
            ServerMove.BLANK: ServerState.IDLE,
            ServerMove.PART: ServerState.RECEIVING,
            ServerMove.REQUEST: ServerState.ANSWERING,
            ServerMove.TOO_LONG: ServerState.LAST_ANSWER,
            ServerMove.DIALECT: ServerState.DIALECT,
            ServerMove.HANG_UP: ServerState.CLOSED,
        },
        ServerState.RECEIVING: {
            ServerMove.BLANK: ServerState.IDLE,
            ServerMove.PART: ServerState.RECEIVING,
            ServerMove.REQUEST: ServerState.ANSWERING,
            ServerMove.TOO_LONG: ServerState.LAST_ANSWER,
            ServerMove.HANG_UP: ServerState.CLOSED,
        },
        ServerState.ANSWERING: {
            ServerMove.ANSWER: ServerState.IDLE,
        },
        ServerState.LAST_ANSWER: {
            ServerMove.ANSWER: ServerState.CLOSED,
        },
        ServerState.HTTP: {
            ServerMove.HANG_UP: ServerState.CLOSED,
        },
        ServerState.DIALECT: {
            ServerMove.HANG_UP: ServerState.CLOSED,
        },
        ServerState.CLOSED: {},
    }
)

CLIENT_TABLE: Mapping[ClientState, Mapping[ClientMove, ClientState]] = MappingProxyType(
    {
        ClientState.CONNECTED: {
            ClientMove.REGISTER: ClientState.REGISTERING,
            ClientMove.ASK: ClientState.ASKING,
            ClientMove.HANG_UP: ClientState.CLOSED,
        },
        ClientState.ASKING: {
            ClientMove.ANSWER: ClientState.CONNECTED,
            ClientMove.ERROR: ClientState.CONNECTED,
            ClientMove.HANG_UP: ClientState.CLOSED,
        },
        ClientState.REGISTERING: {
            ClientMove.ANSWER: ClientState.REGISTERED,
            ClientMove.ERROR: ClientState.CONNECTED,
            ClientMove.HANG_UP: ClientState.CLOSED,
        },
        ClientState.REGISTERED: {
            ClientMove.REGISTER: ClientState.REGISTERING,
            ClientMove.FETCH: ClientState.FETCHING,
            ClientMove.ASK: ClientState.REGISTERED_ASKING,
            ClientMove.HANG_UP: ClientState.CLOSED,
        },
        ClientState.FETCHING: {
            ClientMove.ANSWER: ClientState.REGISTERED,
            ClientMove.ERROR: ClientState.REGISTERED,
            ClientMove.HANG_UP: ClientState.CLOSED,
        },
        ClientState.REGISTERED_ASKING: {
            ClientMove.ANSWER: ClientState.REGISTERED,
            ClientMove.ERROR: ClientState.REGISTERED,
            ClientMove.HANG_UP: ClientState.CLOSED,
        },
        ClientState.CLOSED: {},
    }
)

_State = TypeVar("_State", bound=StrEnum)
_Move = TypeVar("_Move", bound=StrEnum)


def step(table: Mapping[_State, Mapping[_Move, _State]], state: _State, move: _Move) -> _State:
    """Return the state after ``move``.

    Raises:
        LocalProtocolError: the table does not allow the move in this state.
    """
    following = table[state].get(move)
    if following is None:
        raise LocalProtocolError(f"a session that is '{state}' can't do '{move}'")
    return following
