"""``jsync tls``: the table, the document, and what belongs into the inventory."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from cli.documents import plain
from cli.tables import Cell, Style, Styled, Table

if TYPE_CHECKING:
    from sync_core.fleet.certificates import Certified, TlsReport

__all__ = ["tls_document", "tls_snippet", "tls_table"]

_STYLES = {"made": Style.DOUBTFUL, "renewed": Style.DOUBTFUL, "failed": Style.BAD}


def tls_document(report: TlsReport, action: str, *, check: bool) -> dict[str, object]:
    """Return the document without ``schema``."""
    return {
        "ok": report.ok,
        "action": str(action),
        "is_check": check,
        "certificates": [
            {
                "host": one.host,
                "outcome": plain(one.outcome),
                "cert": str(one.cert),
                "key": str(one.key),
                "expires_at": _time(one),
                "warning": one.warning,
                "error": plain(one.error),
            }
            for one in report.certificates
        ],
    }


def tls_table(certificates: Iterable[Certified]) -> Table:
    """Return a line for each certificate, the authority's without a host."""
    return Table(columns=("HOST", "OUTCOME", "ENDS", "CERTIFICATE", "NOTE"), rows=tuple(map(_row, certificates)))


def tls_snippet(folder: Path, base: Path) -> str:
    """Return what makes the inventory's hosts use what is in ``folder``.

    Args:
        folder: of certificates.
        base: the inventory's own folder.
    """
    place = folder.absolute()
    shown = place.relative_to(base) if place.is_relative_to(base) else place
    files = ", ".join(f'{name}: "{shown}/{file}"' for name, file in _FILES)
    return f"Next: give the hosts of the inventory, the masters first:  tls: {{{files}}}"


_FILES = (("cert", "{name}.crt"), ("key", "{name}.key"), ("ca", "ca.crt"))


def _row(one: Certified) -> tuple[Cell, ...]:
    style = _STYLES.get(one.outcome)
    return (
        one.host or "(the authority)",
        one.outcome if style is None else Styled(one.outcome, style),
        (_time(one) or "")[:10],
        str(one.cert),
        one.warning or "",
    )


def _time(one: Certified) -> str | None:
    return one.expires_at.isoformat().replace("+00:00", "Z") if one.expires_at is not None else None
