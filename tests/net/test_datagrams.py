from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.errors import PortInUseError
from sync_core.model.security import IpAddress, Level
from sync_core.net.datagrams import WakeUpListener, WakeUpSender, heard, is_probe, probe_datagram
from sync_core.protocol.proof import KEY_BYTES, WakeUpProof, proven_wake_up
from tests.support.net import LOCALHOST, LOCALHOST6, Lines, ManualClock, eventually, free_port, ip, listening, run

NONCE = "0123456789abcdef" * 2
PROBE = b'<jsync.probe nonce="0123456789abcdef0123456789abcdef"/>'


@contextlib.asynccontextmanager
async def waiting(
    woken: list[IpAddress],
    *,
    listen: str | None = "127.0.0.1",
    level: Callable[[IpAddress], Level] = lambda _: Level.ALL,
    takes_proven: Callable[[bytes], bool] = lambda _: False,
    clock: ManualClock | None = None,
) -> AsyncIterator[WakeUpListener]:
    listener = WakeUpListener(
        listen=listen,
        port=0,
        on_wake_up=woken.append,
        level_of=level,
        takes_proven=takes_proven,
        clock=clock or ManualClock(),
    )
    await listener.start()
    try:
        yield listener
    finally:
        await listener.close()


def send_wake_up(address: IpAddress, port: int, *, source_ip: IpAddress | None = None) -> None:
    with contextlib.closing(WakeUpSender()) as sender:
        sender.send(address, port, source_ip=source_ip)


def send(port: int, *payloads: bytes, address: str = "127.0.0.1") -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        for payload in payloads:
            sock.sendto(payload, (address, port))


def levels(*found: tuple[str, Level]) -> Callable[[IpAddress], Level]:
    table = {ip(address): level for address, level in found}
    return lambda address: table.get(address, Level.NONE)


@pytest.mark.parametrize(("address", "listen"), [(LOCALHOST, None), (LOCALHOST6, None), (LOCALHOST, "127.0.0.1")])
def test_a_wake_up_arrives(address: IpAddress, listen: str | None) -> None:
    woken: list[IpAddress] = []

    async def scenario() -> None:
        async with waiting(woken, listen=listen) as listener:
            send_wake_up(address, listener.port)
            await eventually(lambda: bool(woken))

    with Lines.of() as lines:
        run(scenario())
    assert woken == [address]
    assert lines.lines == [("INFO", "", f"SCHEDULER-955  UDP message from {address}: <check_folders/>")]


def test_a_wake_up_is_sixteen_bytes_from_the_given_address() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(10)
        send_wake_up(LOCALHOST, sock.getsockname()[1], source_ip=ip("127.0.0.2"))
        payload, peer = sock.recvfrom(4096)
    assert payload == b"<check_folders/>"
    assert len(payload) == 16
    assert peer[0] == "127.0.0.2"


def test_a_wake_up_that_can_not_be_sent_is_the_system_s_error() -> None:
    with pytest.raises(OSError, match="assign requested address"):
        send_wake_up(LOCALHOST, 5000, source_ip=ip("203.0.113.9"))


def test_many_wake_ups_leave_from_one_socket_of_each_address_of_ours() -> None:
    opened: list[socket.AddressFamily] = []

    def open_socket(family: socket.AddressFamily) -> socket.socket:
        opened.append(family)
        return socket.socket(family, socket.SOCK_DGRAM)

    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
        contextlib.closing(WakeUpSender(open_socket)) as wake,
    ):
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(10)
        for source_ip in (None, None, ip("127.0.0.2"), ip("127.0.0.2")):
            wake.send(LOCALHOST, sock.getsockname()[1], source_ip=source_ip)
        peers = [sock.recvfrom(4096)[1] for _ in range(4)]
    assert [peer[0] for peer in peers] == ["127.0.0.1", "127.0.0.1", "127.0.0.2", "127.0.0.2"]
    assert len(opened) == len(set(peers)) == 2


def test_a_refusal_that_came_back_for_one_is_in_the_way_of_no_other() -> None:
    with contextlib.closing(WakeUpSender()) as wake, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(10)
        for _ in range(3):
            wake.send(LOCALHOST, free_port())  # nobody is there: the system hears of it at once
            wake.send(LOCALHOST, sock.getsockname()[1])
            assert sock.recv(4096) == b"<check_folders/>"


class _Full(socket.socket):
    """A socket whose buffer is full of datagrams that the system still keeps."""

    def sendto(self, *_: object) -> int:
        raise BlockingIOError


def test_a_socket_that_is_full_gives_way_to_a_fresh_one() -> None:
    sockets = [_Full(socket.AF_INET, socket.SOCK_DGRAM), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)]
    rest = iter(sockets)
    with contextlib.closing(WakeUpSender(lambda _: next(rest))) as wake, socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(10)
        for _ in range(2):
            wake.send(LOCALHOST, sock.getsockname()[1])
            assert sock.recv(4096) == b"<check_folders/>"
        assert [one.fileno() == -1 for one in sockets] == [True, False]
    assert [one.fileno() for one in sockets] == [-1, -1]


