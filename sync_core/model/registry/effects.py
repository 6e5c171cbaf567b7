"""What a master's register wants done: values that its driver carries out."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from sync_core.model.registry.registration import AnyIdentity, Slave

__all__ = ["Advance", "CloseOlder", "Effect", "NoFolder", "NotAnswering", "Silent", "TellByTcp", "TellByUdp"]


@dataclass(frozen=True, slots=True)
class _ForSlave:
    slave: Slave


class TellByUdp(_ForSlave):
    """Send ``<check_folders/>`` to the slave's wake-up port."""


class TellByTcp(_ForSlave):
    """Ask ``<check_folders/>`` at the slave's command port."""


class NotAnswering(_ForSlave):
    """Warn that the slave does not answer; ``slave.unanswered`` has the times, and show_state shows it."""

    code: ClassVar[str] = "SCHEDULER-474"


class NoFolder(_ForSlave):
    """Say that there is nothing for the slave, neither a folder of its own nor ``_all``; said once."""

    code: ClassVar[str] = "SCHEDULER-455"


@dataclass(frozen=True, slots=True)
class Silent(_ForSlave):
    """Say that a slave that asks by HTTP is taken for gone; ``silent_s``: whole seconds since it asked last."""

    code: ClassVar[str] = "SCHEDULER-458"
    silent_s: int


@dataclass(frozen=True, slots=True)
class CloseOlder:
    """Warn of two connections for one identity, and close the older one: the newer acts for it from now on."""

    code: ClassVar[str] = "SCHEDULER-714"
    identity: AnyIdentity
    older: Hashable
    newer: Hashable


Effect: TypeAlias = TellByUdp | TellByTcp | NotAnswering | Silent | CloseOlder | NoFolder


@dataclass(frozen=True, slots=True)
class Advance:
    """What came of one step: effects in the order in which they are to be done, and whether there is more to do now."""

    effects: tuple[Effect, ...]
    has_more: bool
