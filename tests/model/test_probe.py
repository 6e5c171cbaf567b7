"""Reports of port checks: when all is well."""

from __future__ import annotations

import pytest

from sync_core.model.probe import CheckResult, Listener, PortsReport, Protocol, Purpose, Vantage, Verdict
from tests.support.net import ip

GOOD = {Verdict.OPEN, Verdict.OPEN_UNCONFIRMED}


def a_result(verdict: Verdict, *, required: bool = True) -> CheckResult:
    return CheckResult(
        source="slave",
        target="master",
        address="127.0.0.1",
        protocol=Protocol.TCP,
        port=4440,
        purpose=Purpose.REGISTRATION,
        required=required,
        vantage=Vantage.LOCAL,
        verdict=verdict,
        elapsed_ms=1.0,
        evidence=(),
        fix=None,
    )


@pytest.mark.parametrize("verdict", Verdict)
def test_a_required_port_must_be_open(verdict: Verdict) -> None:
    assert PortsReport(checks=(a_result(verdict),)).ok is (verdict in GOOD)


@pytest.mark.parametrize("verdict", Verdict)
def test_before_go_live_nobody_need_listen(verdict: Verdict) -> None:
    report = PortsReport(checks=(a_result(verdict),), network_only=True)
    assert report.ok is (verdict in GOOD | {Verdict.NO_LISTENER, Verdict.HUNG})


def test_a_port_that_is_not_required_decides_nothing() -> None:
    checks = (a_result(Verdict.FILTERED, required=False), a_result(Verdict.OPEN))
    assert PortsReport(checks=checks).ok


def test_one_closed_port_is_enough() -> None:
    assert not PortsReport(checks=(a_result(Verdict.OPEN), a_result(Verdict.FILTERED))).ok


def test_the_words_are_those_of_the_contract() -> None:
    assert {str(verdict) for verdict in Verdict} == {
        "open", "open-unconfirmed", "no-listener", "refused", "filtered", "prohibited", "egress-blocked",
        "wrong-bind", "not-allowed", "no-route", "dns-error", "hung", "unknown",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("listener", "text"),
    [
        (Listener(address=ip("0.0.0.0"), pid=7, process_name="jsync"), "jsync (pid 7) on 0.0.0.0"),
        (Listener(address=ip("::1"), pid=7), "a process (pid 7) on ::1"),
        (Listener(address=ip("::1")), "a process of another user on ::1"),
    ],
)
def test_a_listener_says_who_it_is(listener: Listener, text: str) -> None:
    assert str(listener) == text
