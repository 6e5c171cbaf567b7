"""Port checks as values: probes, what the far side showed, and the lines of a report (``cli.md`` section 4).

A *probe* is what the connecting side saw; the *far side* is what a look at the target itself showed. ``verdict``
puts the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sync_core.model.security import IpAddress

__all__ = [
    "CheckResult",
    "Counted",
    "FarSide",
    "Listener",
    "Outcome",
    "PortsReport",
    "ProbeResult",
    "Protocol",
    "Purpose",
    "Vantage",
    "Verdict",
]


class Protocol(StrEnum):
    """What a port speaks."""

    TCP = "tcp"
    UDP = "udp"


class Purpose(StrEnum):
    """Why a port must be reachable."""

    REGISTRATION = "registration"
    WAKE_UP = "wake-up"
    COMMANDS = "commands"


class Vantage(StrEnum):
    """Where a probe started: on the source itself, there by SSH, or here because the source can't be reached."""

    LOCAL = "local"
    SSH = "ssh"
    CONTROLLER = "controller"


class Verdict(StrEnum):
    """The words of a report."""

    OPEN = "open"
    OPEN_UNCONFIRMED = "open-unconfirmed"
    NO_LISTENER = "no-listener"
    REFUSED = "refused"
    FILTERED = "filtered"
    PROHIBITED = "prohibited"
    EGRESS_BLOCKED = "egress-blocked"
    WRONG_BIND = "wrong-bind"
    NOT_ALLOWED = "not-allowed"
    NO_ROUTE = "no-route"
    DNS_ERROR = "dns-error"
    HUNG = "hung"
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    """What the connecting side saw.

    ``ECHO`` is a jsync agent's answer to a probe datagram, ``HEARD`` that of a check's own temporary listener.
    ``CLOSED`` is a connection that the other side closed at once without a byte, ``UNTRUSTED`` one on which TLS came
    to nothing.
    """

    CONNECTED = "connected"
    CLOSED = "closed"
    UNTRUSTED = "untrusted"
    ECHO = "echo"
    HEARD = "heard"
    REFUSED = "refused"
    SILENT = "silent"
    NOT_PERMITTED = "not-permitted"
    PROHIBITED = "prohibited"
    NO_ROUTE = "no-route"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """One probe.

    Attributes:
        outcome: what came of it.
        elapsed_ms: how long that took.
        source_ip: the address that it was sent from, ``None`` if it never got one.
        source_port: likewise.
        evidence: what happened, one sentence each.
        is_mute: the connection stands, and a question on it was not answered.
    """

    outcome: Outcome
    elapsed_ms: float
    source_ip: IpAddress | None = None
    source_port: int | None = None
    evidence: tuple[str, ...] = ()
    is_mute: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A socket that waits on a port.

    Attributes:
        address: bound to; ``0.0.0.0`` and ``::`` are all interfaces of their family.
        pid: of the process that holds it, ``None`` if we may not know.
        process_name: likewise.
        is_agent: whether that is an agent of jsync, likewise.
        waiting: connections that it has not taken, or bytes that it has not read.
    """

    address: IpAddress
    pid: int | None = None
    process_name: str | None = None
    is_agent: bool | None = None
    waiting: int = 0

    def __str__(self) -> str:
        name = self.process_name or "a process"
        holder = f"{name} (pid {self.pid})" if self.pid is not None else "a process of another user"
        return f"{holder} on {self.address}"


class Counted(StrEnum):
    """What the kernel's counters on the target say about datagrams for a silent holder of the port."""

    ARRIVED = "arrived"
    ANSWERED = "answered"
    VANISHED = "vanished"
    UNREAD = "unread"


@dataclass(frozen=True, slots=True, kw_only=True)
class FarSide:
    """What a look at the target itself showed.

    Attributes:
        listeners: all that wait on the port, on whatever address.
        is_held: something is bound to this very address (wildcards count); ``None``: that can't be known.
        arrivals: the senders of what arrived at a temporary listener there; ``None``: there was none.
        counted: what the counters say; ``None``: they were not asked, or other traffic hides it.
        is_untaken: connections wait at the port, ours among them, and nobody takes them.
    """

    listeners: tuple[Listener, ...] = ()
    is_held: bool | None = None
    arrivals: tuple[IpAddress, ...] | None = None
    counted: Counted | None = None
    is_untaken: bool = False

    @property
    def is_hung(self) -> bool:
        """Whether what arrives stays in the kernel: who holds the port does nothing."""
        return self.is_untaken or self.counted is Counted.UNREAD

    @property
    def is_agent(self) -> bool | None:
        """Whether an agent of jsync holds the port; ``None`` if we may not know."""
        answers = {listener.is_agent for listener in self.listeners}
        return True if True in answers else None if None in answers else False


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One line of a report; the attributes are the keys of ``cli.md`` section 4, in its order.

    Attributes:
        source: the host that opens the connection.
        target: the host whose port it is.
        address: the one probed; the name itself where it has none (``dns-error``).
        port: number.
        required: whether it decides ``ok``.
        elapsed_ms: of the probe.
        fix: the next step, ``None`` if there is none.
    """

    source: str
    target: str
    address: str
    protocol: Protocol
    port: int
    purpose: Purpose
    required: bool
    vantage: Vantage
    verdict: Verdict
    elapsed_ms: float
    evidence: tuple[str, ...]
    fix: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PortsReport:
    """All checks of one run: slaves in the inventory's order, each with its masters, three checks each.

    ``network_only``: before go-live: a port that nobody listens on is good enough.
    """

    checks: tuple[CheckResult, ...]
    network_only: bool = False

    @property
    def ok(self) -> bool:
        """Whether every required port is open."""
        good = {Verdict.OPEN, Verdict.OPEN_UNCONFIRMED}
        if self.network_only:
            good |= {Verdict.NO_LISTENER, Verdict.HUNG}
        return all(check.verdict in good for check in self.checks if check.required)
