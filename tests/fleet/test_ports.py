"""check-ports on this machine, without firewalls; those come in tests/e2e/test_ports_netns.py."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from sync_core.fleet import ports as ports_module
from sync_core.fleet.access import Access
from sync_core.fleet.port_look import Looker
from sync_core.fleet.ports import Options, check_ports
from sync_core.model.inventory import Connection, Role
from sync_core.model.probe import CheckResult, Counted, PortsReport, Protocol, Purpose, Vantage, Verdict
from sync_core.model.required_ports import PortCheck
from sync_core.model.security import Level
from tests.support.net import a_host, an_inventory, free_port, listening, taking_all
from tests.support.outposts import opener_of
from tests.support.port_checks import SHORT_S, TIMEOUT_S, a_site, agents, by_purpose, checked, count_answered


def test_everything_is_open_where_both_agents_run(monkeypatch: pytest.MonkeyPatch) -> None:
    # Agents in this process don't look like agents, and the counters of this machine are everybody's.
    monkeypatch.setattr(Looker, "count", count_answered)
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
    assert found[Purpose.COMMANDS].verdict is Verdict.NOT_ALLOWED


def test_a_service_that_reads_nothing_hangs() -> None:
    inventory = a_site()
    port = inventory.hosts["slave"].udp_port
    assert port is not None
    with listening(port=port, udp=True):
        found = by_purpose(checked(inventory, timeout_s=SHORT_S))
    assert found[Purpose.WAKE_UP].verdict is Verdict.HUNG
    assert "the datagrams arrived and lie in the kernel of slave: nobody reads them" in found[Purpose.WAKE_UP].evidence
    assert any(f"UDP port {port} of slave is held by" in line for line in found[Purpose.WAKE_UP].evidence)


@pytest.mark.parametrize(
    ("counted", "verdict"), [(Counted.VANISHED, Verdict.FILTERED), (None, Verdict.OPEN_UNCONFIRMED)]
)
def test_the_kernel_s_counters_decide_about_a_silent_service(
    monkeypatch: pytest.MonkeyPatch, counted: Counted | None, verdict: Verdict
) -> None:
    async def count(*_: object) -> Counted | None:
        return counted

    monkeypatch.setattr(Looker, "count", count)
    inventory = a_site()
    with listening(port=inventory.hosts["slave"].udp_port or 0, udp=True):
        found = by_purpose(checked(inventory, timeout_s=SHORT_S))
    assert found[Purpose.WAKE_UP].verdict is verdict


def test_a_service_that_takes_no_connection_hangs() -> None:
    inventory = a_site(udp_port=None)
    with listening(port=inventory.hosts["slave"].tcp_port):
        found = by_purpose(checked(inventory))
    assert found[Purpose.COMMANDS].verdict is Verdict.HUNG
    assert found[Purpose.COMMANDS].fix is None
    words = "connections arrive there and wait in the kernel of slave: nobody takes them"
    assert words in found[Purpose.COMMANDS].evidence


def test_something_else_than_jsync_is_told_so() -> None:
    inventory = a_site(udp_port=None)
    with taking_all(inventory.hosts["slave"].tcp_port):
        found = by_purpose(checked(inventory))
    assert found[Purpose.COMMANDS].verdict is Verdict.OPEN
    assert found[Purpose.COMMANDS].evidence[1].startswith("is that jsync or a JobScheduler?")


def test_several_masters_may_check_the_same_port_at_once() -> None:
    masters = [a_host(f"master-{n}", role=Role.MASTER, tcp_port=free_port()) for n in range(4)]
    names = tuple(master.name for master in masters)
    slave = a_host("slave", masters=names, tcp_port=free_port(), udp_port=free_port())
    report = checked(an_inventory(*masters, slave), "slave")
    assert [check.verdict for check in report.checks] == [Verdict.NO_LISTENER] * 12


def test_many_checks_need_few_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports_module, "_FILES_PER_CHECK", 1 << 30)
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


def test_results_are_told_as_they_come() -> None:
    told: list[tuple[PortCheck, CheckResult]] = []
    report = checked(a_site(), told=told)
    assert sorted(result.purpose for _, result in told) == sorted(check.purpose for check in report.checks)
    assert all(check.port == result.port for check, result in told)


def test_waits_until_all_is_well_and_tries_again_who_was_not_reached() -> None:
    inventory = a_site(connection=Connection.SSH, tcp_required=False, udp_required=False)
    told: list[tuple[PortCheck, CheckResult]] = []
    opened: list[Access] = []
    with contextlib.ExitStack() as stack:

        def start(check: PortCheck, result: CheckResult) -> None:
            told.append((check, result))
            if len(told) == 3:
                stack.enter_context(agents(inventory.hosts["master"]))

        report = check_ports(
            inventory,
            tuple(inventory.hosts.values()),
            Options(timeout_s=TIMEOUT_S, wait_s=60),
            watcher=start,
            open_outpost=opener_of(opened=opened),
        )
    assert report.ok
    assert len(told) == 6
    assert [access.address for access in opened] == [None, "127.0.0.1", "127.0.0.1"]


def test_waits_no_longer_than_it_may() -> None:
    assert not checked(a_site(), wait_s=0.01).ok


def test_checks_that_come_to_no_end_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> None:
        await asyncio.sleep(3600)

    monkeypatch.setattr(Looker, "look", never)
    monkeypatch.setattr(Options, "deadline_s", 0.5)
    report = checked(a_site())
    assert [check.verdict for check in report.checks] == [Verdict.UNKNOWN] * 3
    assert report.checks[0].evidence[-1] == "not finished within 0.5 s"


def test_a_password_is_never_shown() -> None:
    assert "geheim" not in repr(Options(password="geheim"))