def test_what_says_that_it_is_proven_is_looked_at_however_many_come() -> None:
    woken: list[IpAddress] = []
    proof = WakeUpProof()
    proof.begin(bytes(KEY_BYTES))
    said: list[bool] = []

    def takes(datagram: bytes) -> bool:
        said.append(proof.accepts(datagram))
        return said[-1]

    async def scenario() -> None:
        async with waiting(woken, takes_proven=takes) as listener:
            send(listener.port, *(proven_wake_up(bytes(KEY_BYTES), number) for number in range(150)))
            send(listener.port, proven_wake_up(bytes(KEY_BYTES), 0))
            await eventually(lambda: len(said) == 151)

    with Lines.of() as lines:
        run(scenario())
    assert said == [*[True] * 150, False]
    assert woken == []
    assert lines.messages("INFO")[0] == "SCHEDULER-955  UDP message from 127.0.0.1: <check_folders/>"


def test_a_proof_is_no_level() -> None:
    woken: list[IpAddress] = []
    said: list[bytes] = []

    def takes(datagram: bytes) -> bool:
        said.append(datagram)
        return True

    async def scenario() -> None:
        level = levels(("127.0.0.1", Level.SIGNAL), ("127.0.0.2", Level.INFO))
        async with waiting(woken, level=level, takes_proven=takes) as listener:
            send(listener.port, proven_wake_up(bytes(KEY_BYTES), 1))
            send_wake_up(LOCALHOST, listener.port, source_ip=ip("127.0.0.2"))
            await eventually(lambda: bool(woken))

    run(scenario())
    assert said == []


def test_other_commands_are_logged_and_wake_nobody() -> None:
    woken: list[IpAddress] = []

    async def scenario() -> None:
        async with waiting(woken) as listener:
            send(listener.port, b"<terminate/>", b"a\nb\x1b[2J", b"\xff", b"", b"<check_folders/>" + b" " * 5000)
            send_wake_up(LOCALHOST, listener.port)
            await eventually(lambda: bool(woken))

    with Lines.of() as lines:
        run(scenario())
    assert woken == [LOCALHOST]
    messages = lines.messages("INFO")
    assert messages[0] == "SCHEDULER-955  UDP message from 127.0.0.1: <terminate/>"
    assert messages[1] == r"SCHEDULER-955  UDP message from 127.0.0.1: a\x0ab\x1b[2J"
    assert len(messages) == 6
    assert all(message.isprintable() and len(message) < 700 for message in messages)


def test_level_signal_may_send_and_wakes_nobody() -> None:
    woken: list[IpAddress] = []

    async def scenario() -> None:
        level = levels(("127.0.0.1", Level.INFO), ("127.0.0.2", Level.SIGNAL))
        async with waiting(woken, level=level) as listener:
            send_wake_up(LOCALHOST, listener.port, source_ip=ip("127.0.0.2"))
            send_wake_up(LOCALHOST, listener.port)
            await eventually(lambda: bool(woken))

    with Lines.of() as lines:
        run(scenario())
    assert woken == [LOCALHOST]
    assert [level for level, _, _ in lines.lines] == ["INFO", "INFO"]


def test_strangers_are_reported_but_can_not_fill_the_log() -> None:
    woken: list[IpAddress] = []
    clock = ManualClock()

    async def scenario() -> None:
        async with waiting(woken, level=levels(("127.0.0.1", Level.ALL)), clock=clock) as listener:
            for _ in range(30):
                send_wake_up(LOCALHOST, listener.port, source_ip=ip("127.0.0.2"))
            send_wake_up(LOCALHOST, listener.port)
            await eventually(lambda: bool(woken))

    with Lines.of() as lines:
        run(scenario())
    refused = "SCHEDULER-301  UDP message from 127.0.0.2 is not allowed"
    assert lines.messages("ERROR") == [refused, f"{refused} (29 like this in the last 10 s)"]


def test_a_flood_of_wake_ups_wakes_but_does_not_fill_the_log() -> None:
    woken: list[IpAddress] = []

    async def scenario() -> None:
        async with waiting(woken) as listener:
            for n in range(1, 151):
                send_wake_up(LOCALHOST, listener.port)
                if n % 75 == 0:  # more would not fit into the socket's buffer
                    await eventually(lambda n=n: len(woken) == n)  # type: ignore[misc]

    with Lines.of() as lines:
        run(scenario())
    assert len(woken) == 150
    assert len(lines.messages("INFO")) == 20
    first, rest = lines.messages("WARNING")
    assert rest.startswith(first)
    assert "(129 like this" in rest


