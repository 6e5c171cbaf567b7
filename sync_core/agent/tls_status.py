"""What ``jsync status`` says of TLS; nothing where an agent has none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sync_core.agent.slave_state import rfc3339
from sync_core.net.tls import Tls

__all__ = ["tls_facts"]


def tls_facts(tls: Tls | None, plain_peers: Sequence[str]) -> dict[str, Any]:
    """Return the keys of ``jsync.status/2`` that are about TLS.

    Args:
        tls: the agent's.
        plain_peers: those that are there now and speak in plain.
    """
    if tls is None:
        return {}
    return {
        "certificate_expires_at": rfc3339(tls.expires_at),
        "certificate_warning": tls.warning,
        "plain_peers": list(plain_peers),
    }
