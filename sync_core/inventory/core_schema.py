"""PyYAML bent to the core schema of YAML 1.2, and bounded.

PyYAML's own loaders read YAML 1.1, where ``no`` is false, ``010`` is eight and ``12:30`` is 750. Here plain scalars
are null, true, false, decimal, ``0o`` and ``0x`` integers, floats, and text otherwise.
"""

from __future__ import annotations

import re
from typing import TypeAlias

import yaml

__all__ = [
    "MAX_DEPTH",
    "MAX_NODES",
    "MAX_NUMBER_CHARACTERS",
    "CoreLoader",
    "Scalar",
    "TooMuchError",
    "core_value",
    "is_core_value",
    "kind_of",
    "limit_reached",
]

MAX_NODES = 400_000
"""Values after aliases were followed; what a file of the largest size can hold without any."""

MAX_DEPTH = 50
"""Groups within groups within groups: nobody reads more, and Python's stack allows some hundreds."""

MAX_NUMBER_CHARACTERS = 64
"""Python takes seconds for a million digits."""

Scalar: TypeAlias = str | int | float | bool | None

_TAG = "tag:yaml.org,2002:"


class TooMuchError(Exception):
    """A document breaks one of our bounds at ``line`` and ``column``, both 1-based."""

    def __init__(self, message: str, *, line: int, column: int) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


class CoreLoader(yaml.SafeLoader):
    """PyYAML's reader with the scalar types of YAML 1.2 and with bounds on depth and number of nodes."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML's own way: a class's table replaces its parent's

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0
        self._nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Return the next node with all that is in it.

        Raises:
            TooMuchError: there are too many, or they lie too deep.
        """
        self._depth += 1
        self._nodes += 1
        limit = limit_reached(depth=self._depth, nodes=self._nodes)
        if limit:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise TooMuchError(limit, line=mark.line + 1, column=mark.column + 1)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def limit_reached(*, depth: int, nodes: int) -> str | None:
    """Return which of our bounds a document breaks, if it does."""
    if depth > MAX_DEPTH:
        return f"the file has more than {MAX_DEPTH} levels"
    return f"the file has more than {MAX_NODES} values" if nodes > MAX_NODES else None


_CORE_SCALARS = {
    "null": re.compile(r"(?:~|null|Null|NULL|)\Z"),
    "bool": re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"),
    "int": re.compile(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z"),
    "float": re.compile(
        r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
    ),
}
"""What a plain scalar may be besides text; the first that matches counts."""

for _kind, _pattern in _CORE_SCALARS.items():
    CoreLoader.add_implicit_resolver(_TAG + _kind, _pattern, None)


def kind_of(node: yaml.ScalarNode) -> str:
    """Return the word for the kind of ``node``, whether by its tag or by its looks: ``str``, ``int`` and so on."""
    return node.tag.removeprefix(_TAG)


def is_core_value(kind: str, text: str) -> bool | None:
    """Return whether ``text`` is a value of ``kind``; ``None`` if the core schema knows no such kind."""
    pattern = _CORE_SCALARS.get(kind)
    return None if pattern is None else pattern.match(text) is not None


def core_value(kind: str, text: str) -> Scalar:
    """Return the value that ``text`` has; the two must fit."""
    text = text.lower()
    match kind:
        case "null":
            return None
        case "bool":
            return text == "true"
        case "int":
            return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
        case _:
            return float(text.replace(".inf", "inf").replace(".nan", "nan"))