def test_of_a_flood_of_datagrams_only_wake_ups_are_looked_at() -> None:
    """Who floods in the name of a master does not keep the slave from hearing the master."""
    woken: list[IpAddress] = []
    clock = ManualClock()

    async def scenario() -> None:
        async with waiting(woken, clock=clock) as listener:
            for _ in range(2):
                send(listener.port, *[b"<check_folders />"] * 60)
                await asyncio.sleep(0)
                await eventually(lambda: len(woken) in {60, 100})
            send_wake_up(LOCALHOST, listener.port)
            await eventually(lambda: len(woken) == 101)
            clock.now_s += 1
            send(listener.port, b"<check_folders />")
            await eventually(lambda: len(woken) == 102)

    with Lines.of() as lines:
        run(scenario())
    assert any("more datagrams than 100 a second from 127.0.0.1" in line for line in lines.messages("WARNING"))


async def ask(port: int, *probes: bytes, to: str = "127.0.0.1", answers: int) -> list[bytes]:
    """Send probes from a connected socket and return so many answers."""
    family = socket.AF_INET6 if ":" in to else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect((to, port))
        for probe in probes:
            sock.send(probe)
        return [await asyncio.get_running_loop().sock_recv(sock, 4096) for _ in range(answers)]


@pytest.mark.parametrize("to", ["127.0.0.1", "127.0.0.2", "::1"])
def test_a_probe_comes_back_from_the_address_that_was_asked(to: str) -> None:
    woken: list[IpAddress] = []

    async def scenario() -> None:
        async with waiting(woken, listen=None) as listener:
            assert await ask(listener.port, PROBE, to=to, answers=1) == [PROBE]

    with Lines.of() as lines:
        run(scenario())
    assert woken == []
    assert {level for level, _, _ in lines.lines} == {"DEBUG"}


def test_probes_of_those_below_info_are_ignored_in_silence() -> None:
    woken: list[IpAddress] = []

    async def scenario() -> None:
        async with waiting(woken, level=levels(("127.0.0.1", Level.SIGNAL), ("127.0.0.2", Level.ALL))) as listener:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.setblocking(False)
                sock.connect(("127.0.0.1", listener.port))
                sock.send(PROBE)
                send_wake_up(LOCALHOST, listener.port, source_ip=ip("127.0.0.2"))
                await eventually(lambda: bool(woken))
                with pytest.raises(BlockingIOError):
                    sock.recv(4096)

    with Lines.of() as lines:
        run(scenario())
    assert [level for level, _, _ in lines.lines] == ["DEBUG", "INFO"]


def test_probes_are_answered_at_a_bounded_rate() -> None:
    woken: list[IpAddress] = []
    clock = ManualClock()

    async def scenario() -> None:
        async with waiting(woken, clock=clock) as listener:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.setblocking(False)
                sock.connect(("127.0.0.1", listener.port))
                for _ in range(30):
                    sock.send(PROBE)
                sock.send(b"<check_folders/>")
                await eventually(lambda: bool(woken))
                for _ in range(20):
                    assert sock.recv(4096) == PROBE
                with pytest.raises(BlockingIOError):
                    sock.recv(4096)
                clock.now_s += 1
                sock.send(PROBE)
                assert await asyncio.get_running_loop().sock_recv(sock, 4096) == PROBE

    run(scenario())


def test_an_error_on_the_socket_does_not_end_the_listening(monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[IpAddress] = []
    real = socket.socket.recvmsg
    failures = [OSError(errno.ECONNREFUSED, "Connection refused")]

    def recvmsg(sock: socket.socket, *args: int) -> object:
        if failures:
            raise failures.pop()
        return real(sock, *args)

    monkeypatch.setattr(socket.socket, "recvmsg", recvmsg)

    async def scenario() -> None:
        async with waiting(woken) as listener:
            send_wake_up(LOCALHOST, listener.port)
            await eventually(lambda: bool(woken))

    with Lines.of() as lines:
        run(scenario())
    assert lines.lines[0][0] == "DEBUG"
    assert not failures


def test_close_gives_the_port_back_and_may_be_repeated() -> None:
    async def scenario() -> None:
        async with waiting([]) as listener:
            await listener.close()
            with listening(port=listener.port, udp=True):
                pass

    run(scenario())


def test_a_port_in_use_names_its_holder() -> None:
    async def scenario(port: int) -> None:
        listener = WakeUpListener(listen=None, port=port, on_wake_up=lambda _: None, level_of=lambda _: Level.ALL)
        with pytest.raises(PortInUseError, match=f"UDP port {port} is in use by"):
            await listener.start()
        await listener.close()

    with listening(udp=True) as port:
        run(scenario(port))


def test_probe_and_answers_are_of_one_length() -> None:
    assert probe_datagram(NONCE) == PROBE
    assert is_probe(PROBE)
    assert len(heard(PROBE)) == len(PROBE)
    assert not is_probe(heard(PROBE))


@pytest.mark.parametrize(
    "datagram",
    [b"", PROBE + b"\n", b" " + PROBE, PROBE[:-3] + b'x"/>', PROBE.upper(), PROBE.replace(b"0123", b"012"), PROBE * 2],
)
def test_nothing_else_is_a_probe(datagram: bytes) -> None:
    assert not is_probe(datagram)


@given(st.binary(max_size=200))
def test_random_bytes_are_no_probe(datagram: bytes) -> None:
    assert not is_probe(datagram)
