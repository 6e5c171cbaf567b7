from __future__ import annotations

from pathlib import Path

import pytest

from sync_core.net.far_side import routes, sockets

ROUTE = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth1\t0000090A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
eth2\t0000090A\t00000000\t0001\t0\t0\t9\t00FFFFFF\t0\t0\t0
eth3\t0000080A\t00000000\t0000\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""
_NO = "0" * 32
ROUTE6 = (
    f"fd000009000000000000000000000000 40 {_NO} 00 {_NO} 00000100 00000001 00000000 00000001 eth1\n"
    f"{_NO} 00 {_NO} 00 {_NO} 00000400 00000001 00000000 00000003 eth0\n"
    f"{_NO} 00 {_NO} 00 {_NO} ffffffff 00000001 00000000 00200200 lo\n"
)
ARP = """\
IP address       HW type     Flags       HW address            Mask     Device
10.9.0.7         0x1         0x2         02:00:00:00:00:07     *        eth1
10.9.0.8         0x1         0x0         00:00:00:00:00:00     *        eth1
"""


@pytest.fixture(autouse=True)
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    net = tmp_path / "net"
    net.mkdir()
    for name, text in (("route", ROUTE), ("ipv6_route", ROUTE6), ("arp", ARP)):
        (net / name).write_text(text)
    monkeypatch.setattr(sockets, "PROC", str(tmp_path))
    return net


@pytest.mark.parametrize(
    ("address", "interface"),
    [
        ("127.0.0.9", "lo"),
        ("::1", "lo"),
        ("10.9.0.5", "eth1"),
        ("10.8.0.5", "eth0"),
        ("203.0.113.1", "eth0"),
        ("fd00:9::5", "eth1"),
        ("fd00:8::5", "eth0"),
    ],
)
def test_the_closest_route_with_the_least_cost_wins(address: str, interface: str) -> None:
    assert routes.interface_to(address) == interface


def test_without_a_route_nothing_is_known(tables: Path) -> None:
    for name in ("route", "ipv6_route"):
        (tables / name).unlink()
    assert routes.interface_to("10.9.0.5") is None
    assert routes.interface_to("fd00::5") is None


@pytest.mark.parametrize(("address", "is_missing"), [("10.9.0.7", False), ("10.9.0.8", True), ("10.9.0.9", False)])
def test_a_neighbour_that_nobody_is(address: str, is_missing: bool) -> None:
    assert routes.is_neighbour_missing(address) is is_missing
