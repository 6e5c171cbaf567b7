"""TLS on the command port, by its first byte, on both event loops."""

from __future__ import annotations

import asyncio
import ssl
import tracemalloc
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from sync_core.model.errors import UnreachableError, UntrustedError
from sync_core.model.inventory import TlsFiles
from sync_core.net.client import CommandClient
from sync_core.net.server import ServerLimits
from sync_core.net.tls import Tls, TlsTo
from sync_core.protocol.messages import CheckFolders, OkAnswer
from tests.support.certificates import NOW, write_tls
from tests.support.handlers import CHECK, OK, Recorder, serving
from tests.support.net import LOCALHOST, Lines, RawPeer, eventually
from tests.support.silence import silence

Scenario = Callable[[], Coroutine[Any, Any, None]]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Scenario], None]:
    def run_it(scenario: Scenario) -> None:
        with asyncio.Runner(loop_factory=pytest.importorskip(request.param).new_event_loop) as runner:
            runner.run(scenario())

    return run_it


def tls_of(folder: Path, name: str, **how: Any) -> Tls:
    return Tls(name, write_tls(folder / name, name, **how))


async def connect(port: int, tls: TlsTo | None) -> CommandClient:
    return await CommandClient.connect(LOCALHOST, port, timeout_s=5, tls=tls)


async def ask(port: int, tls: TlsTo | None) -> object:
    client = await connect(port, tls)
    try:
        return await client.ask(CheckFolders(), timeout_s=5)
    finally:
        await client.close()


def test_both_ends_know_each_other_and_plain_is_served_beside(tmp_path: Path, run: Callable[[Scenario], None]) -> None:
    recorder = Recorder()

    async def scenario() -> None:
        async with serving(recorder, tls=tls_of(tmp_path, "m")) as server:
            assert isinstance(await ask(server.port, TlsTo(tls_of(tmp_path, "a"), "m")), OkAnswer)
            assert isinstance(await ask(server.port, None), OkAnswer)

    run(scenario)
    assert [connection.names for connection, _ in recorder.asked] == [{"a"}, None]


def test_a_request_that_rides_with_the_handshake_is_answered(tmp_path: Path, run: Callable[[Scenario], None]) -> None:
    async def scenario() -> None:
        own = tls_of(tmp_path, "a")
        async with serving(Recorder(), tls=tls_of(tmp_path, "m")) as server:
            to_us, to_them = ssl.MemoryBIO(), ssl.MemoryBIO()
            end = own.ready().client.wrap_bio(to_us, to_them, server_hostname="m")
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            is_begun = False
            while True:
                try:
                    if is_begun:
                        assert end.read(1000) == OK
                        break
                    end.do_handshake()
                    is_begun = True
                    end.write(CHECK)
                except ssl.SSLWantReadError:
                    pass
                for byte in to_them.read():  # in the smallest pieces that there are
                    writer.write(bytes([byte]))
                    await writer.drain()
                to_us.write(await reader.read(4096))
            writer.close()

    run(scenario)


def test_thousands_of_connections_find_room(tmp_path: Path) -> None:
    async def scenario() -> int:
        async with serving(Recorder(), tls=tls_of(tmp_path, "m")) as server:
            own = TlsTo(tls_of(tmp_path, "a"), "m")
            tracemalloc.start()
            try:
                clients = [await connect(server.port, own) for _ in range(10)]
                for client in clients:
                    await client.ask(CheckFolders(), timeout_s=5)
                took_bytes = tracemalloc.get_traced_memory()[0]
            finally:
                tracemalloc.stop()
            streams = [await client.hand_over() for client in clients]
            for _, writer in streams:
                writer.close()
                await writer.wait_closed()
            return took_bytes // len(clients)

    client_bytes = 300_000  # asyncio's 256 KiB for those that connect
    assert asyncio.run(scenario()) < client_bytes + 100_000


