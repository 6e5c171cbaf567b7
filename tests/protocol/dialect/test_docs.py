"""``docs/protocol-dialect.md`` says what the code does. A failing comparison shows the text that belongs there."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from sync_core.model.edit import folder_of
from sync_core.model.file import File, md5_of, sha256_of
from sync_core.model.folder import EMPTY_FOLDER
from sync_core.model.path import RelPath
from sync_core.protocol.dialect import limits
from sync_core.protocol.dialect.codec import decode_answer, decode_request, message_frame
from sync_core.protocol.dialect.delta import edits_to_wire
from sync_core.protocol.dialect.frames import FrameKind, FrameReader, content_frames
from sync_core.protocol.dialect.listing import listings
from sync_core.protocol.dialect.messages import (
    Answer,
    Bundle,
    Check,
    ContentAsked,
    Contents,
    Delta,
    Error,
    FolderAsked,
    Folders,
    Inline,
    Look,
    Request,
    Root,
    Same,
    Unknown,
)
from sync_core.protocol.dialect.preface import PREFACE
from sync_core.protocol.dialect.states import CLIENT_TABLE, SERVER_TABLE
from tests.support.tables import as_markdown

PAGE = (Path(__file__).parents[3] / "docs" / "protocol-dialect.md").read_text("utf-8")

CONTENT = b"<job/>\n"
JOB = File(
    md5=md5_of(CONTENT), sha256=sha256_of(CONTENT), size_bytes=len(CONTENT), last_write_time=1412242215, mode=0o644
)
BELOW = folder_of({"b\udce4r": File(is_settling=True)})
TREE = folder_of({"a.job.xml": JOB, "sub": BELOW})
(LISTING,) = listings(TREE, [FolderAsked(b"", TREE.digest, True)])
MESSAGES: dict[str, Request | Answer] = {
    "check": Check(known=EMPTY_FOLDER.digest, has=EMPTY_FOLDER.digest),
    "check of one who knows nothing": Check(),
    "same": Same(),
    "root": Root(digest=TREE.digest, files=2, folders=1, settling=1, unknown=1),
    "folders": Folders(folders=(FolderAsked(b"", TREE.digest, True), FolderAsked(b"sub", BELOW.digest))),
    "listing": LISTING,
    "delta": Delta(
        base=EMPTY_FOLDER.digest,
        to=TREE.digest,
        edits=edits_to_wire({RelPath("a.job.xml"): JOB, RelPath("old"): None, RelPath("sub"): EMPTY_FOLDER}),
        inline=(Inline(0, len(CONTENT)),),
    ),
    "contents": Contents(files=(ContentAsked(b"a.job.xml", sha256_of(CONTENT), 0, len(CONTENT)),)),
    "bundle": Bundle(sizes=(len(CONTENT), -1)),
    "look": Look(slave="web1"),
    "error": Error(code="moved", text="no tree was offered yet"),
    "unknown": Unknown(what="later"),
}


def written(name: str) -> bytes:
    found = re.search(rf"^{name}:\n\n```\n(.*?)\n```$", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None, name
    return bytes.fromhex(found[1].replace("\n", ""))


def hexed(data: bytes) -> str:
    return "\n".join(textwrap.wrap(data.hex(), 96))


@pytest.mark.parametrize(("name", "message"), MESSAGES.items(), ids=MESSAGES.keys())
def test_vectors_of_messages(name: str, message: Request | Answer) -> None:
    data = message_frame(message, compresses=False)
    assert hexed(written(f"`{name}`")) == hexed(data)
    reader = FrameReader()
    reader.feed(data)
    frame = reader.next_frame()
    assert frame is not None
    decode = decode_request if isinstance(message, Request) else decode_answer
    assert decode(frame.payload) == message


def test_vector_of_contents() -> None:
    assert hexed(written("Contents")) == hexed(content_frames(CONTENT))


def test_vector_of_compressed_contents() -> None:
    """Compressors differ in what they make; what comes out of it does not."""
    reader = FrameReader()
    reader.feed(written("The same content a hundred times, compressed"))
    assert reader.next_frame() == (FrameKind.CONTENT, CONTENT * 100)


def test_the_preface_is_the_codes() -> None:
    assert written("The preface") == PREFACE


def test_the_example_tree_is_the_codes() -> None:
    assert f"`{TREE.digest.hex()}`" in PAGE
    assert f"`{BELOW.digest.hex()}`" in PAGE


@pytest.mark.parametrize("name", limits.__all__)
def test_limits_are_the_codes(name: str) -> None:
    assert re.search(rf"^\| `{name}` \| {getattr(limits, name):,} \|", PAGE, re.MULTILINE) is not None


def block(name: str) -> str:
    found = re.search(rf"<!-- {name}[^>]*-->\n(.*?)\n?<!-- end -->", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_server_table_is_the_codes() -> None:
    assert block("server table") == as_markdown(SERVER_TABLE)


def test_the_client_table_is_the_codes() -> None:
    assert block("client table") == as_markdown(CLIENT_TABLE)
