from __future__ import annotations

from dataclasses import replace

import pytest

from cli.layout import render
from cli.render.ports import explanation, has_remark, is_good, ports_document, ports_table
from sync_core.model.probe import CheckResult, PortsReport, Protocol, Purpose, Verdict
from tests.support.golden import assert_golden
from tests.support.reports import OPEN_CHECK

_FILTERED = replace(
    OPEN_CHECK,
    source="scheduler-4440",
    target="slave-5000",
    address="10.9.0.2",
    protocol=Protocol.UDP,
    port=5000,
    purpose=Purpose.WAKE_UP,
    verdict=Verdict.FILTERED,
    elapsed_ms=3003.2,
    evidence=("5 datagrams were sent from 10.9.0.1", "none arrived"),
    fix="allow UDP port 5000",
)
_UNNAMED = replace(
    _FILTERED,
    target="dialin-0.sos",
    address="dialin-0.sos",
    protocol=Protocol.TCP,
    purpose=Purpose.COMMANDS,
    required=False,
    verdict=Verdict.DNS_ERROR,
    elapsed_ms=0.0,
    fix=None,
)
_REPORT = PortsReport(checks=(OPEN_CHECK, _FILTERED, _UNNAMED))


def test_table() -> None:
    screen = render(ports_table(_REPORT), color=False)
    assert_golden("check-ports.txt", screen + "".join(f"{line}\n" for line in explanation(_FILTERED)))


def test_explanation_without_a_next_step() -> None:
    assert explanation(OPEN_CHECK) == [
        "slave-5000 -> scheduler-4440 4440/tcp: open",
        "  10.9.0.1:4440 took the connection",
    ]


@pytest.mark.parametrize(
    ("check", "has_one"),
    [
        (OPEN_CHECK, False),
        (replace(OPEN_CHECK, evidence=(*OPEN_CHECK.evidence, "something else answers there")), True),
        (replace(OPEN_CHECK, evidence=("asked from this machine", *OPEN_CHECK.evidence)), False),
        (replace(OPEN_CHECK, evidence=()), False),
        (replace(OPEN_CHECK, protocol=Protocol.UDP, evidence=("they arrived",)), False),
        (replace(OPEN_CHECK, protocol=Protocol.UDP, evidence=("they arrived", "the way back is blocked")), True),
        (_FILTERED, False),
    ],
)
def test_open_ports_may_be_worth_a_word(check: CheckResult, has_one: bool) -> None:
    assert has_remark(check) is has_one


@pytest.mark.parametrize(
    ("verdict", "network_only", "good"),
    [
        (Verdict.OPEN, False, True),
        (Verdict.OPEN_UNCONFIRMED, False, True),
        (Verdict.NO_LISTENER, False, False),
        (Verdict.NO_LISTENER, True, True),
        (Verdict.HUNG, False, False),
        (Verdict.HUNG, True, True),
        (Verdict.REFUSED, True, False),
    ],
)
def test_good(verdict: Verdict, network_only: bool, good: bool) -> None:
    check = replace(OPEN_CHECK, verdict=verdict)
    assert is_good(check, PortsReport(checks=(check,), network_only=network_only)) is good


@pytest.mark.parametrize(
    ("check", "escape"),
    [
        (OPEN_CHECK, "\x1b[32mopen"),
        (replace(OPEN_CHECK, verdict=Verdict.OPEN_UNCONFIRMED), "\x1b[33mopen-unconfirmed"),
        (_FILTERED, "\x1b[1;31mfiltered"),
        (_UNNAMED, "\x1b[33mdns-error"),
    ],
)
def test_colours(check: CheckResult, escape: str) -> None:
    assert escape in render(ports_table(PortsReport(checks=(check,))), color=True)


def test_document_has_the_keys_of_the_contract() -> None:
    document = ports_document(_REPORT)
    assert document["ok"] is False
    assert isinstance(document["checks"], list)
    assert document["checks"][1] == {
        "source": "scheduler-4440",
        "target": "slave-5000",
        "address": "10.9.0.2",
        "protocol": "udp",
        "port": 5000,
        "purpose": "wake-up",
        "required": True,
        "vantage": "local",
        "verdict": "filtered",
        "elapsed_ms": 3003.2,
        "evidence": ["5 datagrams were sent from 10.9.0.1", "none arrived"],
        "fix": "allow UDP port 5000",
    }