def test_much_goes_both_ways(tmp_path: Path, run: Callable[[Scenario], None]) -> None:
    size_bytes = 3_000_000

    async def scenario() -> None:
        recorder = Recorder()
        async with serving(recorder, tls=tls_of(tmp_path, "m")) as server:
            client = await connect(server.port, TlsTo(tls_of(tmp_path, "a"), "m"))
            reader, writer = await client.hand_over()
            writer.write(b"<show_state" + b" " * size_bytes + b"/>\0")
            assert await reader.readuntil(b"\0")
            writer.close()
            await eventually(lambda: bool(recorder.closed))

    run(scenario)


@pytest.mark.parametrize(
    ("server", "client", "words"),
    [
        ({"authority": "evil"}, {}, "TLS: unknown CA"),
        ({"certified": "m"}, {"name": "n"}, "TLS: wrong name"),
    ],
)
def test_a_server_that_is_somebody_else_is_not_spoken_to(
    tmp_path: Path, run: Callable[[Scenario], None], server: dict[str, Any], client: dict[str, Any], words: str
) -> None:
    recorder = Recorder()

    async def scenario() -> None:
        async with serving(recorder, tls=tls_of(tmp_path, "m", **server)) as listening:
            with pytest.raises(UntrustedError, match=words):
                await connect(listening.port, TlsTo(tls_of(tmp_path, "a"), client.get("name", "m")))

    run(scenario)
    assert recorder.asked == []


def test_a_server_whose_certificate_ended_is_not_spoken_to(tmp_path: Path, run: Callable[[Scenario], None]) -> None:
    async def scenario() -> None:
        own = tls_of(tmp_path, "m")
        context = own.ready().server
        old = write_tls(tmp_path / "old", "m", days=1, age_days=9)
        context.load_cert_chain(old.cert, old.key)
        async with serving(Recorder(), tls=own) as server:
            with pytest.raises(UntrustedError, match="TLS: certificate expired"):
                await connect(server.port, TlsTo(tls_of(tmp_path, "a"), "m"))

    run(scenario)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("evil", "TLS: unknown CA"),
        ("old", "TLS: certificate expired"),
        ("none", "TLS: it shows no certificate"),
    ],
)
def test_a_client_that_proves_nothing_gets_no_answer_and_the_log_says_why(
    tmp_path: Path, run: Callable[[Scenario], None], how: str, words: str
) -> None:
    recorder = Recorder()

    async def scenario() -> None:
        async with serving(recorder, tls=tls_of(tmp_path, "m")) as server:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            if how != "none":
                wrong = {"authority": "evil"} if how == "evil" else {"days": 1, "age_days": 9}
                files = write_tls(tmp_path / how, "a", **wrong)
                context.load_cert_chain(files.cert, files.key)
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=context)
            writer.write(CHECK)
            with pytest.raises((AssertionError, OSError)):
                assert await reader.read(1)
            writer.close()
            await eventually(lambda: bool(recorder.closed))

    with Lines.of() as lines:
        run(scenario)
    assert recorder.asked == []
    (said,) = [line for level, _, line in lines.lines if level == "WARNING"]
    assert said.startswith(words)


def test_one_who_fails_again_and_again_does_not_fill_the_log(tmp_path: Path, run: Callable[[Scenario], None]) -> None:
    recorder = Recorder()

    async def scenario() -> None:
        async with serving(recorder, tls=tls_of(tmp_path, "m")) as server:
            for number in range(15):
                peer = await RawPeer.connect(server.port)
                await peer.send(b"\x16\x09\x09\x00\x02no")
                await eventually(lambda number=number: len(recorder.closed) > number)  # type: ignore[misc]
                await peer.close()

    with Lines.of() as lines:
        run(scenario)
    assert len([line for level, _, line in lines.lines if level == "WARNING"]) == 10


