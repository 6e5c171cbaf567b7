"""What every end of a conversation has, classic or in our own dialect: a table, a state, and an end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Generic, TypeVar

from sync_core.model.errors import LocalProtocolError, RemoteProtocolError
from sync_core.protocol.events import NEED_DATA

__all__ = ["Session", "step"]

_State = TypeVar("_State", bound=StrEnum)
_Move = TypeVar("_Move", bound=StrEnum)
_Event = TypeVar("_Event")


def step(table: Mapping[_State, Mapping[_Move, _State]], state: _State, move: _Move) -> _State:
    """Return the state after ``move``; ``LocalProtocolError``: the table does not allow it in this state."""
    following = table[state].get(move)
    if following is None:
        raise LocalProtocolError(f"a session that is '{state}' can't do '{move}'")
    return following


class Session(Generic[_State, _Move]):
    """One end of a conversation.

    Args:
        table: where each move leads from each state; a state without moves is the end. A move that it does not list is
            a mistake of the program that drives the session, and moves nothing.
        start: the first state.
        hang_up: the move of a peer that says no more, or nonsense.
    """

    def __init__(self, table: Mapping[_State, Mapping[_Move, _State]], start: _State, *, hang_up: _Move) -> None:
        self._table = table
        self._state = start
        self._hang_up = hang_up
        self._is_eof = False

    @property
    def state(self) -> _State:
        """Where the conversation stands."""
        return self._state

    def receive_eof(self) -> None:
        """Note that the peer will send nothing more; what it sent before still counts."""
        self._is_eof = True

    def _check_receiving(self, *, is_taking: bool = True) -> None:
        if self._is_eof or not is_taking or not self._table[self._state]:
            raise LocalProtocolError(f"a session that is '{self._state}' takes no more bytes")

    def _move(self, move: _Move) -> None:
        self._state = step(self._table, self._state, move)

    def _next_or_end(self, next_event: Callable[[], _Event]) -> _Event | None:
        """Return what ``next_event`` finds in what was received; ``None``: the session is over."""
        if not self._table[self._state]:
            return None
        try:
            event = next_event()
        except RemoteProtocolError:
            self._move(self._hang_up)
            raise
        if event is NEED_DATA and self._is_eof:
            self._move(self._hang_up)
            return None
        return event
