"""The hand-over from plain to TLS on a transport of which the beginning was read already."""

from __future__ import annotations

import asyncio
from typing import Any, Final, cast

__all__ = ["hand_over"]

_READ_BYTES: Final = 32768


def hand_over(transport: asyncio.Transport, received: bytes) -> None:
    """Give TLS what was read before it took over, as if it came now.

    Args:
        transport: whose protocol is that of TLS by now.
        received: what was read.
    """
    protocol = cast(asyncio.BufferedProtocol, transport.get_protocol())
    _make_small(protocol)
    rest = memoryview(received)
    while rest:
        buffer = memoryview(cast(bytearray, protocol.get_buffer(len(rest))))
        size_bytes = min(len(buffer), len(rest))
        buffer[:size_bytes] = rest[:size_bytes]
        protocol.buffer_updated(size_bytes)
        rest = rest[size_bytes:]


def _make_small(protocol: Any) -> None:
    """Let a connection have less to read into: asyncio gives each 256 KiB full of zeros."""
    if hasattr(protocol, "_ssl_buffer"):  # asyncio's own; elsewhere, or in a later one, all is as it is there
        protocol.max_size = _READ_BYTES
        protocol._ssl_buffer = bytearray(_READ_BYTES)
        protocol._ssl_buffer_view = memoryview(protocol._ssl_buffer)
