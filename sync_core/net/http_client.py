"""Asking a supervisor by HTTP: one POST, one connection (``protocol.md`` sections 8.1 and 8.2).

Nobody imports this before it is needed, because aiohttp takes its time.
"""

from __future__ import annotations

import io
import ssl
from functools import partial
from typing import cast

import aiohttp

from sync_core.model.errors import JsyncError, RemoteProtocolError, UnreachableError
from sync_core.model.security import IpAddress
from sync_core.net.addresses import endpoint
from sync_core.net.failures import unreachable
from sync_core.net.pace import SLOWEST, Pace, Slowest
from sync_core.net.tls import TlsTo, untrusted
from sync_core.net.workers import beside_loop, request_weight_bytes
from sync_core.protocol.framing import answer_too_long
from sync_core.protocol.http import COMMAND_PATH, REQUEST_TYPE, SERVER_NAME, decode_http_answer
from sync_core.protocol.messages import Answer, Request
from sync_core.protocol.requests import encode_request
from sync_core.protocol.texts import one_line
from sync_core.protocol.xml import MAX_DOCUMENT_BYTES

__all__ = ["HttpClient"]

_TOTAL_S = 900.0
"""The longest time for one answer; without an end a trickle of bytes could hold us for ever."""


class HttpClient:
    """Sends requests to one address of a supervisor; every one has a connection of its own.

    Redirects are not followed and the environment's proxies not asked: contents come from the host that the inventory
    names, or not at all.

    Args:
        address: of the peer.
        port: where it speaks HTTP.
        host: its name, for the header ``Host``.
        local_address: our address (``addresses.choose_source``).
        connect_timeout_s: until a connection stands.
        timeout_s: the longest time in which no byte of an answer comes.
        tls: how to speak TLS; ``None`` = in plain.
        most_bytes: of an answer after decompression.
        slowest: how slowly answers may come.

    Attributes:
        is_jsync: whether the peer's last answer said that it comes from jsync.
    """

    def __init__(
        self,
        address: IpAddress,
        port: int,
        *,
        host: str,
        local_address: IpAddress | None = None,
        connect_timeout_s: float,
        timeout_s: float,
        tls: TlsTo | None = None,
        most_bytes: int = MAX_DOCUMENT_BYTES,
        slowest: Slowest = SLOWEST,
    ) -> None:
        self.is_jsync = False
        self._address = address
        self._port = port
        self._tls = tls
        self._local_address = local_address
        self._most_bytes = most_bytes
        self._slowest = slowest
        self._silence_s = timeout_s
        self._timeout = aiohttp.ClientTimeout(total=_TOTAL_S, sock_connect=connect_timeout_s, sock_read=timeout_s)
        self._headers = {
            "Host": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            "Content-Type": REQUEST_TYPE,
            "Accept": "text/xml, application/xml",
            "Accept-Encoding": "gzip, deflate",
            "User-Agent": "jsync",
        }

    async def ask(self, request: Request) -> Answer:
        """Send ``request`` and return the answer, which may be an ``ErrorAnswer``.

        Raises:
            UnreachableError: the connection did not come about, broke, or nothing moved for too long.
            UntrustedError: the peer did not prove who it is.
            RemoteProtocolError: the answer is no success of HTTP, makes no sense or is too long.
            UnsafeNameError: a listed name can't travel; nothing was sent.
        """
        document = await beside_loop(partial(encode_request, request), size_bytes=request_weight_bytes(request))
        try:
            return await self._post(document)
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            raise self._translated(error) from error

    async def _post(self, document: bytes) -> Answer:
        source = (str(self._local_address), 0) if self._local_address is not None else None
        tls = self._tls
        async with (
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(local_addr=source, force_close=True),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=self._timeout,
                trust_env=False,
            ) as session,
            session.post(
                f"http{'' if tls is None else 's'}://{endpoint(self._address, self._port)}{COMMAND_PATH}",
                data=io.BytesIO(document),
                headers=self._headers,
                allow_redirects=False,
                ssl=True if tls is None else tls.own.ready().client,
                server_hostname=None if tls is None else tls.name,
            ) as response,
        ):
            if response.status != 200:
                said = f"{response.status} {one_line((response.reason or '')[:80])}".strip()
                raise RemoteProtocolError(f"the supervisor answered with HTTP status {said}")
            self.is_jsync = response.headers.get("Server", "") == SERVER_NAME
            body = await self._body(response)
            return await beside_loop(partial(decode_http_answer, body, charset=response.charset), size_bytes=len(body))

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        body = bytearray()

        async def next_block() -> int:
            block = await response.content.readany()
            body.extend(block)
            return len(block)

        pace = Pace(self._slowest)
        while await pace.wait(next_block(), silence_s=self._silence_s):
            if len(body) > self._most_bytes:
                raise answer_too_long(self._most_bytes)
        return bytes(body)

    def _translated(self, error: Exception) -> JsyncError:
        where = (self._address, self._port)
        match error:
            case aiohttp.ConnectionTimeoutError():
                return unreachable(TimeoutError(), "connect", *where)
            case aiohttp.ClientConnectorCertificateError():
                return untrusted(cast(ssl.SSLError, error.certificate_error), endpoint(*where))
            case aiohttp.ClientConnectorError(os_error=ssl.SSLError() as failure):
                return untrusted(failure, endpoint(*where))
            case aiohttp.ClientConnectorError():
                return unreachable(error.os_error, "connect", *where)
            case OSError():
                return unreachable(error, "recv", *where)
            case aiohttp.ServerDisconnectedError():
                return UnreachableError(f"the peer has closed the connection [{endpoint(*where)}]")
            case _:
                return RemoteProtocolError(f"the answer is not what HTTP allows: {one_line(str(error)[:200])}")
