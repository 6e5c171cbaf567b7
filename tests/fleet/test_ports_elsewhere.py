"""check-ports with hosts behind SSH, and with names that lead elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from sync_core.fleet.access import Access
from sync_core.fleet.port_look import Looker
from sync_core.model.inventory import Connection, Inventory, Role
from sync_core.model.probe import Purpose, Vantage, Verdict
from tests.support.net import a_host, an_inventory, free_port
from tests.support.outposts import opener_of
from tests.support.port_checks import SHORT_S, a_site, agents, by_purpose, checked, count_answered


def test_hosts_that_are_only_ports_are_probed_from_here_and_not_looked_at() -> None:
    inventory = a_site(connection=Connection.NONE)
    found = by_purpose(checked(inventory))
    assert found[Purpose.REGISTRATION].vantage is Vantage.CONTROLLER
    assert found[Purpose.REGISTRATION].evidence[0] == "asked from this machine: slave has `connection: none`"
    assert found[Purpose.REGISTRATION].verdict is Verdict.NO_LISTENER
    for purpose in (Purpose.WAKE_UP, Purpose.COMMANDS):
        assert found[purpose].vantage is Vantage.LOCAL
        assert found[purpose].verdict is Verdict.REFUSED


def test_a_host_that_did_not_say_is_local_where_its_address_is_this_machine_s() -> None:
    report = checked(a_site(connection=None))
    assert {check.vantage for check in report.checks} == {Vantage.LOCAL}


def test_a_host_that_did_not_say_and_is_not_here_is_reached_by_ssh() -> None:
    opened: list[Access] = []
    inventory = a_site(connection=None, address="far.sos", udp_port=None)
    open_outpost = opener_of({"far.sos": ["203.0.113.9"]}, opened=opened, elsewhere={"far.sos": {}})
    found = by_purpose(checked(inventory, timeout_s=SHORT_S, open_outpost=open_outpost))
    assert found[Purpose.REGISTRATION].vantage is Vantage.SSH
    assert [access.address for access in opened] == [None, "far.sos"]


def test_hosts_with_one_access_share_one_outpost() -> None:
    opened: list[Access] = []
    slaves = [a_host(f"slave-{n}", connection=Connection.SSH, address="far.sos", udp_port=None) for n in range(3)]
    inventory = an_inventory(a_host("master", role=Role.MASTER, tcp_port=free_port()), *slaves)
    checked(inventory, open_outpost=opener_of({"far.sos": []}, opened=opened, elsewhere={"far.sos": {}}))
    assert [access.address for access in opened] == [None, "far.sos"]


def test_a_source_that_can_t_be_reached_is_replaced_by_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Looker, "count", count_answered)
    inventory = a_site(connection=Connection.SSH, address="127.0.0.1")
    with agents(*inventory.hosts.values()):
        found = by_purpose(checked(inventory, open_outpost=opener_of()))
    assert found[Purpose.REGISTRATION].vantage is Vantage.CONTROLLER
    assert found[Purpose.REGISTRATION].evidence[0] == (
        "asked from this machine: SSH to 127.0.0.1: Connection refused (start sshd)"
    )
    assert found[Purpose.REGISTRATION].verdict is Verdict.OPEN
    assert found[Purpose.WAKE_UP].verdict is Verdict.OPEN
    assert found[Purpose.WAKE_UP].vantage is Vantage.LOCAL


def test_a_target_that_can_t_be_looked_at_is_told_so() -> None:
    inventory = a_site(connection=Connection.SSH, address="127.0.0.1")
    found = by_purpose(checked(inventory, timeout_s=SHORT_S, open_outpost=opener_of()))
    for purpose in (Purpose.WAKE_UP, Purpose.COMMANDS):
        assert found[purpose].verdict is Verdict.REFUSED
        assert (
            "slave could not be looked at: SSH to 127.0.0.1: Connection refused (start sshd)" in found[purpose].evidence
        )


def test_a_name_that_nobody_knows_is_a_dns_error() -> None:
    inventory = a_site(address="no-such-name.invalid")
    found = by_purpose(checked(inventory, open_outpost=opener_of()))
    for purpose in (Purpose.WAKE_UP, Purpose.COMMANDS):
        assert found[purpose].verdict is Verdict.DNS_ERROR
        assert found[purpose].address == "no-such-name.invalid"
        assert "cannot resolve 'no-such-name.invalid'" in found[purpose].evidence[-1]
        assert found[purpose].fix == "correct `address` of slave in the inventory, or the name's DNS entry"


def a_misled_site(**slave: Any) -> Inventory:
    """Return a master behind SSH that looks for the slave, here, by a name."""
    ports = {"tcp_port": free_port(), "udp_port": free_port()}
    return an_inventory(
        a_host("master", role=Role.MASTER, tcp_port=free_port(), connection=Connection.SSH, address="master.sos"),
        a_host("slave", **{"address": "slave.sos", **ports, **slave}),
    )


def test_a_name_that_only_the_source_does_not_know_is_a_dns_error() -> None:
    open_outpost = opener_of({"slave.sos": ["192.0.2.2"]}, elsewhere={"master.sos": {}})
    found = by_purpose(checked(a_misled_site(), timeout_s=SHORT_S, open_outpost=open_outpost))
    assert found[Purpose.COMMANDS].verdict is Verdict.DNS_ERROR
    assert found[Purpose.COMMANDS].evidence[-2:] == (
        "this machine knows it as 192.0.2.2",
        "slave knows it as 192.0.2.2",
    )
    assert found[Purpose.COMMANDS].fix == ("correct `address` of slave in the inventory, or the name service of master")


def test_a_name_that_leads_to_somebody_else_is_a_dns_error() -> None:
    inventory = a_misled_site(connection=Connection.SSH)
    right, wrong = {"slave.sos": ["198.51.100.7"]}, {"slave.sos": ["127.0.0.1"]}
    open_outpost = opener_of(
        right, elsewhere={"master.sos": wrong, "slave.sos": right}, addresses={"slave.sos": ["198.51.100.7"]}
    )
    found = by_purpose(checked(inventory, timeout_s=SHORT_S, open_outpost=open_outpost))
    assert found[Purpose.COMMANDS].verdict is Verdict.DNS_ERROR
    assert found[Purpose.COMMANDS].evidence[0] == ("master takes slave.sos for 127.0.0.1, which is no address of slave")
    assert found[Purpose.COMMANDS].fix == "correct slave.sos in the name service or /etc/hosts of master"
    # Both outposts are this machine in truth, so the temporary listener is reached: that proves a NAT.
    assert found[Purpose.WAKE_UP].verdict is Verdict.NO_LISTENER


def test_a_loopback_address_of_another_machine_is_no_way() -> None:
    inventory = an_inventory(
        a_host("master", role=Role.MASTER, tcp_port=free_port()),
        a_host("slave", connection=Connection.SSH, address="127.0.0.1", tcp_port=free_port(), udp_port=None),
    )
    found = by_purpose(checked(inventory, open_outpost=opener_of(elsewhere={"127.0.0.1": {}})))
    assert found[Purpose.COMMANDS].verdict is Verdict.NO_ROUTE
    assert found[Purpose.COMMANDS].fix == "correct `address` of slave in the inventory"


def test_a_name_with_several_addresses_gives_one_entry_for_each() -> None:
    open_outpost = opener_of({"both.sos": ["127.0.0.1", "::1"]})
    inventory = a_site(address="both.sos", udp_port=None)
    report = checked(inventory, open_outpost=open_outpost)
    assert [(check.purpose, check.address) for check in report.checks] == [
        (Purpose.REGISTRATION, "127.0.0.1"),
        (Purpose.COMMANDS, "127.0.0.1"),
        (Purpose.COMMANDS, "::1"),
    ]
