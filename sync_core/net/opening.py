"""Connections that we open, in TLS or in plain."""

from __future__ import annotations

import asyncio
import ssl

from sync_core.model.security import IpAddress
from sync_core.net.addresses import endpoint
from sync_core.net.failures import unreachable
from sync_core.net.streams import LINGER_S, keep_alive
from sync_core.net.tls import TlsTo, untrusted

__all__ = ["open_streams"]

_UNREAD_BYTES = 1 << 18
"""Of what has come and nobody has read, half of the most: asyncio reads so much at once."""


async def open_streams(
    address: IpAddress, port: int, *, local_address: IpAddress | None = None, timeout_s: float, tls: TlsTo | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to a command port.

    Args:
        address: of the peer.
        port: its command port.
        local_address: our address; ``None`` leaves it to the system, as the port in any case.
        timeout_s: until the connection stands, the handshake included.
        tls: how; ``None`` = in plain.

    Raises:
        UnreachableError: it does not.
        UntrustedError: the peer did not prove who it is.
    """
    source = (str(local_address), 0) if local_address is not None else None
    try:
        async with asyncio.timeout(timeout_s):
            if tls is None:
                reader, writer = await asyncio.open_connection(
                    str(address), port, local_addr=source, limit=_UNREAD_BYTES
                )
            else:
                reader, writer = await asyncio.open_connection(
                    str(address),
                    port,
                    local_addr=source,
                    limit=_UNREAD_BYTES,
                    ssl=tls.own.ready().client,
                    server_hostname=tls.name,
                    ssl_handshake_timeout=timeout_s,
                    ssl_shutdown_timeout=LINGER_S,
                )
    except ssl.SSLError as error:
        raise untrusted(error, endpoint(address, port)) from error
    except OSError as error:  # TimeoutError is one
        raise unreachable(error, "connect", address, port) from error
    keep_alive(writer)
    return reader, writer
