"""Who is let in by the command server, and how many."""

from __future__ import annotations

import asyncio

import pytest

from sync_core.model.security import IpAddress, Level
from sync_core.net.admission import Rank, Standing
from sync_core.net.server import Connection
from sync_core.protocol.messages import Answer, OkAnswer, Request
from tests.support.handlers import CHECK, OK, Recorder, serving
from tests.support.net import LOCALHOST, Lines, RawPeer, eventually, run


@pytest.mark.parametrize("level", [Level.NONE, Level.SIGNAL])
def test_strangers_are_turned_away_without_a_byte(level: Level) -> None:
    recorder = Recorder()
    ports: list[int] = []

    async def scenario() -> None:
        async with serving(recorder, level=lambda _: level) as server:
            peer = await RawPeer.connect(server.port)
            ports.append(peer.port)
            assert await peer.rest() == b""
            await peer.close()

    with Lines.of() as lines:
        run(scenario())
    assert lines.lines == [
        ("WARNING", f"TCP connection to 127.0.0.1:{ports[0]}", "SCHEDULER-287  TCP connection not allowed")
    ]
    assert recorder == Recorder()


@pytest.mark.parametrize("level", [Level.INFO, Level.NO_ADD, Level.ALL])
def test_from_level_info_on_peers_are_let_in(level: Level) -> None:
    async def scenario() -> None:
        recorder = Recorder()
        async with serving(recorder, level=lambda _: level) as server:
            peer = await RawPeer.connect(server.port)
            await peer.send(CHECK)
            assert await peer.answer() == OK
            assert recorder.asked[0][0].level is level
            await peer.close()

    run(scenario())


def test_a_flood_of_strangers_does_not_fill_the_log() -> None:
    async def scenario() -> None:
        async with serving(Recorder(), level=lambda _: Level.NONE) as server:
            for _ in range(5):
                peer = await RawPeer.connect(server.port)
                assert await peer.rest() == b""
                await peer.close()

    with Lines.of() as lines:
        run(scenario())
    first, rest = lines.messages("WARNING")
    assert rest == f"{first} (4 like this in the last 10 s)"


async def keep(connection: Connection, _: Request) -> Answer:
    connection.is_kept = True
    return OkAnswer()


def test_connections_of_slaves_are_not_closed_for_others_and_these_are_refused() -> None:
    async def scenario() -> None:
        async with serving(Recorder(keep), most_connections=1) as server:
            first = await RawPeer.connect(server.port)
            await first.send(CHECK)
            assert await first.answer() == OK
            for _ in range(70):
                second = await RawPeer.connect(server.port)
                assert await second.rest() == b""
                await second.close()
            await first.send(CHECK)
            assert await first.answer() == OK
            await first.close()

    with Lines.of() as lines:
        run(scenario())
    refusal = "SCHEDULER-286  More than 1 connections are open, this one is refused"
    assert lines.messages("ERROR") == [refusal, f"{refusal} (69 like this in the last 10 s)"]


@pytest.mark.parametrize("begun", [b"", b"<a", b"P", b"<show_state/>"])
def test_whoever_is_silent_longest_makes_room(begun: bytes) -> None:
    async def scenario() -> None:
        async with serving(Recorder(), most_connections=3) as server:
            silent = [await RawPeer.connect(server.port) for _ in range(3)]
            for peer in silent:
                await peer.send(begun)
            await eventually(lambda: len(server.connections) == 3)
            for _ in range(10):
                good = await RawPeer.connect(server.port)
                await good.send(CHECK)
                assert await good.answer() == OK
                await good.close()
            await silent[0].rest()
            for peer in silent:
                await peer.close()
            await eventually(lambda: not server.connections)

    with Lines.of() as lines:
        run(scenario())
    assert lines.messages("ERROR") == []


def test_one_address_that_takes_all_places_leaves_some_to_the_others() -> None:
    """What 127.0.0.2 holds is silent, or in the middle of a request that never ends."""

    def standing_of(address: IpAddress) -> Standing:
        return Standing(Rank.PEER, 1) if address == LOCALHOST else Standing(Rank.STRANGER)

    async def scenario() -> None:
        async with serving(Recorder(), listen=None, standing_of=standing_of) as server:
            held = [
                await asyncio.open_connection("127.0.0.1", server.port, local_addr=("127.0.0.2", 0)) for _ in range(300)
            ]
            for number, (_, writer) in enumerate(held):
                writer.write(b"<a" * (number % 2))
            await eventually(lambda: len(server.connections) == 256)
            good = await RawPeer.connect(server.port)
            await good.send(CHECK)
            assert await good.answer() == OK
            await good.close()
            for _, writer in held:
                writer.close()

    run(scenario())


def test_who_may_not_connect_any_more_is_cut_off() -> None:
    levels: dict[IpAddress, Level] = {LOCALHOST: Level.NO_ADD}

    async def scenario() -> None:
        async with serving(Recorder(), level=levels.__getitem__) as server:
            peer = await RawPeer.connect(server.port)
            await peer.send(CHECK)
            assert await peer.answer() == OK
            levels[LOCALHOST] = Level.INFO
            server.judge_again()
            assert [connection.level for connection in server.connections] == [Level.INFO]
            levels[LOCALHOST] = Level.SIGNAL
            server.judge_again()
            assert await peer.rest() == b""
            await peer.close()

    with Lines.of() as lines:
        run(scenario())
    assert lines.messages("WARNING") == ["SCHEDULER-287  TCP connection not allowed"]
