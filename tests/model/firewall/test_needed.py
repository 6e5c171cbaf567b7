from __future__ import annotations

import shlex
from typing import Any

import pytest

from sync_core.model.firewall.needed import Format, machines_of, rules_text
from sync_core.model.inventory import Role
from sync_core.model.probe import Purpose
from sync_core.model.required_ports import required_ports
from tests.support.net import a_host, an_inventory, ip

INVENTORY = an_inventory(
    a_host("master", role=Role.MASTER),
    a_host("one"),
    a_host("two", tcp_port=5001, udp_port=None),
    a_host("far"),
)
ADDRESSES = {
    "master": (ip("10.9.0.1"), ip("fd00:9::1")),
    "one": (ip("10.9.0.2"), ip("fd00:9::2")),
    "two": (ip("10.9.0.2"),),
    "far": (ip("10.8.0.7"),),
}


def machines(*names: str, **changes: Any) -> Any:
    return machines_of(names, required_ports(INVENTORY), {**ADDRESSES, **changes})


def ways(*names: str, **changes: Any) -> list[tuple[str, str, str, int, Purpose]]:
    return [
        (way.source_host, str(way.source), way.protocol, way.port, way.purpose)
        for machine in machines(*names, **changes)
        for way in machine.ways
    ]


def test_a_master_lets_its_slaves_in() -> None:
    assert ways("master") == [
        ("one", "10.9.0.2", "tcp", 4440, Purpose.REGISTRATION),
        ("one", "fd00:9::2", "tcp", 4440, Purpose.REGISTRATION),
        ("far", "10.8.0.7", "tcp", 4440, Purpose.REGISTRATION),
    ]


def test_hosts_on_one_machine_share_their_rules() -> None:
    (machine,) = machines("two", "one")
    assert machine.hosts == ("one", "two")
    assert machine.addresses == (ip("10.9.0.2"), ip("fd00:9::2"))
    assert ways("two") == [
        ("master", "10.9.0.1", "udp", 5000, Purpose.WAKE_UP),
        ("master", "fd00:9::1", "udp", 5000, Purpose.WAKE_UP),
        ("master", "10.9.0.1", "tcp", 5000, Purpose.COMMANDS),
        ("master", "fd00:9::1", "tcp", 5000, Purpose.COMMANDS),
        ("master", "10.9.0.1", "tcp", 5001, Purpose.COMMANDS),
        ("master", "fd00:9::1", "tcp", 5001, Purpose.COMMANDS),
    ]


def test_who_has_no_address_of_that_family_does_not_come_that_way() -> None:
    assert {source for _, source, *_ in ways("far")} == {"10.9.0.1"}


def test_what_stays_in_the_machine_needs_no_rule() -> None:
    assert ways("far", master=(ip("127.0.0.1"),)) == []
    assert ways("far", master=()) == []
    assert {host for host, *_ in ways("far", master=(ip("10.8.0.7"),))} == {"one"}


def text(kind: Format, **changes: Any) -> list[str]:
    (machine,) = machines("far", **changes)
    return rules_text(kind, machine).splitlines()


def test_for_nft() -> None:
    lines = text(Format.NFT)
    assert lines[0] == "# far (10.8.0.7)"
    assert lines[1].startswith("# Nothing else gets in")
    assert lines[2:] == [
        "table inet jsync",
        "delete table inet jsync",
        "table inet jsync {",
        "\tchain input {",
        "\t\ttype filter hook input priority 0; policy drop;",
        "\t\tct state established,related accept",
        '\t\tiif "lo" accept',
        "\t\ticmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept",
        '\t\tip saddr 10.9.0.1 udp dport 5000 accept comment "master wake-up"',
        '\t\tip saddr 10.9.0.1 tcp dport 5000 accept comment "master commands"',
        "\t}",
        "}",
    ]


def test_for_iptables_both_families_are_closed_last() -> None:
    lines = text(Format.IPTABLES)
    assert (
        lines[4] == "iptables -A INPUT -p udp -s 10.9.0.1 --dport 5000 -m comment --comment 'master wake-up' -j ACCEPT"
    )
    assert lines[6] == "iptables -P INPUT DROP"
    assert lines[-1] == "ip6tables -P INPUT DROP"
    assert not any("10.9.0.1" in line for line in lines[7:])


def test_for_firewalld_and_ufw_rules_come_on_top() -> None:
    assert text(Format.FIREWALLD)[1:] == [
        'firewall-cmd --permanent --add-rich-rule=\'rule family="ipv4" source address="10.9.0.1" port port="5000"'
        ' protocol="udp" accept\'  # master wake-up',
        'firewall-cmd --permanent --add-rich-rule=\'rule family="ipv4" source address="10.9.0.1" port port="5000"'
        ' protocol="tcp" accept\'  # master commands',
        "firewall-cmd --reload",
    ]
    assert text(Format.UFW)[1:] == [
        "ufw allow proto udp from 10.9.0.1 to any port 5000 comment 'master wake-up'",
        "ufw allow proto tcp from 10.9.0.1 to any port 5000 comment 'master commands'",
    ]


@pytest.mark.parametrize("kind", [Format.FIREWALLD, Format.UFW])
def test_nobody_who_comes_is_said(kind: Format) -> None:
    assert text(kind, master=())[1:] == ["# no other host of the inventory needs to get in"]


@pytest.mark.parametrize("kind", Format)
def test_a_name_can_do_no_harm(kind: Format) -> None:
    nasty = "m\"; $(reboot) \x1b\n'#"
    inventory = an_inventory(a_host(nasty, role=Role.MASTER), a_host("far", masters=(nasty,)))
    addresses = {nasty: ADDRESSES["master"], "far": ADDRESSES["far"]}
    for machine in machines_of([nasty, "far"], required_ports(inventory), addresses):
        printed = rules_text(kind, machine)
        assert "\x1b" not in printed
        for line in printed.splitlines():
            assert line.startswith("#") or "$(reboot)" not in line
            if kind is not Format.NFT and not line.startswith("#"):
                assert shlex.split(line, comments=True)
