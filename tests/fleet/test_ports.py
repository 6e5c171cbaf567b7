"""check-ports on this machine, without firewalls; those come in tests/e2e/test_ports_netns.py."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from sync_core.fleet import ports as ports_module
from sync_core.fleet.ports import check_ports
from sync_core.model.errors import NotBuiltError
from sync_core.model.inventory import Connection, Host, Inventory, Role
from sync_core.model.probe import CheckResult, PortsReport, Protocol, Purpose, Vantage, Verdict
from sync_core.model.security import Level
from sync_core.net.datagrams import WakeUpListener
from sync_core.net.resolve import Resolver
from sync_core.net.server import CommandServer
from sync_core.net.server import Connection as ServerConnection
from sync_core.protocol.messages import Answer, OkAnswer, Request
from tests.support.net import a_host, an_inventory, free_port, listening, lookup_of

TIMEOUT_S = 5.0
SHORT_S = 0.5


def a_site(**slave: Any) -> Inventory:
    """Return a master and a slave whose ports nobody holds."""
    ports = {"tcp_port": free_port(), "udp_port": free_port()}
    return an_inventory(a_host("master", role=Role.MASTER, tcp_port=free_port()), a_host("slave", **{**ports, **slave}))


def checked(inventory: Inventory, *names: str, timeout_s: float = TIMEOUT_S, **options: Any) -> PortsReport:
    hosts = tuple(inventory.hosts[name] for name in names or inventory.hosts)
    return check_ports(inventory, hosts, timeout_s=timeout_s, **options)


def by_purpose(report: PortsReport) -> dict[Purpose, CheckResult]:
    return {check.purpose: check for check in report.checks}


@contextlib.contextmanager
def agents(*hosts: Host, level: Level = Level.ALL, listen: str | None = None) -> Iterator[None]:
    """Run the ports of agents in a thread of their own, as other processes would."""
    is_up, is_over = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def handle(_: ServerConnection, __: Request) -> Answer:
        return OkAnswer()

    async def serve() -> None:
        started: list[CommandServer | WakeUpListener] = []
        for host in hosts:
            server = CommandServer(
                listen=listen or host.listen,
                port=host.tcp_port,
                handler=handle,
                level_of=lambda _: level,
                answer_time=lambda: "2026-11-24 03:07:51",
            )
            await server.start()
            started.append(server)
            if host.udp_port is not None:
                listener = WakeUpListener(
                    listen=listen or host.listen,
                    port=host.udp_port,
                    on_wake_up=lambda _: None,
                    level_of=lambda _: level,
                )
                await listener.start()
                started.append(listener)
        is_up.set()
        await is_over.wait()
        for one in started:
            await one.close()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert is_up.wait(20)
        yield
    finally:
        loop.call_soon_threadsafe(is_over.set)
        thread.join()
        loop.close()


def test_everything_is_open_where_both_agents_run() -> None:
    inventory = a_site()
    with agents(*inventory.hosts.values()):
        report = checked(inventory)
    assert report.ok
    master, slave = inventory.hosts.values()
    assert [
        (c.source, c.target, c.address, c.protocol, c.port, c.purpose, c.required, c.vantage, c.verdict, c.fix)
        for c in report.checks
    ] == [
        (
            "slave", "master", "127.0.0.1", Protocol.TCP, master.tcp_port, Purpose.REGISTRATION,
            True, Vantage.LOCAL, Verdict.OPEN, None,
        ),
        (
            "master", "slave", "127.0.0.1", Protocol.UDP, slave.udp_port, Purpose.WAKE_UP,
            True, Vantage.LOCAL, Verdict.OPEN, None,
        ),
        (
            "master", "slave", "127.0.0.1", Protocol.TCP, slave.tcp_port, Purpose.COMMANDS,
            True, Vantage.LOCAL, Verdict.OPEN, None,
        ),
    ]  # fmt: skip
    assert all(check.elapsed_ms > 0 and check.evidence for check in report.checks)


def test_nobody_listens_where_nobody_listens() -> None:
    inventory = a_site()
    report = checked(inventory)
    assert not report.ok
    assert [check.verdict for check in report.checks] == [Verdict.NO_LISTENER] * 3
    assert by_purpose(report)[Purpose.REGISTRATION].fix == "start the agent: jsync up master"
    assert by_purpose(report)[Purpose.WAKE_UP].fix == "start the agent: jsync up slave"
    assert any("temporary listener" in line for line in by_purpose(report)[Purpose.WAKE_UP].evidence)


def test_before_go_live_that_is_good_enough() -> None:
    assert checked(a_site(), network_only=True).ok


def test_an_agent_bound_elsewhere_is_a_wrong_bind() -> None:
    inventory = a_site(address="127.0.0.2")
    with agents(inventory.hosts["slave"], listen="127.0.0.1"):
        found = by_purpose(checked(inventory))
    for purpose in (Purpose.WAKE_UP, Purpose.COMMANDS):
        assert found[purpose].verdict is Verdict.WRONG_BIND
        assert found[purpose].fix == "set `listen` of slave to 127.0.0.2, or leave it out, then: jsync up slave"
        assert any("on 127.0.0.1" in line for line in found[purpose].evidence)


def test_an_agent_of_the_other_family_is_a_wrong_bind() -> None:
    inventory = a_site(address="::1")
    with agents(inventory.hosts["slave"], listen="127.0.0.1"):
        found = by_purpose(checked(inventory))
    assert found[Purpose.WAKE_UP].verdict is Verdict.WRONG_BIND
    assert found[Purpose.COMMANDS].verdict is Verdict.WRONG_BIND


def test_a_peer_that_allowed_hosts_refuse_is_told_so() -> None:
    inventory = a_site()
    with agents(*inventory.hosts.values(), level=Level.NONE):
        found = by_purpose(checked(inventory, timeout_s=SHORT_S))
    assert found[Purpose.REGISTRATION].verdict is Verdict.NOT_ALLOWED
    assert found[Purpose.REGISTRATION].fix == "add 127.0.0.1 to `allowed_hosts` of master"
    assert found[Purpose.WAKE_UP].verdict is Verdict.OPEN_UNCONFIRMED


def test_a_silent_service_is_open_unconfirmed() -> None:
    inventory = a_site()
    port = inventory.hosts["slave"].udp_port
    assert port is not None
    with listening(port=port, udp=True):
        found = by_purpose(checked(inventory, timeout_s=SHORT_S))
    assert found[Purpose.WAKE_UP].verdict is Verdict.OPEN_UNCONFIRMED
    assert any(f"UDP port {port} is held by" in line for line in found[Purpose.WAKE_UP].evidence)


def test_the_kernel_s_counters_can_prove_that_a_silent_service_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def vanished(*_: object, **__: object) -> bool:
        return True

    monkeypatch.setattr(ports_module, "has_vanished", vanished)
    inventory = a_site()
    with listening(port=inventory.hosts["slave"].udp_port or 0, udp=True):
        found = by_purpose(checked(inventory, timeout_s=SHORT_S))
    assert found[Purpose.WAKE_UP].verdict is Verdict.FILTERED


def test_several_masters_may_check_the_same_port_at_once() -> None:
    masters = [a_host(f"master-{n}", role=Role.MASTER, tcp_port=free_port()) for n in range(4)]
    names = tuple(master.name for master in masters)
    slave = a_host("slave", masters=names, tcp_port=free_port(), udp_port=free_port())
    report = checked(an_inventory(*masters, slave), "slave")
    assert [check.verdict for check in report.checks] == [Verdict.NO_LISTENER] * 12


def test_many_checks_need_few_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports_module, "_AT_ONCE", 2)
    slaves = [a_host(f"slave-{n}", tcp_port=free_port(), udp_port=free_port()) for n in range(10)]
    report = checked(an_inventory(a_host("master", role=Role.MASTER, tcp_port=free_port()), *slaves))
    assert [check.verdict for check in report.checks] == [Verdict.NO_LISTENER] * 30


def test_hosts_choose_the_checks_that_have_them_at_either_end() -> None:
    inventory = an_inventory(
        a_host("master", role=Role.MASTER, tcp_port=free_port()),
        a_host("one", tcp_port=free_port(), udp_port=None),
        a_host("two", tcp_port=free_port(), udp_port=None),
    )
    ends = [{check.source, check.target} for check in checked(inventory, "two").checks]
    assert ends == [{"master", "two"}] * 2
    assert len(checked(inventory, "master").checks) == 4
    assert checked(inventory, "one", "two").checks[0].source == "one"


def test_no_hosts_no_checks() -> None:
    assert check_ports(a_site(), ()) == PortsReport(checks=())


def test_a_port_that_is_not_required_is_reported_and_decides_nothing() -> None:
    inventory = a_site(tcp_required=False, udp_required=False)
    with agents(inventory.hosts["master"]):
        report = checked(inventory)
    assert report.ok
    assert [check.required for check in report.checks] == [True, False, False]


def test_the_source_speaks_from_the_address_that_it_listens_on() -> None:
    inventory = an_inventory(
        a_host("master", role=Role.MASTER, tcp_port=free_port()),
        a_host("slave", listen="127.0.0.3", address="127.0.0.3", udp_port=None, tcp_port=free_port()),
    )
    with agents(inventory.hosts["master"]):
        found = by_purpose(checked(inventory))
    assert found[Purpose.REGISTRATION].evidence == (
        f"127.0.0.1:{inventory.hosts['master'].tcp_port} took the connection (from 127.0.0.3)",
    )


def test_hosts_that_are_only_ports_are_probed_from_here_and_not_looked_at() -> None:
    inventory = a_site(connection=Connection.NONE)
    found = by_purpose(checked(inventory))
    assert found[Purpose.REGISTRATION].vantage is Vantage.CONTROLLER
    assert found[Purpose.REGISTRATION].evidence[0] == "asked from this machine: slave is not within reach"
    assert found[Purpose.REGISTRATION].verdict is Verdict.NO_LISTENER
    for purpose in (Purpose.WAKE_UP, Purpose.COMMANDS):
        assert found[purpose].vantage is Vantage.LOCAL
        assert found[purpose].verdict is Verdict.REFUSED


@pytest.mark.parametrize(
    "changes",
    [{"connection": Connection.SSH}, {"connection": None, "address": "203.0.113.9"}],
    ids=["ssh", "elsewhere"],
)
def test_hosts_on_other_machines_are_not_built_yet(changes: dict[str, Any]) -> None:
    inventory = a_site(**changes)
    with pytest.raises(NotBuiltError, match="not built yet: slave") as caught:
        checked(inventory)
    assert caught.value.host == "slave"
    assert caught.value.hint


def test_a_host_that_did_not_say_is_local_where_its_address_is_this_machine_s() -> None:
    report = checked(a_site(connection=None))
    assert {check.vantage for check in report.checks} == {Vantage.LOCAL}


def test_a_name_that_nobody_knows_is_a_dns_error() -> None:
    inventory = a_site(connection=None, address="no-such-name.invalid")
    found = by_purpose(checked(inventory))
    assert found[Purpose.REGISTRATION].vantage is Vantage.CONTROLLER
    for purpose in (Purpose.WAKE_UP, Purpose.COMMANDS):
        assert found[purpose].verdict is Verdict.DNS_ERROR
        assert found[purpose].address == "no-such-name.invalid"
        assert "cannot resolve 'no-such-name.invalid'" in found[purpose].evidence[-1]
        assert found[purpose].fix == "correct `address` of slave in the inventory, or the name's DNS entry"


def test_a_name_with_several_addresses_gives_one_entry_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    lookup = lookup_of({"both.sos": ["127.0.0.1", "::1"]})
    monkeypatch.setattr(ports_module, "Resolver", lambda: Resolver(lookup=lookup))
    inventory = a_site(address="both.sos", udp_port=None)
    report = checked(inventory)
    assert [(check.purpose, check.address) for check in report.checks] == [
        (Purpose.REGISTRATION, "127.0.0.1"),
        (Purpose.COMMANDS, "127.0.0.1"),
        (Purpose.COMMANDS, "::1"),
    ]
