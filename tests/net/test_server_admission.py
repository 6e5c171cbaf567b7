"""Who is let in by the command server, and how many."""

from __future__ import annotations

import pytest

from sync_core.model.security import Level
from sync_core.net import server as server_module
from tests.support.handlers import CHECK, OK, Recorder, serving
from tests.support.net import Lines, RawPeer, run


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


def test_a_flood_of_strangers_does_not_fill_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "_LINES_PER_MINUTE", 2)

    async def scenario() -> None:
        async with serving(Recorder(), level=lambda _: Level.NONE) as server:
            for _ in range(5):
                peer = await RawPeer.connect(server.port)
                assert await peer.rest() == b""
                await peer.close()

    with Lines.of() as lines:
        run(scenario())
    assert len(lines.lines) == 2


def test_more_connections_than_fit_are_refused_and_the_others_live() -> None:
    async def scenario() -> None:
        async with serving(Recorder(), most_connections=1) as server:
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
    errors = lines.messages("ERROR")
    assert set(errors) == {"SCHEDULER-286  More than 1 connections are open, this one is refused"}
    assert len(errors) == server_module._LINES_PER_MINUTE
