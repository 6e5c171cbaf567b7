"""Which ports an inventory needs."""

from __future__ import annotations

from sync_core.model.inventory import Role
from sync_core.model.required_ports import required_ports
from tests.support.net import a_host, an_inventory


def test_three_ports_for_each_slave_and_master() -> None:
    inventory = an_inventory(
        a_host("first", role=Role.MASTER),
        a_host("second", role=Role.MASTER, tcp_port=4441),
        a_host("slave", masters=("second", "first"), tcp_port=5001, udp_port=5002),
    )
    found = [(str(c.purpose), c.source.name, c.target.name, str(c.protocol), c.port) for c in required_ports(inventory)]
    assert found == [
        ("registration", "slave", "second", "tcp", 4441),
        ("wake-up", "second", "slave", "udp", 5002),
        ("commands", "second", "slave", "tcp", 5001),
        ("registration", "slave", "first", "tcp", 4440),
        ("wake-up", "first", "slave", "udp", 5002),
        ("commands", "first", "slave", "tcp", 5001),
    ]


def test_a_slave_without_udp_port_needs_no_wake_up() -> None:
    inventory = an_inventory(a_host("master", role=Role.MASTER), a_host("slave", udp_port=None))
    assert [str(check.purpose) for check in required_ports(inventory)] == ["registration", "commands"]


def test_the_slave_says_which_of_its_ports_are_required() -> None:
    slave = a_host("slave", tcp_required=False, udp_required=False)
    inventory = an_inventory(a_host("master", role=Role.MASTER), slave)
    assert [check.is_required for check in required_ports(inventory)] == [True, False, False]
