"""What the connections of a server may cost, each and all together."""

from __future__ import annotations

from dataclasses import dataclass

from sync_core.model.security import Level
from sync_core.net.byte_gate import ByteGate
from sync_core.protocol.xml import MAX_ELEMENTS

__all__ = ["ServerLimits", "Traffic", "most_listed"]

_MORE_THAN_THE_VIEW = 4
_LEAST_LISTED = 40_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """What one connection may cost.

    Attributes:
        request_bytes: of a request of those who may only look.
        large_request_bytes: of those who may register, and so send lists, whatever these may hold.
        entry_bytes: of an entry in a list, taken all together; most have half of that.
        request_timeout_s: in which a request that began must be complete; large ones get a second more per 64 KiB.
        handshake_timeout_s: for a handshake of TLS.
        write_timeout_s: the longest time in which a peer takes nothing of its answer.
        http_idle_timeout_s: the longest time between two requests by HTTP, the head of the next one included.
        requests_bytes: of requests that are received and carried out at once, over all connections.
        answers_bytes: of answers that are built and written at once, likewise; one body for many counts once.
    """

    request_bytes: int = 1 << 16
    large_request_bytes: int = 1 << 28
    entry_bytes: int = 256
    request_timeout_s: float = 60.0
    handshake_timeout_s: float = 20.0
    write_timeout_s: float = 60.0
    http_idle_timeout_s: float = 75.0
    requests_bytes: int = 1 << 25
    answers_bytes: int = 1 << 27

    def most_bytes(self, level: Level, most_entries: int) -> int:
        """Return the longest request of a peer that may do this, and whose lists may have so many entries."""
        if level < Level.NO_ADD:
            return self.request_bytes
        return min(self.large_request_bytes, self.request_bytes + most_entries * self.entry_bytes)


def most_listed(view_entries: int | None) -> int:
    """Return how many entries a slave may list.

    Args:
        view_entries: how many it is to have; ``None`` as long as nobody knows, so that no restart refuses it.
    """
    return MAX_ELEMENTS if view_entries is None else max(_LEAST_LISTED, _MORE_THAN_THE_VIEW * view_entries)


class Traffic:
    """What all connections of a server have in memory together.

    Args:
        limits: how much that may be.

    Attributes:
        requests: the gate of requests.
        answers: the gate of answers.
    """

    def __init__(self, limits: ServerLimits) -> None:
        self.requests = ByteGate(limits.requests_bytes)
        self.answers = ByteGate(limits.answers_bytes)
