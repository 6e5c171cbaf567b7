"""Where the slaves of a crowd are."""

from __future__ import annotations

__all__ = ["address_of"]

_IN_A_NET = 250


def address_of(number: int) -> str:
    """Return the loopback address of a slave; never 127.0.x.y, where others may be."""
    return f"127.{1 + number // _IN_A_NET**2}.{number // _IN_A_NET % _IN_A_NET}.{number % _IN_A_NET + 1}"
