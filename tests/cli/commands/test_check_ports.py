from __future__ import annotations

from dataclasses import replace

import pytest

from cli.commands.check_ports import until_ok
from sync_core.model.probe import PortsReport, Verdict
from tests.support.net import ManualClock
from tests.support.reports import OPEN_CHECK


@pytest.mark.parametrize(
    ("well_at", "wait_s", "checks", "ok"),
    [(1, 0.0, 1, True), (9, 0.0, 1, False), (3, 10.0, 3, True), (9, 2.5, 4, False)],
)
def test_waits_until_all_is_well(well_at: int, wait_s: float, checks: int, ok: bool) -> None:
    clock = ManualClock()
    made: list[float] = []

    def check() -> PortsReport:
        made.append(clock())
        verdict = Verdict.OPEN if len(made) == well_at else Verdict.REFUSED
        return PortsReport(checks=(replace(OPEN_CHECK, verdict=verdict),))

    def sleep(seconds: float) -> None:
        clock.now_s += seconds

    report = until_ok(check, wait_s=wait_s, now=clock, sleep=sleep)
    assert (len(made), report.ok) == (checks, ok)
    assert clock() - 1000 <= wait_s
