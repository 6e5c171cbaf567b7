"""What a master's register wants done: values that its driver carries out."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from sync_core.model.registry.registration import AnyIdentity, Slave

__all__ = ["Advance", "CloseOlder", "Effect", "NoFolder", "NotAnswering", "Silent", "TellByTcp", "TellByUdp"]


@dataclass(frozen=True, slots=True)
class TellByUdp:
    """Send ``<check_folders/>`` to the slave's wake-up port."""

    slave: Slave


@dataclass(frozen=True, slots=True)
class TellByTcp:
    """Ask ``<check_folders/>`` at the slave's command port."""

    slave: Slave


@dataclass(frozen=True, slots=True)
class NotAnswering:
    """Warn that the slave does not answer; ``slave.unanswered`` has the times, and show_state shows it."""

    code: ClassVar[str] = "SCHEDULER-474"
    slave: Slave


@dataclass(frozen=True, slots=True)
class Silent:
    """Say that a slave that asks by HTTP is taken for gone.

    Attributes:
        slave: who.
        silent_s: whole seconds since it asked last.
    """

    code: ClassVar[str] = "SCHEDULER-458"
    slave: Slave
    silent_s: int


@dataclass(frozen=True, slots=True)
class CloseOlder:
    """Warn of two connections for one identity, and close the older one.

    Attributes:
        identity: whose they are.
        older: to be closed.
        newer: acts for it from now on.
    """

    code: ClassVar[str] = "SCHEDULER-714"
    identity: AnyIdentity
    older: Hashable
    newer: Hashable


@dataclass(frozen=True, slots=True)
class NoFolder:
    """Say that there is nothing for the slave, neither a folder of its own nor ``_all``; said once."""

    code: ClassVar[str] = "SCHEDULER-455"
    slave: Slave


Effect: TypeAlias = TellByUdp | TellByTcp | NotAnswering | Silent | CloseOlder | NoFolder


@dataclass(frozen=True, slots=True)
class Advance:
    """What came of one step.

    Attributes:
        effects: in the order in which they are to be done.
        has_more: whether there is more to do now.
    """

    effects: tuple[Effect, ...]
    has_more: bool
