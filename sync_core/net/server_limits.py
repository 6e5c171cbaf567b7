"""What the connections of a server may cost, each and all together."""

from __future__ import annotations

from dataclasses import dataclass

from sync_core.model.security import Level
from sync_core.net.byte_gate import ByteGate

__all__ = ["ServerLimits", "Traffic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """What one connection may cost.

    Attributes:
        request_bytes: of a request of those who may only look.
        large_request_bytes: of those who may register, and so send lists; one of a million files stays below.
        request_timeout_s: in which a request that began must be complete; large ones get a second more per 64 KiB.
        handshake_timeout_s: for a handshake of TLS.
        write_timeout_s: the longest time in which a peer takes nothing of its answer.
        http_idle_timeout_s: the longest time between two requests by HTTP, the head of the next one included.
        requests_bytes: of requests that are received and carried out at once, over all connections.
        answers_bytes: of answers that are built and written at once, likewise; one body for many counts once.
    """

    request_bytes: int = 1 << 20
    large_request_bytes: int = 1 << 28
    request_timeout_s: float = 60.0
    handshake_timeout_s: float = 20.0
    write_timeout_s: float = 60.0
    http_idle_timeout_s: float = 75.0
    requests_bytes: int = 1 << 27
    answers_bytes: int = 1 << 27

    def most_bytes(self, level: Level) -> int:
        """Return the longest request of a peer that may do this."""
        return self.large_request_bytes if level >= Level.NO_ADD else self.request_bytes


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
