"""An inventory shown again: as Ansible's document, as a graph, and one host with the origin of its values."""

from __future__ import annotations

from dataclasses import dataclass

from sync_core.model.errors import NotBuiltError
from sync_core.model.inventory import Inventory

__all__ = ["HostValue", "describe", "dump", "graph"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostValue:
    """One value of a host as it counts, and where it comes from.

    Attributes:
        variable: its canonical name.
        value: JSON-ready; paths are absolute, ``None`` where the host has none.
        origin: the group's or host's name, or ``default``.
        file: the file that sets it; ``None`` for defaults.
        line: 1-based; ``None`` for defaults.
    """

    variable: str
    value: object
    origin: str
    file: str | None
    line: int | None


def dump(inventory: Inventory) -> dict[str, object]:
    """Return the document of ``ansible-inventory --list``."""
    raise NotBuiltError("dump")


def graph(inventory: Inventory) -> str:
    """Return the text of ``ansible-inventory --graph``, without a final line break."""
    raise NotBuiltError("graph")


def describe(inventory: Inventory, name: str) -> tuple[HostValue, ...]:
    """Return every value that counts for the host ``name``, with its origin."""
    raise NotBuiltError("describe")
