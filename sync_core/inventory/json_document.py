"""JSON text to the same tree that ``document`` makes of YAML.

Nearly all JSON is YAML too, but not quite: tabs, and escapes for characters beyond U+FFFF. And documents that
programs write are long, which is what JSON is quick at.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from typing import Any, NoReturn

from sync_core.inventory.bounds import MAX_NUMBER_CHARACTERS, TooMuchError, limit_reached
from sync_core.inventory.node import Node
from sync_core.inventory.problems import Place, Problems, shown

__all__ = ["NotJsonError", "read_json"]

_SPACE = re.compile(r"[ \t\r\n]*")


class NotJsonError(Exception):
    """A text is no JSON; ``place`` says where it ceases to be."""

    def __init__(self, message: str, place: Place) -> None:
        super().__init__(message)
        self.place = place


def read_json(text: str, file: str, problems: Problems) -> Node:
    """Return the document that ``text`` holds.

    Args:
        text: JSON.
        file: what places call it.
        problems: gets what is JSON but no inventory can hold: keys given twice, halves of characters.

    Raises:
        NotJsonError: it is not JSON.
        TooMuchError: it breaks a bound of ours.
    """
    return _Reader(text, file, problems).document()


class _Reader:
    def __init__(self, text: str, file: str, problems: Problems) -> None:
        self._text = text
        self._file = file
        self._problems = problems
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._decoder = json.JSONDecoder(parse_int=self._integer, parse_constant=self._refuse)
        self._nodes = 0
        self._at = 0

    def document(self) -> Node:
        node = self._value(depth=1)
        if self._at != len(self._text):
            self._refuse("something follows the document")
        return node

    def _value(self, depth: int) -> Node:
        """Read what begins at the current position or behind the space there, and stop before what follows."""
        self._skip_space()
        place = self._place()
        self._nodes += 1
        limit = limit_reached(depth=depth, nodes=self._nodes)
        if limit:
            raise TooMuchError(limit, line=place.line, column=place.column)
        match self._text[self._at : self._at + 1]:
            case "{":
                node = self._mapping(place, depth)
            case "[":
                node = self._list(place, depth)
            case _:
                node = Node(place=place, content=self._scalar(place))
        self._skip_space()
        return node

    def _mapping(self, place: Place, depth: int) -> Node:
        values: dict[str, Node] = {}
        key_places: dict[str, Place] = {}
        is_open = not self._take_end("}")
        while is_open:
            self._skip_space()
            key_place = self._place()
            if not self._text.startswith('"', self._at):
                self._refuse("expected a key in double quotes")
            key = self._scalar(key_place)
            self._skip_space()
            self._take(":")
            value = self._value(depth + 1)
            if not key:
                self._problems.add(key_place, "a key must be text", "quote it if it is a name")
            elif key in key_places:
                first = key_places[key]
                hint = f"first at {first.line}:{first.column}; remove one"
                self._problems.add(key_place, f"{shown(key)} is given twice", hint)
            else:
                values[key], key_places[key] = value, key_place
            is_open = not self._ends_with("}")
        return Node(place=place, content=values, key_places=key_places)

    def _list(self, place: Place, depth: int) -> Node:
        items: list[Node] = []
        is_open = not self._take_end("]")
        while is_open:
            items.append(self._value(depth + 1))
            is_open = not self._ends_with("]")
        return Node(place=place, content=tuple(items))

    def _scalar(self, place: Place) -> Any:
        try:
            value, self._at = self._decoder.raw_decode(self._text, self._at)
        except json.JSONDecodeError as error:
            self._at = error.pos
            self._refuse(error.msg)
        if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
            self._problems.add(place, "an escape names half of a character (a surrogate)")
            return ""
        return value

    def _integer(self, text: str) -> int | None:
        if len(text) > MAX_NUMBER_CHARACTERS:
            hint = "quote it if it is text"
            self._problems.add(self._place(), f"{shown(text)} is too long for a number", hint)
            return None
        return int(text)

    def _take_end(self, mark: str) -> bool:
        """Step over an opening bracket and, if ``mark`` follows, over that too."""
        self._at += 1
        self._skip_space()
        return self._text.startswith(mark, self._at) and self._step()

    def _ends_with(self, mark: str) -> bool:
        """Step over ``mark``, or over a comma; return whether it was the former."""
        if self._text.startswith(mark, self._at):
            return self._step()
        self._take(",")
        return False

    def _take(self, mark: str) -> None:
        if not self._text.startswith(mark, self._at):
            self._refuse(f"expected '{mark}'")
        self._step()

    def _step(self) -> bool:
        self._at += 1
        return True

    def _skip_space(self) -> None:
        self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]  # it matches nothing as well

    def _place(self) -> Place:
        line = bisect_right(self._line_starts, self._at)
        return Place(file=self._file, line=line, column=self._at - self._line_starts[line - 1] + 1)

    def _refuse(self, message: str) -> NoReturn:
        raise NotJsonError(message, self._place())
