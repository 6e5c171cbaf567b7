"""Verdicts: what probe and far side together prove."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.probe import FarSide, Listener, Outcome, ProbeResult, Protocol, Verdict
from sync_core.model.verdict import Endpoint, decide
from tests.support.net import ip

TCP = Endpoint(source="master", host="slave", address=ip("10.9.0.2"), protocol=Protocol.TCP, port=5000)
UDP = Endpoint(source="master", host="slave", address=ip("10.9.0.2"), protocol=Protocol.UDP, port=5000)
HERE = Listener(address=ip("0.0.0.0"), pid=7, process_name="jsync")
ELSEWHERE = Listener(address=ip("127.0.0.1"), pid=7, process_name="jsync")

NOBODY = FarSide(is_held=False)
HELD = FarSide(listeners=(HERE,), is_held=True)
OTHER = FarSide(listeners=(ELSEWHERE,), is_held=False)


def seen(outcome: Outcome) -> ProbeResult:
    return ProbeResult(outcome=outcome, elapsed_ms=1.0, source_ip=ip("10.9.0.1"), evidence=("it happened",))


@pytest.mark.parametrize(
    ("endpoint", "outcome", "far_side", "verdict"),
    [
        (TCP, Outcome.CONNECTED, None, Verdict.OPEN),
        (TCP, Outcome.CLOSED, None, Verdict.NOT_ALLOWED),
        (TCP, Outcome.REFUSED, None, Verdict.REFUSED),
        (TCP, Outcome.REFUSED, NOBODY, Verdict.NO_LISTENER),
        (TCP, Outcome.REFUSED, FarSide(), Verdict.NO_LISTENER),
        (TCP, Outcome.REFUSED, OTHER, Verdict.WRONG_BIND),
        (TCP, Outcome.REFUSED, HELD, Verdict.REFUSED),
        (TCP, Outcome.REFUSED, FarSide(listeners=(HERE,)), Verdict.REFUSED),
        (TCP, Outcome.SILENT, None, Verdict.FILTERED),
        (TCP, Outcome.SILENT, HELD, Verdict.FILTERED),
        (TCP, Outcome.NOT_PERMITTED, None, Verdict.EGRESS_BLOCKED),
        (TCP, Outcome.PROHIBITED, None, Verdict.PROHIBITED),
        (TCP, Outcome.NO_ROUTE, None, Verdict.NO_ROUTE),
        (TCP, Outcome.FAILED, None, Verdict.UNKNOWN),
        (UDP, Outcome.ECHO, None, Verdict.OPEN),
        (UDP, Outcome.NOT_PERMITTED, FarSide(is_held=False, was_reached=False), Verdict.EGRESS_BLOCKED),
        (UDP, Outcome.SILENT, None, Verdict.OPEN_UNCONFIRMED),
        (UDP, Outcome.SILENT, HELD, Verdict.OPEN_UNCONFIRMED),
        (UDP, Outcome.SILENT, FarSide(listeners=(HERE,), is_held=True, has_vanished=False), Verdict.OPEN_UNCONFIRMED),
        (UDP, Outcome.SILENT, FarSide(listeners=(HERE,), is_held=True, has_vanished=True), Verdict.FILTERED),
        (UDP, Outcome.SILENT, FarSide(is_held=False, was_reached=False), Verdict.FILTERED),
        (UDP, Outcome.SILENT, FarSide(), Verdict.FILTERED),
        (UDP, Outcome.SILENT, FarSide(is_held=False, was_reached=True), Verdict.NO_LISTENER),
        (UDP, Outcome.HEARD, FarSide(is_held=False, was_reached=True), Verdict.NO_LISTENER),
        (UDP, Outcome.HEARD, None, Verdict.NO_LISTENER),
        (UDP, Outcome.HEARD, FarSide(listeners=(ELSEWHERE,), is_held=False, was_reached=True), Verdict.WRONG_BIND),
        (UDP, Outcome.REFUSED, None, Verdict.REFUSED),
        (UDP, Outcome.REFUSED, HELD, Verdict.REFUSED),
        (UDP, Outcome.REFUSED, FarSide(is_held=False, was_reached=False), Verdict.REFUSED),
    ],
)
def test_probe_and_far_side_decide(
    endpoint: Endpoint, outcome: Outcome, far_side: FarSide | None, verdict: Verdict
) -> None:
    assert decide(seen(outcome), far_side, endpoint).verdict is verdict


def test_the_evidence_tells_both_sides() -> None:
    far_side = FarSide(listeners=(ELSEWHERE,), is_held=False, was_reached=True)
    finding = decide(seen(Outcome.HEARD), far_side, UDP)
    assert finding.evidence == (
        "it happened",
        "UDP port 5000 is held by jsync (pid 7) on 127.0.0.1",
        "a temporary listener on 10.9.0.2:5000 was reached",
    )


def test_the_evidence_says_that_nobody_listens_and_that_packets_vanish() -> None:
    vanished = FarSide(is_held=True, was_reached=False, has_vanished=True)
    assert decide(seen(Outcome.SILENT), vanished, UDP).evidence[1:] == (
        "nothing is bound to UDP port 5000 on slave",
        "a temporary listener on 10.9.0.2:5000 was not reached",
        "the kernel's counters on the target saw fewer datagrams than were sent",
    )


@pytest.mark.parametrize(
    ("endpoint", "outcome", "far_side", "fix"),
    [
        (TCP, Outcome.CONNECTED, None, None),
        (TCP, Outcome.FAILED, None, None),
        (UDP, Outcome.SILENT, HELD, None),
        (TCP, Outcome.REFUSED, NOBODY, "start the agent: jsync up slave"),
        (TCP, Outcome.REFUSED, OTHER, "set `listen` of slave to 10.9.0.2, or leave it out, then: jsync up slave"),
        (
            TCP,
            Outcome.REFUSED,
            None,
            "start the agent of slave; if it runs, allow TCP port 5000 on slave (10.9.0.2) for 10.9.0.1 (master)",
        ),
        (
            TCP,
            Outcome.REFUSED,
            HELD,
            "allow TCP port 5000 on slave (10.9.0.2) for 10.9.0.1 (master): a firewall refuses it",
        ),
        (
            TCP,
            Outcome.SILENT,
            None,
            "allow TCP port 5000 on slave (10.9.0.2) for 10.9.0.1 (master): a firewall swallows it",
        ),
        (UDP, Outcome.NOT_PERMITTED, None, "allow outgoing udp to 10.9.0.2 port 5000 on master"),
        (TCP, Outcome.CLOSED, None, "add 10.9.0.1 to `allowed_hosts` of slave"),
        (TCP, Outcome.NO_ROUTE, None, "check `address` of slave, and the routes of master to 10.9.0.2"),
    ],
)
def test_the_fix_names_the_next_step(
    endpoint: Endpoint, outcome: Outcome, far_side: FarSide | None, fix: str | None
) -> None:
    assert decide(seen(outcome), far_side, endpoint).fix == fix


def test_a_fix_without_a_source_address_names_the_host() -> None:
    probe = ProbeResult(outcome=Outcome.CLOSED, elapsed_ms=1.0)
    assert decide(probe, None, TCP).fix == "add master to `allowed_hosts` of slave"


far_sides = st.none() | st.builds(
    FarSide,
    listeners=st.lists(st.sampled_from([HERE, ELSEWHERE]), unique=True).map(tuple),
    is_held=st.none() | st.booleans(),
    was_reached=st.none() | st.booleans(),
    has_vanished=st.none() | st.booleans(),
)


@given(st.sampled_from(Outcome), far_sides, st.sampled_from([TCP, UDP]))
def test_open_is_only_said_when_it_is_proven(outcome: Outcome, far_side: FarSide | None, endpoint: Endpoint) -> None:
    finding = decide(seen(outcome), far_side, endpoint)
    assert (finding.verdict is Verdict.OPEN) == (outcome in {Outcome.CONNECTED, Outcome.ECHO})
    assert finding.evidence[0] == "it happened"
    if endpoint.protocol is Protocol.TCP:
        assert finding.verdict is not Verdict.OPEN_UNCONFIRMED
