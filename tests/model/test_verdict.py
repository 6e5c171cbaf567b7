"""Verdicts: what probe and far side together prove."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.firewall.judgement import Action
from sync_core.model.firewall.reader import Reading
from sync_core.model.probe import Counted, FarSide, Listener, Outcome, ProbeResult, Protocol, Verdict
from sync_core.model.verdict import Endpoint, Surroundings, decide
from tests.support.net import ip

TCP = Endpoint(source="master", host="slave", address=ip("10.9.0.2"), protocol=Protocol.TCP, port=5000)
UDP = Endpoint(source="master", host="slave", address=ip("10.9.0.2"), protocol=Protocol.UDP, port=5000)
HERE = Listener(address=ip("0.0.0.0"), pid=7, process_name="jsync")
ELSEWHERE = Listener(address=ip("127.0.0.1"), pid=7, process_name="jsync")

SOURCE = ip("10.9.0.1")
NAT = ip("10.9.0.254")
OURS = Listener(address=ip("0.0.0.0"), pid=7, process_name="jsync", is_agent=True)
NOBODY = FarSide(is_held=False)
HELD = FarSide(listeners=(HERE,), is_held=True)
OTHER = FarSide(listeners=(ELSEWHERE,), is_held=False)
REACHED = FarSide(is_held=False, arrivals=(SOURCE,))
MISSED = FarSide(is_held=False, arrivals=())
DROPS = Reading(action=Action.DROP, evidence=("a rule drops it",), fix="open it")
REJECTS = Reading(action=Action.REJECT, evidence=("a rule rejects it",), fix="open it")
ACCEPTS = Reading(action=Action.ACCEPT, evidence=())
UNSURE = Reading(action=Action.UNSURE, evidence=("nobody knows",))


def counted(word: Counted | None, listener: Listener = HERE) -> FarSide:
    return FarSide(listeners=(listener,), is_held=True, counted=word)


def seen(outcome: Outcome) -> ProbeResult:
    return ProbeResult(outcome=outcome, elapsed_ms=1.0, source_ip=SOURCE, evidence=("it happened",))


@pytest.mark.parametrize(
    ("endpoint", "outcome", "far_side", "verdict"),
    [
        (TCP, Outcome.CONNECTED, None, Verdict.OPEN),
        (TCP, Outcome.CLOSED, None, Verdict.NOT_ALLOWED),
        (TCP, Outcome.REFUSED, None, Verdict.REFUSED),
        (TCP, Outcome.REFUSED, REACHED, Verdict.NO_LISTENER),
        (TCP, Outcome.REFUSED, MISSED, Verdict.PROHIBITED),
        (TCP, Outcome.REFUSED, NOBODY, Verdict.NO_LISTENER),
        (TCP, Outcome.REFUSED, FarSide(), Verdict.NO_LISTENER),
        (TCP, Outcome.REFUSED, OTHER, Verdict.WRONG_BIND),
        (TCP, Outcome.REFUSED, FarSide(listeners=(ELSEWHERE,), arrivals=(SOURCE,)), Verdict.WRONG_BIND),
        (TCP, Outcome.REFUSED, HELD, Verdict.PROHIBITED),
        (TCP, Outcome.SILENT, None, Verdict.FILTERED),
        (TCP, Outcome.SILENT, HELD, Verdict.FILTERED),
        (TCP, Outcome.NOT_PERMITTED, None, Verdict.EGRESS_BLOCKED),
        (TCP, Outcome.PROHIBITED, None, Verdict.PROHIBITED),
        (TCP, Outcome.NO_ROUTE, None, Verdict.NO_ROUTE),
        (TCP, Outcome.FAILED, None, Verdict.UNKNOWN),
        (UDP, Outcome.ECHO, None, Verdict.OPEN),
        (UDP, Outcome.NOT_PERMITTED, MISSED, Verdict.EGRESS_BLOCKED),
        (UDP, Outcome.SILENT, None, Verdict.UNKNOWN),
        (UDP, Outcome.SILENT, HELD, Verdict.OPEN_UNCONFIRMED),
        (UDP, Outcome.SILENT, counted(Counted.ARRIVED), Verdict.OPEN),
        (UDP, Outcome.SILENT, counted(Counted.ANSWERED), Verdict.OPEN),
        (UDP, Outcome.SILENT, counted(Counted.ARRIVED, OURS), Verdict.NOT_ALLOWED),
        (UDP, Outcome.SILENT, counted(Counted.ANSWERED, OURS), Verdict.OPEN),
        (UDP, Outcome.SILENT, counted(Counted.VANISHED), Verdict.FILTERED),
        (UDP, Outcome.SILENT, counted(Counted.UNREAD), Verdict.HUNG),
        (UDP, Outcome.SILENT, counted(Counted.UNREAD, OURS), Verdict.HUNG),
        (TCP, Outcome.CONNECTED, FarSide(is_untaken=True), Verdict.HUNG),
        (TCP, Outcome.SILENT, FarSide(is_untaken=True), Verdict.HUNG),
        (UDP, Outcome.SILENT, MISSED, Verdict.FILTERED),
        (UDP, Outcome.SILENT, FarSide(), Verdict.FILTERED),
        (UDP, Outcome.SILENT, REACHED, Verdict.NO_LISTENER),
        (UDP, Outcome.HEARD, REACHED, Verdict.NO_LISTENER),
        (UDP, Outcome.HEARD, FarSide(listeners=(ELSEWHERE,), arrivals=(SOURCE,)), Verdict.WRONG_BIND),
        (UDP, Outcome.REFUSED, None, Verdict.REFUSED),
        (UDP, Outcome.REFUSED, HELD, Verdict.PROHIBITED),
        (UDP, Outcome.REFUSED, MISSED, Verdict.PROHIBITED),
        (UDP, Outcome.PROHIBITED, None, Verdict.PROHIBITED),
    ],
)
def test_probe_and_far_side_decide(
    endpoint: Endpoint, outcome: Outcome, far_side: FarSide | None, verdict: Verdict
) -> None:
    assert decide(seen(outcome), far_side, endpoint).verdict is verdict


@pytest.mark.parametrize(
    ("endpoint", "outcome", "far_side", "around", "verdict"),
    [
        (TCP, Outcome.SILENT, None, Surroundings(source_rules=DROPS), Verdict.EGRESS_BLOCKED),
        (TCP, Outcome.REFUSED, NOBODY, Surroundings(source_rules=REJECTS), Verdict.EGRESS_BLOCKED),
        (TCP, Outcome.PROHIBITED, None, Surroundings(source_rules=REJECTS), Verdict.EGRESS_BLOCKED),
        (TCP, Outcome.SILENT, None, Surroundings(source_rules=UNSURE), Verdict.FILTERED),
        (TCP, Outcome.REFUSED, NOBODY, Surroundings(target_rules=REJECTS), Verdict.PROHIBITED),
        (TCP, Outcome.REFUSED, REACHED, Surroundings(target_rules=REJECTS, source_rules=DROPS), Verdict.NO_LISTENER),
        (TCP, Outcome.CONNECTED, None, Surroundings(target_rules=DROPS, source_rules=DROPS), Verdict.OPEN),
        (UDP, Outcome.SILENT, REACHED, Surroundings(source_rules=DROPS), Verdict.NO_LISTENER),
        (UDP, Outcome.SILENT, HELD, Surroundings(is_turned_away=True), Verdict.NOT_ALLOWED),
        (UDP, Outcome.SILENT, HELD, Surroundings(target_rules=DROPS), Verdict.FILTERED),
        (UDP, Outcome.SILENT, None, Surroundings(is_alive=True), Verdict.OPEN_UNCONFIRMED),
        (UDP, Outcome.SILENT, None, Surroundings(is_alive=False), Verdict.UNKNOWN),
    ],
)
def test_surroundings_say_who_is_to_blame(
    endpoint: Endpoint, outcome: Outcome, far_side: FarSide | None, around: Surroundings, verdict: Verdict
) -> None:
    assert decide(seen(outcome), far_side, endpoint, around).verdict is verdict


@pytest.mark.parametrize(
    ("endpoint", "outcome", "far_side", "around", "evidence"),
    [
        (
            UDP,
            Outcome.HEARD,
            FarSide(listeners=(ELSEWHERE,), is_held=False, arrivals=(SOURCE,)),
            Surroundings(),
            (
                "UDP port 5000 of slave is held by jsync (pid 7) on 127.0.0.1",
                "a temporary listener on 10.9.0.2:5000 was reached",
            ),
        ),
        (
            UDP,
            Outcome.SILENT,
            FarSide(is_held=False, arrivals=(NAT,)),
            Surroundings(),
            (
                "nothing is bound to UDP port 5000 on slave",
                "a temporary listener on 10.9.0.2:5000 was reached",
                "slave sees it come from 10.9.0.254: a NAT is in between",
                "no answer came back: the way back, from UDP port 5000 of slave to master, is blocked",
            ),
        ),
        (
            UDP,
            Outcome.SILENT,
            MISSED,
            Surroundings(target_rules=DROPS, source_rules=ACCEPTS),
            (
                "nothing is bound to UDP port 5000 on slave",
                "a temporary listener on 10.9.0.2:5000 was not reached",
                "the firewall rules of master let it pass",
                "a rule drops it",
            ),
        ),
        (
            UDP,
            Outcome.SILENT,
            counted(Counted.VANISHED),
            Surroundings(source_rules=DROPS),
            (
                "UDP port 5000 of slave is held by jsync (pid 7) on 0.0.0.0",
                "the kernel of slave counted fewer datagrams than were sent: they did not arrive",
                "master: a rule drops it",
            ),
        ),
        (
            UDP,
            Outcome.SILENT,
            counted(Counted.ARRIVED, OURS),
            Surroundings(),
            (
                "UDP port 5000 of slave is held by jsync (pid 7) on 0.0.0.0",
                "the kernel of slave counted the datagrams: they arrived, and nothing was sent back",
                "an agent answers only to whom its `allowed_hosts` let in: master is not among them",
            ),
        ),
        (
            UDP,
            Outcome.SILENT,
            None,
            Surroundings(),
            ("silence on UDP proves nothing, and nothing else answers at that address",),
        ),
        (
            TCP,
            Outcome.REFUSED,
            MISSED,
            Surroundings(),
            (
                "nothing is bound to TCP port 5000 on slave",
                "a temporary listener on 10.9.0.2:5000 was not reached",
                "somebody waits there and we are refused: a rule on the way does it to master",
            ),
        ),
    ],
)
def test_the_evidence_tells_both_sides(
    endpoint: Endpoint, outcome: Outcome, far_side: FarSide | None, around: Surroundings, evidence: tuple[str, ...]
) -> None:
    assert decide(seen(outcome), far_side, endpoint, around).evidence == ("it happened", *evidence)


def test_a_place_of_ipv6_has_brackets() -> None:
    assert Endpoint(source="m", host="s", address=ip("fd00::7"), protocol=Protocol.TCP, port=1).place == "[fd00::7]:1"


@pytest.mark.parametrize(
    ("endpoint", "outcome", "far_side", "around", "fix"),
    [
        (TCP, Outcome.CONNECTED, None, Surroundings(), None),
        (TCP, Outcome.FAILED, None, Surroundings(), None),
        (UDP, Outcome.SILENT, HELD, Surroundings(), None),
        (UDP, Outcome.SILENT, None, Surroundings(), "let jsync look from slave: set its `connection` to local or ssh"),
        (TCP, Outcome.REFUSED, NOBODY, Surroundings(), "start the agent: jsync up slave"),
        (
            TCP,
            Outcome.REFUSED,
            OTHER,
            Surroundings(),
            "set `listen` of slave to 10.9.0.2, or leave it out, then: jsync up slave",
        ),
        (
            TCP,
            Outcome.REFUSED,
            None,
            Surroundings(),
            "start the agent of slave; if it runs, allow TCP port 5000 on slave (10.9.0.2) for 10.9.0.1 (master)",
        ),
        (
            TCP,
            Outcome.REFUSED,
            HELD,
            Surroundings(),
            "allow TCP port 5000 on slave (10.9.0.2) for 10.9.0.1 (master): a firewall refuses it",
        ),
        (
            TCP,
            Outcome.SILENT,
            None,
            Surroundings(),
            "allow TCP port 5000 on slave (10.9.0.2) for 10.9.0.1 (master): a firewall swallows it",
        ),
        (
            TCP,
            Outcome.SILENT,
            None,
            Surroundings(target_rules=ACCEPTS),
            "allow TCP port 5000 on slave (10.9.0.2) for 10.9.0.1 (master) on what lies between master and slave:"
            " a firewall swallows it",
        ),
        (TCP, Outcome.SILENT, None, Surroundings(target_rules=DROPS), "open it"),
        (TCP, Outcome.SILENT, None, Surroundings(source_rules=DROPS), "on master: open it"),
        (UDP, Outcome.NOT_PERMITTED, None, Surroundings(), "allow outgoing udp to 10.9.0.2 port 5000 on master"),
        (TCP, Outcome.CLOSED, None, Surroundings(), "add 10.9.0.1 to `allowed_hosts` of slave"),
        (TCP, Outcome.NO_ROUTE, None, Surroundings(), "check `address` of slave, and the routes of master to 10.9.0.2"),
    ],
)
def test_the_fix_names_the_next_step(
    endpoint: Endpoint, outcome: Outcome, far_side: FarSide | None, around: Surroundings, fix: str | None
) -> None:
    assert decide(seen(outcome), far_side, endpoint, around).fix == fix


def test_a_fix_without_a_source_address_names_the_host() -> None:
    probe = ProbeResult(outcome=Outcome.CLOSED, elapsed_ms=1.0)
    assert decide(probe, None, TCP).fix == "add master to `allowed_hosts` of slave"


far_sides = st.none() | st.builds(
    FarSide,
    listeners=st.lists(st.sampled_from([HERE, ELSEWHERE, OURS]), unique=True).map(tuple),
    is_held=st.none() | st.booleans(),
    arrivals=st.none() | st.lists(st.sampled_from([SOURCE, NAT])).map(tuple),
    counted=st.none() | st.sampled_from(Counted),
)
readings = st.none() | st.sampled_from([DROPS, REJECTS, ACCEPTS, UNSURE])
surroundings = st.builds(
    Surroundings,
    target_rules=readings,
    source_rules=readings,
    is_turned_away=st.booleans(),
    is_alive=st.none() | st.booleans(),
)


@given(st.sampled_from(Outcome), far_sides, st.sampled_from([TCP, UDP]), surroundings)
def test_open_is_only_said_when_it_is_proven(
    outcome: Outcome, far_side: FarSide | None, endpoint: Endpoint, around: Surroundings
) -> None:
    finding = decide(seen(outcome), far_side, endpoint, around)
    if finding.verdict is Verdict.OPEN and outcome not in {Outcome.CONNECTED, Outcome.ECHO}:
        assert endpoint.protocol is Protocol.UDP
        assert far_side is not None
        assert far_side.counted in {Counted.ARRIVED, Counted.ANSWERED}
    assert finding.evidence[0] == "it happened"
    if endpoint.protocol is Protocol.TCP:
        assert finding.verdict is not Verdict.OPEN_UNCONFIRMED


@given(st.sampled_from(Outcome), far_sides, st.sampled_from([TCP, UDP]), readings)
def test_rules_never_open_anything(
    outcome: Outcome, far_side: FarSide | None, endpoint: Endpoint, reading: Reading | None
) -> None:
    without = decide(seen(outcome), far_side, endpoint).verdict
    with_rules = decide(seen(outcome), far_side, endpoint, Surroundings(target_rules=reading)).verdict
    good = {Verdict.OPEN, Verdict.OPEN_UNCONFIRMED, Verdict.NO_LISTENER}
    assert with_rules is without or (with_rules not in good and without in {*good, Verdict.WRONG_BIND})
