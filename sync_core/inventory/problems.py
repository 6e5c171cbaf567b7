"""The faults of an inventory, gathered so that its author sees all of them at once, and what deserves a warning."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from sync_core.model.errors import InventoryError, Problem

__all__ = ["MAX_PROBLEMS", "WHOLE", "Place", "Problems", "closest", "shown", "whole"]

MAX_PROBLEMS = 500
"""More than anybody reads; a hostile file must not make us keep millions."""

_SHOWN_CHARACTERS = 60
_MAX_COMPARED = 500


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Place:
    """A position in a file.

    Attributes:
        file: as the user named it; empty for the inventory as a whole.
        line: 1-based; 1 for the file as a whole, so that every error has a position (``cli.md`` section 1).
        column: 1-based; 1 for the file as a whole.
    """

    file: str = ""
    line: int
    column: int


WHOLE = Place(line=1, column=1)


def whole(file: str) -> Place:
    """Return the place that means ``file`` as a whole."""
    return Place(file=file, line=1, column=1)


class Problems:
    """A collector: whoever reads a part of the inventory adds what is wrong with it and goes on.

    Args:
        inventory: what the user called the inventory: its file, or all of them.
    """

    def __init__(self, inventory: str) -> None:
        self._inventory = inventory
        self._warnings: dict[str, None] = {}
        self._found: dict[tuple[Place, str], Problem] = {}
        self._topics: set[tuple[Place, str]] = set()
        self._places: set[Place] = set()
        self._has_dropped = False

    def __bool__(self) -> bool:
        return bool(self._found)

    @property
    def is_full(self) -> bool:
        """Whether further faults would only be dropped, so that nobody needs to look for them."""
        return len(self._found) >= MAX_PROBLEMS

    def add(self, place: Place, message: str, hint: str | None = None, *, topic: str | None = None) -> None:
        """Note one fault; the same one at the same place counts once.

        Args:
            place: where it is.
            message: what is wrong.
            hint: what would be right.
            topic: what makes two faults of one place the same, by default the message. A range of hosts shares
                a place, and its author needs to read about a fault only once.
        """
        self._places.add(place)
        about = (place, topic or message)
        if about in self._topics:
            return
        if self.is_full:
            self._has_dropped = True
            return
        self._topics.add(about)
        self._found[place, message] = Problem(
            file=place.file or self._inventory, line=place.line, column=place.column, message=message, hint=hint
        )

    def warn(self, message: str) -> None:
        """Note what is allowed but may be a mistake."""
        self._warnings[message] = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was warned of, in the order in which it was found, each once."""
        return tuple(self._warnings)

    def has_at(self, place: Place) -> bool:
        """Whether something is wrong at ``place`` already, so that later checks can leave it alone."""
        return place in self._places

    def error(self) -> InventoryError:
        """Return all that was found as one error, file by file, from top to bottom."""
        ordered = [self._found[key] for key in sorted(self._found)]
        if self._has_dropped:
            ordered.append(Problem(file=self._inventory, line=1, column=1, message="and more problems, not shown"))
        return InventoryError(tuple(ordered))


def shown(value: object) -> str:
    """Return ``value`` for a message: marked, shortened, and with nothing in it that a terminal would obey."""
    text = value if isinstance(value, str) else _yaml_word(value)
    if len(text) > _SHOWN_CHARACTERS:
        text = text[: _SHOWN_CHARACTERS - 1] + "…"
    return "`" + "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text) + "`"


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return a hint that names the known word most like ``word``, if one is near enough."""
    matches = difflib.get_close_matches(word[:100], list(islice(known, _MAX_COMPARED)), n=1)
    return f"did you mean {shown(matches[0])}?" if matches else None


def _yaml_word(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case _:
            return str(value)
