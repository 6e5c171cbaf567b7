"""How an agent that has TLS is asked: with its own certificate, or with that of the slave that it is about."""

from __future__ import annotations

import os

from sync_core.model.inventory import Host
from sync_core.net.tls import Tls, TlsTo

__all__ = ["tls_to"]


def tls_to(host: Host, beside: Host | None = None) -> TlsTo | None:
    """Return how to speak TLS with the agent of ``host``.

    Args:
        host: whose agent.
        beside: whose certificate will do as well, where that of ``host`` is not here.

    Returns:
        ``None`` where the host has none, or this user can read no key that would do; then it is asked in plain, and
        says itself what it does not answer so.

    Raises:
        CertificateError: there is a key, and it can't be used.
    """
    if host.tls is None:
        return None
    for one in (host, beside):
        if one is not None and one.tls is not None and os.access(one.tls.key, os.R_OK):
            return TlsTo(Tls(one.name, one.tls), host.name)
    return None
