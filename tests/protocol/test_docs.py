"""The pages under ``docs`` say what the code does. A failing comparison shows the text that belongs there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import pytest

from sync_core.model.manifest import EMPTY_MANIFEST, Entry, Kind, Manifest, md5_of
from sync_core.model.path import RelPath
from sync_core.protocol.states import CLIENT_TABLE, SERVER_TABLE

DOCS = Path(__file__).parents[2] / "docs"
CLASSIC = (DOCS / "protocol-classic.md").read_text("utf-8")
DIGEST = (DOCS / "protocol-digest.md").read_text("utf-8")

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


JOB = md5_of(b"<job/>\n")
NOTHING = md5_of(b"")
ONE = [Entry(path=RelPath("a.job.xml"), md5=JOB, last_write_time=1412242215)]
MANY = [
    Entry(path=RelPath("a.txt"), md5=NOTHING, last_write_time=0),
    Entry(path=RelPath("a/z"), md5=JOB, last_write_time=1412242215),
    Entry(path=RelPath("empty"), kind=Kind.DIRECTORY),
    Entry(path=RelPath("with blank"), md5=JOB, last_write_time=253402300799),
    Entry(path=RelPath("b\udce4r"), md5=NOTHING, last_write_time=1),
    Entry(path=RelPath("unknown")),
]


@pytest.mark.parametrize("manifest", [EMPTY_MANIFEST, Manifest(ONE), Manifest(MANY), Manifest(reversed(MANY))])
def test_the_digest_page_has_the_vectors_of_the_code(manifest: Manifest) -> None:
    assert f"\n```\n{manifest.tree_md5}\n```\n" in DIGEST


def test_the_digest_page_shows_the_lines_that_are_hashed() -> None:
    """Compute the digests from the page alone, as another implementation would."""
    blocks = re.findall(r"```\n(.*?)\n```", DIGEST, re.DOTALL)
    lines = next(block for block in blocks if block.startswith("directory"))
    single = re.search(r"`(file [^`]*a\.job\.xml\\0)`", DIGEST)
    assert single is not None
    for text, manifest in ((lines, Manifest(MANY)), (single[1], Manifest(ONE))):
        raw = text.replace("\n", "").encode("ascii").decode("unicode_escape").encode("latin-1")
        assert md5_of(raw) == manifest.tree_md5
