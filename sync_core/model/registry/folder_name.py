"""Names of first-level folders that mean a host and a port (``protocol.md`` section 4)."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["MARK", "HostPort", "host_port"]

MARK: Final = "#"

_LAST_PORT: Final = 65535
_MOST_DIGITS: Final = 9
"""Of a port in a folder's name; leading zeros are somebody's taste, and more digits are no port."""


class HostPort(NamedTuple):
    """What ``host#port`` means."""

    host: str
    port: int


def host_port(folder: str) -> HostPort | None:
    """Return what the name of a folder means; ``None`` for any name that is not ``host#port``."""
    host, mark, port = folder.partition(MARK)
    is_number = mark and host and port.isdecimal() and len(port) <= _MOST_DIGITS
    return HostPort(host, int(port)) if is_number and 0 < int(port) <= _LAST_PORT else None
