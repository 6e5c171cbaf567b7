"""The pages under ``docs`` say what the code does. A failing comparison shows the text that belongs there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from sync_core.protocol.states import CLIENT_TABLE, SERVER_TABLE

DOCS = Path(__file__).parents[2] / "docs"
CLASSIC = (DOCS / "protocol-classic.md").read_text("utf-8")

_State = TypeVar("_State", bound=StrEnum)
_Move = TypeVar("_Move", bound=StrEnum)


def as_markdown(table: Mapping[_State, Mapping[_Move, _State]]) -> str:
    lines = ["| in this state | this | leads to |", "|---|---|---|"]
    for state, row in table.items():
        lines += [f"| {state} | {move} | {following} |" for move, following in row.items()]
        lines += [] if row else [f"| {state} | | |"]
    return "\n".join(lines)


def block(name: str) -> str:
    found = re.search(rf"<!-- {name}[^>]*-->\n(.*?)\n?<!-- end -->", CLASSIC, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_server_table_is_the_codes() -> None:
    assert block("server table") == as_markdown(SERVER_TABLE)


def test_the_client_table_is_the_codes() -> None:
    assert block("client table") == as_markdown(CLIENT_TABLE)
