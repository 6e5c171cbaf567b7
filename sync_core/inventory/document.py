"""YAML text to a tree of values that know where they stand.

Scalars follow the core schema of YAML 1.2, which PyYAML's own loaders do not: ``no`` and ``on`` are text, ``010``
is ten, ``12:30`` and dates are text. Aliases and merge keys (``<<``) work; other tags don't. What a hostile file
could blow up (size, depth, number of values) is bounded here, before anybody looks at the content.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import yaml

from sync_core.inventory.problems import WHOLE_FILE, Place, Problems, shown

__all__ = ["MAX_DEPTH", "MAX_FILE_BYTES", "MAX_NODES", "Node", "Scalar", "parse"]

MAX_FILE_BYTES = 2 * 1024 * 1024
"""Some 20,000 hosts written out one by one."""

MAX_NODES = 400_000
"""Values after aliases were followed; what a file of the largest size can hold without any."""

MAX_DEPTH = 50
"""Groups within groups within groups: nobody reads more, and Python's stack allows some hundreds."""

_MAX_NUMBER_CHARACTERS = 64

Scalar: TypeAlias = str | int | float | bool | None

_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One value of the file.

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


def parse(data: bytes, problems: Problems) -> Node | None:
    """Return the file's document, or ``None`` after noting why there is none.

    Args:
        data: the file's bytes.
        problems: gets every fault; duplicate keys and unknown tags do not end the reading.
    """
    text = _decode(data, problems)
    if text is None:
        return None
    try:
        root = yaml.compose(text, Loader=_CoreLoader)
        if root is None:
            problems.add(WHOLE_FILE, "the file is empty", "`jsync init` writes a working example")
            return None
        return _Reader(problems).read(root)
    except _TooMuchError as error:
        problems.add(_place(error.mark), str(error))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problems.add(_place(mark) if mark else WHOLE_FILE, f"not YAML: {error.problem or error.context}")
    except yaml.reader.ReaderError as error:
        where = _place_of_offset(text, error.position)
        problems.add(where, f"not YAML: the character U+{ord(error.character):04X} is not allowed")
    except (ValueError, OverflowError):
        # PyYAML lets an escape such as "\UFFFFFFFF" reach chr().
        problems.add(WHOLE_FILE, "not YAML: an escape names a character that does not exist")
    return None


def _decode(data: bytes, problems: Problems) -> str | None:
    if len(data) > MAX_FILE_BYTES:
        problems.add(WHOLE_FILE, f"the file is larger than {MAX_FILE_BYTES} bytes", "ranges shorten lists of hosts")
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        column = len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
        where = Place(line=before.count(b"\n") + 1, column=column)
        problems.add(where, f"not UTF-8: the byte 0x{data[error.start]:02x}", "save the file as UTF-8")
        return None


class _TooMuchError(Exception):
    """The document exceeds one of our bounds."""

    def __init__(self, message: str, mark: yaml.Mark) -> None:
        super().__init__(message)
        self.mark = mark


class _CoreLoader(yaml.SafeLoader):
    """PyYAML's reader with the scalar types of YAML 1.2 and with bounds on depth and number of nodes."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML's own way: a class's table replaces its parent's

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0
        self._nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self._depth += 1
        self._nodes += 1
        if self._depth > MAX_DEPTH or self._nodes > MAX_NODES:
            what = (
                f"has more than {MAX_DEPTH} levels" if self._depth > MAX_DEPTH else f"has more than {MAX_NODES} values"
            )
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise _TooMuchError(f"the file {what}", mark)
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
    _CoreLoader.add_implicit_resolver(_TAG + _kind, _pattern, None)


class _Reader:
    """Turns PyYAML's nodes into ours, following aliases."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._open: set[int] = set()
        self._nodes = 0

    def read(self, node: yaml.Node) -> Node:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise _TooMuchError(f"aliases blow the file up to more than {MAX_NODES} values", node.start_mark)
        place = _place(node.start_mark)
        if id(node) in self._open:
            self._problems.add(place, "the value contains itself by an alias")
            return Node(place=place, content=None)
        self._open.add(id(node))
        try:
            return self._content(node, place)
        finally:
            self._open.discard(id(node))

    def _content(self, node: yaml.Node, place: Place) -> Node:
        match node:
            case yaml.MappingNode(tag="tag:yaml.org,2002:map"):
                return self._mapping(node, place)
            case yaml.SequenceNode(tag="tag:yaml.org,2002:seq"):
                return Node(place=place, content=tuple(self.read(item) for item in node.value))
            case yaml.ScalarNode():
                return Node(place=place, content=self._scalar(node, place))
            case _:
                self._refuse_tag(node, place)
                return Node(place=place, content=None)

    def _mapping(self, node: yaml.MappingNode, place: Place) -> Node:
        values: dict[str, Node] = {}
        key_places: dict[str, Place] = {}
        merged: list[Node] = []
        for key_node, value_node in node.value:
            key_place = _place(key_node.start_mark)
            value = self.read(value_node)
            if not isinstance(key_node, yaml.ScalarNode) or not key_node.value:
                self._problems.add(key_place, "a key must be text", "quote it if it is a name")
                continue
            key = self._text(key_node.value, key_place)
            if key in key_places:
                first = key_places[key]
                self._problems.add(
                    key_place, f"{shown(key)} is given twice", f"first at {first.line}:{first.column}; remove one"
                )
                continue
            key_places[key] = key_place
            if key == "<<" and key_node.style is None:
                merged.extend(self._merge_sources(value))
            else:
                values[key] = value
        for source in merged:
            for key, value in source.table.items():
                values.setdefault(key, value)
                key_places.setdefault(key, source.key_places[key])
        return Node(place=place, content=values, key_places=key_places)

    def _merge_sources(self, value: Node) -> tuple[Node, ...]:
        sources = value.content if isinstance(value.content, tuple) else (value,)
        for source in sources:
            if not isinstance(source.content, Mapping):
                self._problems.add(source.place, "`<<` takes a mapping, or a list of mappings")
        return sources

    def _scalar(self, node: yaml.ScalarNode, place: Place) -> Scalar:
        kind, text = node.tag.removeprefix(_TAG), node.value
        if kind == "str":
            return self._text(text, place)
        if kind not in _CORE_SCALARS:
            self._refuse_tag(node, place)
            return None
        if not _CORE_SCALARS[kind].match(text):
            self._problems.add(place, f"{shown(text)} is not what its tag `!!{kind}` promises")
            return None
        if len(text) > _MAX_NUMBER_CHARACTERS:
            self._problems.add(place, f"{shown(text)} is too long for a number", "quote it if it is text")
            return None
        return _core_value(kind, text.lower())

    def _text(self, text: str, place: Place) -> str:
        if any("\ud800" <= character <= "\udfff" for character in text):
            self._problems.add(place, "an escape names half of a character (a surrogate)")
            return ""
        return text

    def _refuse_tag(self, node: yaml.Node, place: Place) -> None:
        tag = node.tag.replace(_TAG, "!!")
        self._problems.add(place, f"the tag {shown(tag)} is not understood here", "write the plain value")


def _core_value(kind: str, text: str) -> Scalar:
    match kind:
        case "null":
            return None
        case "bool":
            return text == "true"
        case "int":
            return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
        case _:
            return float(text.replace(".inf", "inf").replace(".nan", "nan"))


def _place(mark: yaml.Mark) -> Place:
    return Place(line=mark.line + 1, column=mark.column + 1)


def _place_of_offset(text: str, offset: int) -> Place:
    before = text[:offset]
    return Place(line=before.count("\n") + 1, column=len(before.rpartition("\n")[2]) + 1)
