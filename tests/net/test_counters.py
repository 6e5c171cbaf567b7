from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import TypeAlias

import pytest

from sync_core.model.security import IpAddress
from sync_core.net import counters
from sync_core.net.counters import has_vanished
from tests.support.net import LOCALHOST, LOCALHOST6, run

SNMP = """\
Ip: Forwarding DefaultTTL
Ip: 1 64
Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors
Udp: {read} 0 0 31 0 0 0 0 0
UdpLite: InDatagrams NoPorts
UdpLite: 0 0
"""
SNMP6 = "Ip6InReceives 7\nUdp6InDatagrams {read}\nUdp6NoPorts 0\n"
SOCKETS = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  12: 0100007F:1388 00000000:0000 07 00000000:{waiting:08X} 00:00000000 00000000 0 0 4711 2 0000000000000000 {dropped}
  13: 0100007F:1389 00000000:0000 07 00000000:00000500 00:00000000 00000000 0 0 4712 2 0000000000000000 99
"""


Look: TypeAlias = tuple[int, int, int]
"""Datagrams read, bytes that wait, and datagrams dropped."""


class Kernel:
    """Files like the kernel's, which change with every look as a test says."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, *looks: Look) -> None:
        self.folder = folder
        self.looks = list(looks)
        self.sent = 0
        real = counters._count

        def count(*args: object) -> object:
            read, waiting, dropped = self.looks.pop(0)
            (folder / "snmp").write_text(SNMP.format(read=read))
            (folder / "snmp6").write_text(SNMP6.format(read=read))
            (folder / "udp").write_text(SOCKETS.format(waiting=waiting, dropped=dropped))
            (folder / "udp6").write_text(SOCKETS.format(waiting=waiting, dropped=dropped))
            return real(*args)  # type: ignore[arg-type]

        async def probe(*_: object, **__: object) -> None:
            self.sent += 1

        monkeypatch.setattr(counters, "_count", count)
        monkeypatch.setattr(counters, "probe_udp", probe)


@pytest.mark.parametrize("address", [LOCALHOST, LOCALHOST6])
@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ([(100, 0, 0), (100, 0, 0)], True),
        ([(100, 0, 0), (104, 0, 0)], True),
        ([(100, 0, 0), (105, 0, 0)] * 3, False),
        ([(100, 0, 0), (100, 512, 0)] * 3, False),
        ([(100, 512, 3), (100, 512, 8)] * 3, False),
        ([(100, 0, 0), (130, 0, 0), (200, 0, 0), (201, 0, 0)], True),
        ([(100, 512, 0), (103, 0, 0)], True),
    ],
)
def test_what_was_not_read_and_does_not_wait_has_vanished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: IpAddress, looks: list[Look], expected: bool
) -> None:
    kernel = Kernel(tmp_path, monkeypatch, *looks)
    assert run(has_vanished(address, 0x1388, proc=tmp_path)) is expected
    assert kernel.sent == len(looks) / 2
    assert not kernel.looks


@pytest.mark.parametrize("address", [LOCALHOST, LOCALHOST6])
@pytest.mark.parametrize("broken", ["", "Udp: InDatagrams\nUdp: many\n", "Udp6InDatagrams many\n"])
def test_without_counters_nothing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: IpAddress, broken: str
) -> None:
    async def probe(*_: object, **__: object) -> None:
        pass

    monkeypatch.setattr(counters, "probe_udp", probe)
    if broken:
        for name in ("snmp", "snmp6", "udp", "udp6"):
            (tmp_path / name).write_text(broken)
    assert run(has_vanished(address, 0x1388, proc=tmp_path)) is None


def test_a_machine_without_ipv6_still_counts(tmp_path: Path) -> None:
    (tmp_path / "snmp").write_text(SNMP.format(read=7))
    (tmp_path / "udp").write_text(SOCKETS.format(waiting=512, dropped=3))
    counted = counters._count(LOCALHOST, 0x1388, tmp_path)
    assert counted is not None
    assert (counted.read, counted.waiting_bytes, counted.dropped) == (7, 512, 3)


def test_the_real_kernel_shows_that_datagrams_wait() -> None:
    async def scenario() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            sock.setblocking(False)
            assert await has_vanished(LOCALHOST, sock.getsockname()[1]) is False
            assert len(sock.recv(4096)) > 0
        await asyncio.sleep(0)

    run(scenario())
