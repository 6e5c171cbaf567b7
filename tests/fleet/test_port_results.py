"""What stands in a report beside the verdict, where hosts can't be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from sync_core.fleet.outposts import Post
from sync_core.fleet.port_look import Seen
from sync_core.fleet.port_results import Names, conclude
from sync_core.model.errors import HostError, UnreachableError
from sync_core.model.firewall.reader import ToolOutput
from sync_core.model.inventory import Role
from sync_core.model.probe import CheckResult, FarSide, Outcome, ProbeResult, Protocol, Purpose, Vantage, Verdict
from sync_core.model.required_ports import PortCheck
from sync_core.model.security import AllowedHost, IpAddress, Level
from sync_core.net.outpost import Outpost
from tests.support.firewalls import a_chain, a_ruleset, printed
from tests.support.net import a_host, ip, run

NOBODY = Names(elsewhere={})
FREE = {"nft-json": printed(a_ruleset())}
DROPS_IN = {"nft-json": printed(a_ruleset(a_chain(policy="drop")))}
DROPS_OUT = {"nft-json": printed(a_ruleset(a_chain("output", hook="output", policy="drop")))}
NO_ROOT = {"nft-json": printed(code=1, error="Operation not permitted")}
CHECK = PortCheck(
    source=a_host("master", role=Role.MASTER),
    target=a_host("slave", address="10.9.0.2"),
    protocol=Protocol.TCP,
    port=5000,
    purpose=Purpose.COMMANDS,
    is_required=True,
)


class Machine:
    """An outpost with these firewall tools."""

    def __init__(self, machine: str, tools: Mapping[str, ToolOutput] | None) -> None:
        self.machine = machine
        self.addresses = frozenset({ip("10.9.0.2")})
        self._tools = tools

    async def resolve(self, name: str) -> tuple[IpAddress, ...]:
        if name != "master.lan":
            raise UnreachableError(f"cannot resolve {name!r}")
        return (ip("10.9.0.1"),)

    async def interface_to(self, _: object) -> str:
        return "eth0"

    async def firewalls(self) -> Mapping[str, ToolOutput]:
        if self._tools is None:
            raise HostError("it was lost")
        return self._tools


def concluded(
    outcome: Outcome = Outcome.SILENT,
    *,
    source: Mapping[str, ToolOutput] | None = FREE,
    target: Mapping[str, ToolOutput] | None = FREE,
    vantages: tuple[Vantage, Vantage] = (Vantage.SSH, Vantage.SSH),
    check: PortCheck = CHECK,
    **changes: Any,
) -> CheckResult:
    values: dict[str, Any] = {
        "probe": ProbeResult(outcome=outcome, elapsed_ms=1.0, source_ip=ip("10.9.0.1"), evidence=("it happened",)),
        **changes,
    }
    posts = [
        Post(outpost=cast(Outpost, Machine(name, tools)), vantage=vantage, reason="no key")
        for name, tools, vantage in zip(("master", "slave"), (source, target), vantages, strict=True)
    ]
    seen = Seen(check=check, address=ip("10.9.0.2"), source=posts[0], target=posts[1], **values)
    return run(conclude(seen, None, NOBODY))


@pytest.mark.parametrize(
    ("source", "target", "verdict", "evidence"),
    [
        (
            FREE,
            DROPS_IN,
            Verdict.FILTERED,
            (
                "the firewall rules of master let it pass",
                "nft: inet filter input: policy drop, no rule accepts tcp dport 5000",
            ),
        ),
        (
            DROPS_OUT,
            FREE,
            Verdict.EGRESS_BLOCKED,
            ("master: nft: inet filter output: policy drop, no rule accepts tcp dport 5000",),
        ),
        (NO_ROOT, NO_ROOT, Verdict.FILTERED, ("nft: its rules could not be read: Operation not permitted",)),
        (None, None, Verdict.FILTERED, ("firewall rules could not be read: it was lost",)),
        (
            FREE,
            FREE,
            Verdict.FILTERED,
            ("the firewall rules of master let it pass", "the firewall rules of slave let it pass"),
        ),
    ],
)
def test_rules_of_both_ends_are_read_where_something_is_in_the_way(
    source: Mapping[str, ToolOutput] | None,
    target: Mapping[str, ToolOutput] | None,
    verdict: Verdict,
    evidence: tuple[str, ...],
) -> None:
    found = concluded(source=source, target=target)
    assert (found.verdict, found.evidence) == (verdict, ("it happened", *evidence))


@pytest.mark.parametrize("outcome", [Outcome.CONNECTED, Outcome.CLOSED, Outcome.NO_ROUTE])
def test_where_nothing_is_in_the_way_nobody_is_asked(outcome: Outcome) -> None:
    assert concluded(outcome, source=None, target=None).evidence == ("it happened",)


@pytest.mark.parametrize(("arrivals", "asked"), [((ip("10.9.0.1"),), False), (None, True)])
def test_a_free_way_that_is_proven_needs_no_rules(arrivals: tuple[Any, ...] | None, asked: bool) -> None:
    found = concluded(Outcome.REFUSED, target=None, far_side=FarSide(is_held=False, arrivals=arrivals))
    assert found.verdict is Verdict.NO_LISTENER
    assert ("firewall rules could not be read: it was lost" in found.evidence) is asked


def test_a_probe_without_an_address_of_its_own_has_no_packet_to_ask_about() -> None:
    probe = ProbeResult(outcome=Outcome.SILENT, elapsed_ms=1.0, evidence=("it happened",))
    assert concluded(source=None, target=None, probe=probe).evidence == ("it happened",)


def test_who_can_t_be_worked_on_is_said() -> None:
    found = concluded(vantages=(Vantage.CONTROLLER, Vantage.CONTROLLER))
    assert found.evidence == (
        "asked from this machine: no key",
        "slave could not be looked at: no key",
        "it happened",
    )
    assert concluded(Outcome.CONNECTED, vantages=(Vantage.SSH, Vantage.CONTROLLER)).evidence == ("it happened",)


def registering(allowed: Mapping[str, str] | None, purpose: Purpose = Purpose.REGISTRATION) -> PortCheck:
    """Return a check whose target declares ``allowed_hosts``: levels by host."""
    entries = (allowed or {}).items()
    declared = tuple(AllowedHost(host=host, level=Level.parse(level)) for host, level in entries)
    return replace(
        CHECK,
        source=a_host("slave", address="10.9.0.1"),
        target=a_host("master", role=Role.MASTER, allowed_hosts=None if allowed is None else declared),
        purpose=purpose,
    )


@pytest.mark.parametrize("allowed", [{"10.9.0.1": "info"}, {"10.0.0.0": "info"}, {"master.lan": "info", "::1": "all"}])
@pytest.mark.parametrize("target", [Vantage.SSH, Vantage.CONTROLLER])
def test_who_gets_in_and_may_not_register_is_not_allowed(allowed: Mapping[str, str], target: Vantage) -> None:
    found = concluded(Outcome.CONNECTED, check=registering(allowed), vantages=(Vantage.SSH, target))
    assert found.verdict is Verdict.NOT_ALLOWED
    assert found.evidence[-1] == (
        "by the inventory, `allowed_hosts` of master gives 10.9.0.1 the level info, and a registration needs no_add"
    )
    assert found.fix == "give 10.9.0.1 the level no_add in `allowed_hosts` of master"


@pytest.mark.parametrize(
    ("check", "source"),
    [
        (registering(None), Vantage.SSH),
        (registering({"10.9.0.1": "no_add"}), Vantage.SSH),
        (registering({"0.0.0.0": "info", "10.9.0.1": "all"}), Vantage.SSH),
        (registering({"10.9.0.7": "info"}), Vantage.SSH),  # it got in all the same: the target knows it by another name
        (registering({"10.9.0.1": "info", "nobody": "all"}), Vantage.SSH),  # who knows whom that means
        (registering({"10.9.0.1": "info"}), Vantage.CONTROLLER),  # this machine is not the source
        (registering({"10.9.0.1": "info"}, Purpose.COMMANDS), Vantage.SSH),
    ],
)
def test_a_level_that_is_high_enough_or_not_known_decides_nothing(check: PortCheck, source: Vantage) -> None:
    assert concluded(Outcome.CONNECTED, check=check, vantages=(source, Vantage.SSH)).verdict is Verdict.OPEN
