"""One question to one host's command port."""

from __future__ import annotations

import contextlib
from pathlib import Path

from sync_core.fleet.tls_to import tls_to
from sync_core.model.errors import RemoteRefusalError, UnreachableError
from sync_core.model.inventory import Host
from sync_core.net.client import CommandClient
from sync_core.net.resolve import Resolver
from sync_core.protocol.messages import Answer, ErrorAnswer, Request

__all__ = ["ask"]

_CONNECT_TIMEOUT_S = 5.0
_ANSWER_TIMEOUT_S = 60.0


async def ask(
    host: Host,
    request: Request,
    *,
    beside: Host | None = None,
    resolver: Resolver | None = None,
    own: Path | None = None,
    answer_timeout_s: float = _ANSWER_TIMEOUT_S,
) -> Answer:
    """Return the answer of the first of the host's addresses that takes a connection.

    Args:
        host: whom.
        request: what.
        beside: the slave that it is about, whose certificate may be shown.
        resolver: looks up the host's address; one for many questions saves lookups.
        own: the agent's own socket, where we may open it.
        answer_timeout_s: the longest time in which no byte moves.

    Raises:
        RemoteRefusalError: it answered with ERROR.
        RemoteProtocolError: its answer makes no sense.
        UnreachableError: nobody answers there, or the connection was closed.
        UntrustedError: who answers did not prove to be that host.
        CertificateError: what we are to prove ourselves with can't be used.
    """
    client = await _connected(host, beside, resolver or Resolver(), own)
    try:
        answer = await client.ask(request, timeout_s=answer_timeout_s)
    finally:
        await client.close()
    if isinstance(answer, ErrorAnswer):
        raise RemoteRefusalError(answer.code, answer.text, host=host.name)
    return answer


async def _connected(host: Host, beside: Host | None, resolver: Resolver, own: Path | None) -> CommandClient:
    if own is not None:
        with contextlib.suppress(UnreachableError):  # it ends just now; who comes next is found by its port
            return await CommandClient.connect_own(own, host.tcp_port)
    tls = tls_to(host, beside)
    failure: UnreachableError | None = None
    for ip in await resolver.resolve(host.address):
        try:
            return await CommandClient.connect(ip, host.tcp_port, timeout_s=_CONNECT_TIMEOUT_S, tls=tls)
        except UnreachableError as error:
            failure = error
    raise failure or AssertionError("a name that resolves has an address")
