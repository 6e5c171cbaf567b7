"""check-ports on this machine, without firewalls; those come in tests/e2e/test_ports_netns.py."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from sync_core.fleet import ports as ports_module
from sync_core.fleet.access import Access
from sync_core.fleet.outposts import Opener
from sync_core.fleet.port_look import Looker
from sync_core.fleet.ports import Options, check_ports
from sync_core.model.inventory import Connection, Host, Inventory, Role
from sync_core.model.probe import CheckResult, Counted, PortsReport, Protocol, Purpose, Vantage, Verdict
from sync_core.model.required_ports import PortCheck
from sync_core.model.security import Level
from sync_core.net.datagrams import WakeUpListener
from sync_core.net.server import CommandServer
from sync_core.net.server import Connection as ServerConnection
from sync_core.protocol.messages import Answer, OkAnswer, Request
from tests.support.net import a_host, an_inventory, free_port, listening
from tests.support.outposts import opener_of

TIMEOUT_S = 5.0
SHORT_S = 0.5


def a_site(**slave: Any) -> Inventory:
    """Return a master and a slave whose ports nobody holds."""
    ports = {"tcp_port": free_port(), "udp_port": free_port()}
    return an_inventory(a_host("master", role=Role.MASTER, tcp_port=free_port()), a_host("slave", **{**ports, **slave}))


def checked(
    inventory: Inventory,
    *names: str,
    timeout_s: float = TIMEOUT_S,
    open_outpost: Opener | None = None,
    told: list[tuple[PortCheck, CheckResult]] | None = None,
    **options: Any,
) -> PortsReport:
    hosts = tuple(inventory.hosts[name] for name in names or inventory.hosts)
    noted: list[tuple[PortCheck, CheckResult]] = [] if told is None else told
    return check_ports(
        inventory,
        hosts,
        Options(timeout_s=timeout_s, **options),
        watcher=lambda check, result: noted.append((check, result)),
        open_outpost=open_outpost,
    )


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


async def _answered(*_: object) -> Counted:
    return Counted.ANSWERED


def test_everything_is_open_where_both_agents_run(monkeypatch: pytest.MonkeyPatch) -> None:
    # Agents in this process don't look like agents, and the counters of this machine are everybody's.
    monkeypatch.setattr(Looker, "count", _answered)
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


def test_a_silent_service_is_open_where_datagrams_wait_for_it() -> None:
    inventory = a_site()
    port = inventory.hosts["slave"].udp_port
    assert port is not None
    with listening(port=port, udp=True):
        found = by_purpose(checked(inventory, timeout_s=SHORT_S))
    assert found[Purpose.WAKE_UP].verdict is Verdict.OPEN
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


def test_something_else_than_jsync_is_told_so() -> None:
    inventory = a_site(udp_port=None)
    with listening(port=inventory.hosts["slave"].tcp_port):
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
    monkeypatch.setattr(Looker, "count", _answered)
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
