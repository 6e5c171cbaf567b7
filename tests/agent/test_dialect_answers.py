"""What is answered in our own dialect, over a real connection."""

from __future__ import annotations

import asyncio
import random

import pytest

from sync_core.model.errors import FileTroubleError
from sync_core.model.file import sha256_of
from sync_core.model.folder import EMPTY_FOLDER, Folder
from sync_core.model.security import Level
from sync_core.net.dialect_client import AnswerPart
from sync_core.protocol.dialect.client import Answered, ContentReceived
from sync_core.protocol.dialect.messages import (
    MOVED,
    Answer,
    Bundle,
    Check,
    ContentAsked,
    Contents,
    Delta,
    Error,
    FolderAsked,
    Folders,
    Listing,
    Look,
    Root,
    Same,
)
from tests.support.folders import folder_at
from tests.support.net import eventually, run
from tests.support.offering import OfferingAgent, asked


def answer_of(parts: list[AnswerPart]) -> Answer:
    """Return the only message."""
    (answer,) = [part.answer for part in parts if isinstance(part, Answered)]
    return answer


def contents_of(parts: list[AnswerPart]) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for part in parts:
        if isinstance(part, ContentReceived):
            found[part.index] = found.get(part.index, b"") + part.data
    return found


def a_piece(path: str, content: bytes, offset: int = 0, length: int | None = None) -> ContentAsked:
    return ContentAsked(path.encode(), sha256_of(content), offset, len(content) - offset if length is None else length)


def test_who_has_the_newest_tree_hears_that_in_a_word() -> None:
    async def go() -> None:
        async with OfferingAgent({"a": b"1"}).running() as agent, agent.connected() as connection:
            digest = agent.tree.digest
            parts = await asked(connection, Check(known=digest, has=digest))
            assert answer_of(parts) == Same()
            assert agent.has == [digest]

    run(go())


def test_what_leads_on_comes_with_small_contents_and_nothing_else() -> None:
    small, large = b"small", b"l" * ((1 << 16) + 1)

    async def go() -> None:
        async with OfferingAgent({"a": b"1", "d/b": b"2"}).running() as agent, agent.connected() as connection:
            before = agent.tree
            await asked(connection, Check(known=before.digest))
            after = agent.offer({"a": b"1", "d/b": small, "large": large})
            parts = await asked(connection, Check(known=before.digest))
            answer = answer_of(parts)
            assert isinstance(answer, Delta)
            assert (answer.base, answer.to) == (before.digest, after.digest)
            assert [[file.name for file in edit.files] for edit in answer.edits] == [[b"large"], [b"b"]]
            assert contents_of(parts) == {0: small}

    run(go())


def test_a_content_that_cannot_be_had_now_does_not_ride_along() -> None:
    async def go() -> None:
        async with OfferingAgent({"a": b"1"}).running() as agent, agent.connected() as connection:
            before = agent.tree
            await asked(connection, Check(known=before.digest))
            agent.offer({"a": b"changed", "b": b"2"})
            agent.withhold(b"changed")
            parts = await asked(connection, Check(known=before.digest))
            answer = answer_of(parts)
            assert isinstance(answer, Delta)
            assert [item.file for item in answer.inline] == [1]
            assert list(contents_of(parts).values()) == [b"2"]

    run(go())


@pytest.mark.parametrize("known", [None, bytes(32)])
def test_who_knows_no_tree_that_is_known_here_is_told_of_the_root(known: bytes | None) -> None:
    async def go() -> None:
        async with OfferingAgent({"a": b"1", "d/b": b"2"}).running() as agent, agent.connected() as connection:
            root = answer_of(await asked(connection, Check(known=known)))
            assert root == Root(digest=agent.tree.digest, files=2, folders=1)

    run(go())


def test_folders_are_listed_by_path_and_digest_of_what_was_offered_last() -> None:
    async def go() -> None:
        async with OfferingAgent({"a": b"1", "d/e/b": b"2"}).running() as agent, agent.connected() as connection:
            tree = agent.tree
            wanted = FolderAsked(b"d", folder_at(tree, "d").digest, deep=True)
            assert answer_of(await asked(connection, Folders(folders=(wanted,)))) == Error(code=MOVED)
            await asked(connection, Check())
            answer = answer_of(await asked(connection, Folders(folders=(wanted, FolderAsked(b"d", bytes(32))))))
            assert isinstance(answer, Listing)
            assert [(part.path, part.gone) for part in answer.parts] == [(b"d", False), (b"d/e", False), (b"d", True)]
            assert [file.name for file in answer.parts[1].files] == [b"b"]
            agent.offer({"a": b"2"})  # what is offered on a connection stays until it asks what is new
            again = answer_of(await asked(connection, Folders(folders=(wanted,))))
            assert isinstance(again, Listing)
            assert not again.parts[0].gone

    run(go())


def test_contents_come_by_path_and_digest_whole_or_in_pieces() -> None:
    async def go() -> None:
        async with OfferingAgent({"a": b"0123456789", "b": b""}).running() as agent, agent.connected() as connection:
            request = Contents(files=(a_piece("a", b"0123456789", 3, 4), a_piece("b", b"")))
            assert answer_of(await asked(connection, request)) == Error(code=MOVED)
            await asked(connection, Check())
            parts = await asked(connection, request)
            assert answer_of(parts) == Bundle(sizes=(4, 0))
            assert contents_of(parts) == {0: b"3456", 1: b""}

    run(go())


