from __future__ import annotations

import socket
from pathlib import Path

import pytest

from sync_core.net.far_side import counters, sockets

SNMP = """\
Ip: Forwarding DefaultTTL
Ip: 1 64
Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors
Udp: 7 0 0 31 0 0 0 0 0
UdpLite: InDatagrams NoPorts
UdpLite: 0 0
"""
SNMP6 = "Ip6InReceives 7\nUdp6InDatagrams 8\nUdp6NoPorts 0\nUdp6OutDatagrams 9\n"
SOCKETS = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  12: 0100007F:1388 00000000:0000 07 00000000:00000200 00:00000000 00000000 0 0 4711 2 0000000000000000 3
  13: 0100007F:1389 00000000:0000 07 00000000:00000500 00:00000000 00000000 0 0 4712 2 0000000000000000 99
"""


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "net"
    folder.mkdir()
    for name, text in (("snmp", SNMP), ("snmp6", SNMP6), ("udp", SOCKETS), ("udp6", SOCKETS)):
        (folder / name).write_text(text)
    monkeypatch.setattr(sockets, "PROC", str(tmp_path))
    return folder


def test_each_family_has_its_counters(net: Path) -> None:
    assert counters.count(4, 5000) == {"read": 7, "sent": 31, "waiting_bytes": 2 * 0x200, "dropped": 6}
    assert counters.count(6, 5000) == {"read": 8, "sent": 9, "waiting_bytes": 0x200, "dropped": 3}


def test_a_machine_without_ipv6_still_counts(net: Path) -> None:
    (net / "udp6").unlink()
    assert counters.count(4, 5000) == {"read": 7, "sent": 31, "waiting_bytes": 0x200, "dropped": 3}


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("text", [None, "", "Udp: InDatagrams\nUdp: many\n", "Udp6InDatagrams many\n"])
def test_without_counters_nothing_is_said(net: Path, family: int, text: str | None) -> None:
    for name in ("snmp", "snmp6"):
        (net / name).unlink()
        if text is not None:
            (net / name).write_text(text)
    assert counters.count(family, 5000) == {}


def test_the_real_kernel_shows_that_datagrams_wait() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        before = counters.count(4, sock.getsockname()[1])
        sock.sendto(b"x", sock.getsockname())
        assert counters.count(4, sock.getsockname()[1])["waiting_bytes"] > before["waiting_bytes"]
