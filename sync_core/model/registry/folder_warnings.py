"""What an administrator must know of the folders below ``remote``: values; their text is what a log says."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["FolderWarning", "FolderWarnings", "NoAddress", "NoSlavesFolder", "SamePlace"]


@dataclass(frozen=True, slots=True)
class NoSlavesFolder:
    """A folder that looks like a slave's own and can be nobody's."""

    folder: str
    reason: str

    def __str__(self) -> str:
        return f"{self.folder} is no slave's folder: {self.reason}"


@dataclass(frozen=True, slots=True)
class NoAddress:
    """A slave's name without an address, or a folder's that had one before, which is used on."""

    name: str
    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True, slots=True)
class SamePlace:
    """Two folders that mean the same address and port, SCHEDULER-454."""

    used: str
    other: str

    def __str__(self) -> str:
        return f"SCHEDULER-454  {self.used} and {self.other} mean the same address and port: {self.used} is used"


FolderWarning: TypeAlias = NoSlavesFolder | NoAddress | SamePlace


class FolderWarnings:
    """Says each once, until what it is about is gone."""

    def __init__(self) -> None:
        self._said: set[tuple[str, ...]] = set()
        self._waiting: list[FolderWarning] = []

    def say(self, warning: FolderWarning) -> None:
        """Have it said, unless it was."""
        match warning:
            case SamePlace():
                about: tuple[str, ...] = (warning.used, warning.other)
            case NoSlavesFolder():
                about = (warning.folder,)
            case NoAddress():
                about = (warning.name, "")
        if about not in self._said:
            self._said.add(about)
            self._waiting.append(warning)

    def forget(self, gone: Collection[Hashable]) -> None:
        """What is about something that is gone is said anew when it comes back."""
        if gone:
            self._said = {about for about in self._said if not any(name in gone for name in about)}

    def take(self) -> tuple[FolderWarning, ...]:
        """Return what is to be said now."""
        waiting, self._waiting = tuple(self._waiting), []
        return waiting
