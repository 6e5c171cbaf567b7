from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from itertools import product

import pytest

from sync_core.model.errors import LocalProtocolError
from sync_core.protocol.session import step
from sync_core.protocol.states import CLIENT_TABLE, SERVER_TABLE, ClientMove, ClientState, ServerMove, ServerState

TABLES: list[tuple[Mapping[StrEnum, Mapping[StrEnum, StrEnum]], type[StrEnum], type[StrEnum], StrEnum, StrEnum]] = [
    (SERVER_TABLE, ServerState, ServerMove, ServerState.FRESH, ServerState.CLOSED),  # type: ignore[list-item]
    (CLIENT_TABLE, ClientState, ClientMove, ClientState.CONNECTED, ClientState.CLOSED),  # type: ignore[list-item]
]


@pytest.mark.parametrize(("table", "states", "moves", "start", "end"), TABLES)
def test_every_state_is_reachable_and_only_closed_is_final(
    table: Mapping[StrEnum, Mapping[StrEnum, StrEnum]],
    states: type[StrEnum],
    moves: type[StrEnum],
    start: StrEnum,
    end: StrEnum,
) -> None:
    reached, waiting = {start}, [start]
    while waiting:
        for following in table[waiting.pop()].values():
            if following not in reached:
                reached.add(following)
                waiting.append(following)
    assert reached == set(states) == set(table)
    assert [state for state in states if not table[state]] == [end]
    assert {move for row in table.values() for move in row} == set(moves)


def test_steps_follow_the_table_or_are_bugs() -> None:
    for state, move in product(ClientState, ClientMove):
        if move in CLIENT_TABLE[state]:
            assert step(CLIENT_TABLE, state, move) is CLIENT_TABLE[state][move]
        else:
            with pytest.raises(LocalProtocolError, match=f"a session that is '{state}' can't do '{move}'"):
                step(CLIENT_TABLE, state, move)
