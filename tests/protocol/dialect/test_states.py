from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import pytest

from sync_core.protocol.dialect.states import (
    CLIENT_TABLE,
    SERVER_TABLE,
    ClientMove,
    ClientState,
    ServerMove,
    ServerState,
)

TABLES: list[tuple[Mapping[StrEnum, Mapping[StrEnum, StrEnum]], type[StrEnum], type[StrEnum], StrEnum, StrEnum]] = [
    (SERVER_TABLE, ServerState, ServerMove, ServerState.IDLE, ServerState.CLOSED),  # type: ignore[list-item]
    (CLIENT_TABLE, ClientState, ClientMove, ClientState.IDLE, ClientState.CLOSED),  # type: ignore[list-item]
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