def test_what_is_not_what_was_offered_cannot_be_had() -> None:
    async def go() -> None:
        async with OfferingAgent({"a": b"1", "b": b"2"}).running() as agent, agent.connected() as connection:
            await asked(connection, Check())
            agent.withhold(b"1")
            beyond = a_piece("b", b"2", 0, 2)
            request = Contents(files=(a_piece("a", b"1"), a_piece("b", b"2"), a_piece("b", b"other"), beyond))
            parts = await asked(connection, request)
            assert answer_of(parts) == Bundle(sizes=(-1, 1, -1, -1))
            assert contents_of(parts) == {1: b"2"}

    run(go())


def test_what_can_be_had_again_is_not_refused_for_ever() -> None:
    async def go() -> None:
        async with OfferingAgent({"a": b"1"}).running() as agent, agent.connected() as connection:
            await asked(connection, Check())
            agent.withhold(b"1")
            request = Contents(files=(a_piece("a", b"1"),))
            assert answer_of(await asked(connection, request)) == Bundle(sizes=(-1,))
            agent.contents[sha256_of(b"1")] = b"1"
            assert answer_of(await asked(connection, request)) == Bundle(sizes=(1,))

    run(go())


def test_what_many_ask_for_is_read_once() -> None:
    async def go() -> None:
        async with OfferingAgent({"a": b"1" * 1000, "b": b"2"}).running() as agent:

            async def one() -> dict[int, bytes]:
                async with agent.connected() as connection:
                    await asked(connection, Check())
                    files = (a_piece("a", b"1" * 1000), a_piece("b", b"2"))
                    return contents_of(await asked(connection, Contents(files=files)))

            found = await asyncio.gather(*(one() for _ in range(10)))
            assert found == [{0: b"1" * 1000, 1: b"2"}] * 10
            assert sorted(agent.reads) == [("a", 0), ("b", 0)]

    run(go())


def test_who_may_only_look_sees_the_tree_and_no_content() -> None:
    async def go() -> None:
        async with OfferingAgent({"a": b"1"}, level=Level.INFO).running() as agent, agent.connected() as connection:
            root = answer_of(await asked(connection, Look(slave="s")))
            assert isinstance(root, Root)
            listing = answer_of(await asked(connection, Folders(folders=(FolderAsked(b"", agent.tree.digest),))))
            assert isinstance(listing, Listing)
            refused = answer_of(await asked(connection, Contents(files=(a_piece("a", b"1"),))))
            assert isinstance(refused, Error)
            assert refused.code == "SCHEDULER-121"
            assert agent.reads == []

    run(go())


def test_who_looks_and_may_register_gets_contents_too() -> None:
    async def go() -> None:
        async with OfferingAgent({"a": b"1"}, level=Level.NO_ADD).running() as agent, agent.connected() as connection:
            await asked(connection, Look())
            assert contents_of(await asked(connection, Contents(files=(a_piece("a", b"1"),)))) == {0: b"1"}

    run(go())


def test_an_error_is_told_and_the_connection_stays() -> None:
    async def go() -> None:
        async with OfferingAgent({"a": b"1"}).running() as agent, agent.connected() as connection:
            agent.refusal = FileTroubleError("it can't be read")
            for request in (Check(), Look()):
                told = answer_of(await asked(connection, request))
                assert isinstance(told, Error)
                assert told.text.endswith("it can't be read")
            agent.refusal = None
            assert isinstance(answer_of(await asked(connection, Check())), Root)

    run(go())


def test_an_empty_tree_is_offered_like_any_other() -> None:
    async def go() -> None:
        async with OfferingAgent({}).running() as agent, agent.connected() as connection:
            assert answer_of(await asked(connection, Check(known=EMPTY_FOLDER.digest))) == Same()
            assert isinstance(agent.tree, Folder)
            assert answer_of(await asked(connection, Check())) == Root(digest=EMPTY_FOLDER.digest)

    run(go())


def test_what_a_slow_peer_does_not_take_is_counted_until_it_is_gone() -> None:
    """Listings as well as contents: else so many peers could fill the memory, each with an answer of its own."""
    chance = random.Random(1)
    files = {chance.randbytes(125).hex(): b"" for _ in range(60_000)}  # more than sockets take, compressed as well

    async def go() -> None:
        async with OfferingAgent(files).running() as agent, agent.connected() as connection:
            await asked(connection, Check())
            gate = agent.traffic.answers
            await connection.send(Folders(folders=(FolderAsked(b"", agent.tree.digest),)), timeout_s=5)
            await eventually(lambda: gate.in_flight_bytes > 0)
            await connection.close()
            await eventually(lambda: gate.in_flight_bytes == 0)

    run(go())


def test_what_takes_too_many_edits_to_say_is_asked_for_by_folders() -> None:
    many = {f"{number:04}": b"%d" % number for number in range(2_500)}

    async def go() -> None:
        async with OfferingAgent({}).running() as agent, agent.connected() as one, agent.connected() as other:
            before = agent.tree
            agent.offer(many)
            first = answer_of(await asked(one, Check(known=before.digest)))
            assert isinstance(first, Root)
            assert answer_of(await asked(other, Check(known=before.digest))) == first

    run(go())
