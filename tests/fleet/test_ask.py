from __future__ import annotations

import pytest

from sync_core.fleet.ask import ask
from sync_core.model.errors import PeerError, RemoteRefusalError, UnreachableError
from sync_core.protocol.messages import CheckFolders, ErrorAnswer, OkAnswer
from tests.support.agents import ScriptedPeer, a_raw_peer
from tests.support.net import a_host, free_port, run


def test_one_question_and_its_answer() -> None:
    async def go() -> None:
        async with ScriptedPeer() as peer:
            host = a_host("s", address="localhost", tcp_port=peer.port)
            assert await ask(host, CheckFolders()) == OkAnswer()
            assert peer.requests == [CheckFolders()]

    run(go())


def test_an_error_names_the_host() -> None:
    async def go() -> None:
        async with ScriptedPeer(lambda _: ErrorAnswer(code="SCHEDULER-121", text="SCHEDULER-121  no")) as peer:
            with pytest.raises(RemoteRefusalError) as caught:
                await ask(a_host("s", tcp_port=peer.port), CheckFolders())
            assert (caught.value.host, caught.value.error_code) == ("s", "SCHEDULER-121")

    run(go())


def test_nobody_there_and_nonsense() -> None:
    async def go() -> None:
        with pytest.raises(UnreachableError):
            await ask(a_host("s", tcp_port=free_port()), CheckFolders())
        async with a_raw_peer(b"HTTP/1.0 400 Bad Request\r\n\r\n") as port:
            with pytest.raises(PeerError):
                await ask(a_host("s", tcp_port=port), CheckFolders())

    run(go())
