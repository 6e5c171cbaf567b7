"""Wake-ups between jsync peers that prove who sends them (``docs/protocol-dialect.md``, Wake-ups)."""

from __future__ import annotations

import hmac
import re
from typing import Final

__all__ = ["KEY_BYTES", "PROVEN", "WakeUpProof", "proven_wake_up"]

KEY_BYTES: Final = 32

PROVEN: Final = b"<check_folders jsync="
"""How they begin; a JobScheduler never gets one, and nobody but jsync understands it."""

_DATAGRAM = re.compile(PROVEN + rb'"(?P<number>[0-9a-f]{16})(?P<proof>[0-9a-f]{32})"/>')


def proven_wake_up(key: bytes, number: int) -> bytes:
    """Return the datagram.

    Args:
        key: that the slave has given, ``KEY_BYTES`` long.
        number: larger than that of any before with this key, below 2**64.
    """
    shown = b"%016x" % number
    return PROVEN + b'"' + shown + _proof(key, shown) + b'"/>'


class WakeUpProof:
    """What a slave knows of the wake-ups that it may get; nothing is proven before ``begin``."""

    def __init__(self) -> None:
        self._key: bytes | None = None
        self._last = -1

    def begin(self, key: bytes) -> None:
        """From now on wake-ups are proven by ``key``, and by no other."""
        self._key = key
        self._last = -1

    def accepts(self, datagram: bytes) -> bool:
        """Whether ``datagram`` is proven, and is none that came before."""
        match = _DATAGRAM.fullmatch(datagram)
        if match is None or self._key is None:
            return False
        if not hmac.compare_digest(_proof(self._key, match["number"]), match["proof"]):
            return False
        number = int(match["number"], 16)
        is_new = number > self._last
        self._last = max(self._last, number)
        return is_new


def _proof(key: bytes, number: bytes) -> bytes:
    return hmac.digest(key, b"wake-up " + number, "sha256").hex()[:32].encode("ascii")
