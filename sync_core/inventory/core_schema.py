"""PyYAML bent to the core schema of YAML 1.2, and bounded.

PyYAML's own loaders read YAML 1.1, where ``no`` is false, ``010`` is eight and ``12:30`` is 750. Here plain scalars
are null, true, false, decimal, ``0o`` and ``0x`` integers, floats, and text otherwise.
"""

from __future__ import annotations

import re

import yaml

from sync_core.inventory.bounds import TooMuchError, limit_reached
from sync_core.inventory.node import Octal, Scalar

__all__ = ["CoreLoader", "core_value", "is_core_value", "kind_of"]

_TAG = "tag:yaml.org,2002:"


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
            return Octal(text, 8) if text.startswith("0o") else int(text, 16 if text.startswith("0x") else 10)
        case _:
            return float(text.replace(".inf", "inf").replace(".nan", "nan"))
