"""What `jsync firewall` prints, loaded into an empty machine, opens exactly the declared ways."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.lan import Lan, Machine, lan, why_no_lan

REASON = why_no_lan()
if REASON is not None and os.environ.get("JSYNC_REQUIRE_NETNS"):
    raise RuntimeError(REASON)
pytestmark = [pytest.mark.e2e, pytest.mark.skipif(REASON is not None, reason=REASON or "")]

INVENTORY = """\
all:
  vars: {connection: none}
masters:
  hosts:
    master: {address: master.test}
slaves:
  hosts:
    slave: {address: slave.test, tcp_port: 5000, udp_port: 5001}
"""
DECLARED = {
    ("master", version, protocol, port) for version in "46" for protocol, port in (("tcp", 5000), ("udp", 5001))
}
PORTS = (22, 4440, 5000, 5001, 5002)
LISTEN = """\
import selectors, socket, sys
found = selectors.DefaultSelector()
for port in map(int, sys.argv[1:]):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        one = socket.socket(socket.AF_INET6, kind)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(("::", port))
        if kind == socket.SOCK_STREAM:
            one.listen(16)
        found.register(one, selectors.EVENT_READ)
while True:
    for key, _ in found.select():
        if key.fileobj.type == socket.SOCK_STREAM:
            key.fileobj.accept()[0].close()
        else:
            key.fileobj.sendto(*key.fileobj.recvfrom(99))
"""
TRY = """\
import socket, sys
from concurrent.futures import ThreadPoolExecutor
def is_open(way):
    address, kind, port = way.split(",")
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, getattr(socket, kind)) as one:
        one.settimeout(1.5)
        try:
            one.connect((address, int(port)))
            if kind == "SOCK_DGRAM":
                one.send(b"?")
                one.recv(9)
        except OSError:
            return False
        return True
with ThreadPoolExecutor(64) as pool:
    ways = sys.argv[1:]
    print(*(way for way, yes in zip(ways, pool.map(is_open, ways)) if yes), sep="\\n")
"""


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Lan]:
    with lan(tmp_path) as made:
        for label in ("master", "slave", "stranger"):
            made.add(label, has_ssh=False)
        master, slave = made.machines["master"], made.machines["slave"]
        names = {f"{one.label}.test": (one.address, one.address6) for one in (master, slave)}
        made.names(master, names)
        (tmp_path / "jsync.yaml").write_text(INVENTORY)
        slave.python("-c", LISTEN, *map(str, PORTS), listener=f":{PORTS[-1]}")
        yield made


def open_ways(source: Machine, target: Machine) -> set[tuple[str, str, str, int]]:
    """Return by family, protocol and port what ``source`` reaches on ``target``."""
    kinds = {"SOCK_STREAM": "tcp", "SOCK_DGRAM": "udp"}
    ways = {
        f"{address},{kind},{port}": (source.label, version, name, port)
        for version, address in (("4", target.address), ("6", target.address6))
        for kind, name in kinds.items()
        for port in PORTS
    }
    done = source.run(sys.executable, "-c", TRY, *ways)
    assert done.returncode == 0, done.stderr
    return {ways[line] for line in done.stdout.split()}


@pytest.mark.parametrize(("kind", "loader"), [("nft", ["nft", "-f"]), ("iptables", ["sh", "-e"])])
def test_exactly_the_declared_ways_are_open(net: Lan, kind: str, loader: list[str]) -> None:
    master, slave, stranger = (net.machines[label] for label in ("master", "slave", "stranger"))
    assert len(open_ways(master, slave)) == 2 * 2 * len(PORTS)
    command = ("-m", "cli", "firewall", "slave", "--format", kind, "-i", str(net.folder / "jsync.yaml"))
    printed = master.run(sys.executable, *command)
    assert printed.returncode == 0, printed.stderr
    file = net.folder / "rules"
    file.write_text(printed.stdout)
    for _ in range(2 if kind == "nft" else 1):  # a second time changes nothing
        done = slave.run(*loader, str(file))
        assert done.returncode == 0, done.stderr
    assert open_ways(master, slave) == DECLARED
    assert open_ways(stranger, slave) == set()
    assert len(open_ways(slave, slave)) == 2 * 2 * len(PORTS)
    # What the host itself asks for is answered.
    master.python("-c", LISTEN, "4440", listener=":4440")
    assert ("slave", "4", "udp", 4440) in open_ways(slave, master)
