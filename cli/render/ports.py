"""``jsync check-ports``: the table, and what is wrong with each port that is not open (``cli.md`` section 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.documents import plain
from cli.tables import Cell, Style, Styled, Table

if TYPE_CHECKING:
    from sync_core.model.probe import CheckResult, PortsReport

__all__ = ["explanation", "has_remark", "is_good", "ports_document", "ports_table", "verdict_style"]


def ports_document(report: PortsReport) -> dict[str, object]:
    """Return the document without ``schema``."""
    return {"ok": report.ok, "checks": plain(report.checks)}


def ports_table(report: PortsReport) -> Table:
    """Return a line for each check."""
    columns = ("FROM", "TO", "PORT", "PURPOSE", "VERDICT", "MS")
    rows = tuple(_row(check, report) for check in report.checks)
    return Table(columns=columns, rows=rows, right=frozenset({"MS"}))


def is_good(check: CheckResult, report: PortsReport) -> bool:
    """Return whether the port is as the report wants it, required or not."""
    return _is_good(check, network_only=report.network_only)


def verdict_style(check: CheckResult, *, network_only: bool) -> Style:
    """Return how a verdict looks: bad only where it decides the exit code."""
    if check.verdict == "open":
        return Style.GOOD
    return Style.DOUBTFUL if _is_good(check, network_only=network_only) or not check.required else Style.BAD


def has_remark(check: CheckResult) -> bool:
    """Return whether an open port is worth a word all the same: somebody else answers, or the way back is blocked."""
    if check.verdict != "open" or not check.evidence:
        return False
    last = check.evidence[-1]
    return "took the connection" not in last if check.protocol == "tcp" else "the way back" in last


def explanation(check: CheckResult) -> list[str]:
    """Return why a port is as it is, and what to do next."""
    head = f"{check.source} -> {check.target} {check.port}/{check.protocol}: {check.verdict}"
    fix = [f"  next: {check.fix}"] if check.fix else []
    return [head, *(f"  {word}" for word in check.evidence), *fix]


def _row(check: CheckResult, report: PortsReport) -> tuple[Cell, ...]:
    target = check.target if check.target == check.address else f"{check.target} ({check.address})"
    purpose = check.purpose if check.required else f"{check.purpose} (not required)"
    verdict = Styled(check.verdict, verdict_style(check, network_only=report.network_only))
    return (check.source, target, f"{check.port}/{check.protocol}", purpose, verdict, f"{check.elapsed_ms:.1f}")


def _is_good(check: CheckResult, *, network_only: bool) -> bool:
    from sync_core.model.probe import Verdict

    good = {Verdict.OPEN, Verdict.OPEN_UNCONFIRMED} | ({Verdict.NO_LISTENER, Verdict.HUNG} if network_only else set())
    return check.verdict in good
