"""One question to one host's command port."""

from __future__ import annotations

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
    answer_timeout_s: float = _ANSWER_TIMEOUT_S,
) -> Answer:
    """Return the answer of the first of the host's addresses that takes a connection.

    Args:
        host: whom.
        request: what.
        beside: the slave that it is about, whose certificate may be shown.
        resolver: looks up the host's address; one for many questions saves lookups.
        answer_timeout_s: the longest time in which no byte moves.

    Raises:
        RemoteRefusalError: it answered with ERROR.
        RemoteProtocolError: its answer makes no sense.
        UnreachableError: nobody answers there, or the connection was closed.
        UntrustedError: who answers did not prove to be that host.
        CertificateError: what we are to prove ourselves with can't be used.
    """
    tls = tls_to(host, beside)
    failure: UnreachableError | None = None
    for ip in await (resolver or Resolver()).resolve(host.address):
        try:
            client = await CommandClient.connect(ip, host.tcp_port, timeout_s=_CONNECT_TIMEOUT_S, tls=tls)
        except UnreachableError as error:
            failure = error
            continue
        try:
            answer = await client.ask(request, timeout_s=answer_timeout_s)
        finally:
            await client.close()
        if isinstance(answer, ErrorAnswer):
            raise RemoteRefusalError(answer.code, answer.text, host=host.name)
        return answer
    raise failure or AssertionError("a name that resolves has an address")
