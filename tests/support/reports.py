"""Parts of reports, to be changed by ``dataclasses.replace``."""

from __future__ import annotations

from sync_core.model.probe import CheckResult, Protocol, Purpose, Vantage, Verdict

__all__ = ["OPEN_CHECK"]

OPEN_CHECK = CheckResult(
    source="slave-5000",
    target="scheduler-4440",
    address="10.9.0.1",
    protocol=Protocol.TCP,
    port=4440,
    purpose=Purpose.REGISTRATION,
    required=True,
    vantage=Vantage.LOCAL,
    verdict=Verdict.OPEN,
    elapsed_ms=1.25,
    evidence=("10.9.0.1:4440 took the connection",),
    fix=None,
)
