"""A value of an inventory file that knows where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from sync_core.inventory.problems import Place

__all__ = ["Node", "Octal", "Scalar"]

Scalar: TypeAlias = str | int | float | bool | None


class Octal(int):
    """An integer that was written in octal (``0o640``), as permission bits must be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One value of a file.

    Attributes:
        place: where it begins.
        content: a scalar, the values of a mapping by key, or the items of a list.
        key_places: of a mapping: where each key stands.
    """

    place: Place
    content: Scalar | Mapping[str, Node] | tuple[Node, ...]
    key_places: Mapping[str, Place] = field(default_factory=dict)

    @property
    def table(self) -> Mapping[str, Node]:
        """The values by key; empty for anything but a mapping."""
        return self.content if isinstance(self.content, Mapping) else {}

    @property
    def plain(self) -> object:
        """The value without places, as a JSON reader would give it."""
        match self.content:
            case Mapping():
                return {key: value.plain for key, value in self.content.items()}
            case tuple():
                return [item.plain for item in self.content]
            case _:
                return self.content