def test_an_old_version_of_tls_is_not_spoken(tmp_path: Path, run: Callable[[Scenario], None]) -> None:
    async def scenario() -> None:
        own = tls_of(tmp_path, "a")
        async with serving(Recorder(), tls=tls_of(tmp_path, "m")) as server:
            for ciphers in ("ECDHE+AESGCM", "AES128-GCM-SHA256"):
                context = own.ready().client
                context.maximum_version = ssl.TLSVersion.TLSv1_2
                context.set_ciphers(ciphers)
                has_secrecy = ciphers.startswith("ECDHE")
                try:
                    client = await connect(server.port, TlsTo(own, "m"))
                    await client.close()
                    assert has_secrecy
                except (UntrustedError, UnreachableError):
                    assert not has_secrecy

    run(scenario)


def test_who_answers_in_plain_is_not_spoken_to(tmp_path: Path, run: Callable[[Scenario], None]) -> None:
    async def scenario() -> None:
        async with serving(Recorder()) as server:
            with pytest.raises(UntrustedError, match="it answers in plain") as caught:
                await connect(server.port, TlsTo(tls_of(tmp_path, "a"), "m"))
            assert str(server.port) in str(caught.value)

    run(scenario)


def test_a_handshake_that_is_never_finished_ends(tmp_path: Path, run: Callable[[Scenario], None]) -> None:
    recorder = Recorder()

    async def scenario() -> None:
        limits = ServerLimits(handshake_timeout_s=0.2)
        async with serving(recorder, tls=tls_of(tmp_path, "m"), limits=limits) as server:
            peer = await RawPeer.connect(server.port)
            await peer.send(b"\x16\x03\x01")
            await eventually(lambda: bool(recorder.closed))
            await peer.close()
            assert isinstance(await ask(server.port, TlsTo(tls_of(tmp_path, "a"), "m")), OkAnswer)

    run(scenario)


def test_silence_ends_too(tmp_path: Path, run: Callable[[Scenario], None]) -> None:
    async def scenario() -> None:
        with silence() as silent, pytest.raises(UnreachableError):
            own = TlsTo(tls_of(tmp_path, "a"), "m")
            await CommandClient.connect(LOCALHOST, silent.port, timeout_s=0.2, tls=own)

    run(scenario)


def test_files_that_changed_are_read_at_the_next_handshake(tmp_path: Path, run: Callable[[Scenario], None]) -> None:
    async def scenario() -> None:
        own = tls_of(tmp_path, "m", days=10)
        async with serving(Recorder(), tls=own) as server:
            with pytest.raises(UntrustedError, match="unknown CA"):
                await ask(server.port, TlsTo(tls_of(tmp_path, "a", authority="new"), "m"))
            write_tls(tmp_path / "m", "m", authority="new", days=20)
            assert isinstance(await ask(server.port, TlsTo(tls_of(tmp_path, "a", authority="new"), "m")), OkAnswer)
            assert own.expires_at == pytest.approx(NOW.timestamp() + 20 * 86400, abs=2)

    run(scenario)


def test_half_a_renewal_changes_nothing(tmp_path: Path) -> None:
    own = tls_of(tmp_path, "m", days=90)
    before = own.ready()
    files: TlsFiles = own._files
    new = write_tls(tmp_path / "new", "m", days=95)
    files.key.write_bytes(new.key.read_bytes())
    assert own.ready() is before
    assert "the new one is not taken" in str(own.warning)
    files.cert.write_bytes(new.cert.read_bytes())
    assert own.ready() is not before
    assert own.warning is None


@pytest.mark.parametrize(("days", "is_warned"), [(29, True), (32, False)])
def test_an_end_is_spoken_of_thirty_days_ahead(tmp_path: Path, days: int, is_warned: bool) -> None:
    warning = tls_of(tmp_path, "m", days=days).warning
    assert (warning is not None) is is_warned
    if is_warned:
        assert "the certificate in use ends on " in str(warning)
