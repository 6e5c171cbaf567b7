"""YAML text to a tree of values that know where they stand.

Aliases and merge keys (``<<``) work; tags of one's own don't, and a key given twice is a fault. What a hostile
file could blow up (size, depth, number of values) is bounded here, before anybody looks at the content.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

from sync_core.inventory.core_schema import (
    CoreLoader,
    Scalar,
    TooMuchError,
    core_value,
    is_core_value,
    kind_of,
    limit_reached,
)
from sync_core.inventory.problems import WHOLE_FILE, Place, Problems, shown

__all__ = ["MAX_FILE_BYTES", "Node", "parse"]

MAX_FILE_BYTES = 2 * 1024 * 1024
"""Some 20,000 hosts written out one by one."""

_MAX_NUMBER_CHARACTERS = 64


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
        root = yaml.compose(text, Loader=CoreLoader)
        if root is None:
            problems.add(WHOLE_FILE, "the file is empty", "`jsync init` writes a working example")
            return None
        return _Reader(problems).read(root)
    except TooMuchError as error:
        problems.add(_place(error.mark), str(error))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problems.add(_place(mark) if mark else WHOLE_FILE, f"not YAML: {error.problem or error.context}")
    except yaml.reader.ReaderError as error:
        where = _place_of_offset(text, error.position)
        problems.add(where, f"not YAML: the character U+{error.character:04X} is not allowed")
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


class _Reader:
    """Turns PyYAML's nodes into ours, following aliases."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._open: set[int] = set()
        self._nodes = 0

    def read(self, node: yaml.Node) -> Node:
        self._nodes += 1
        limit = limit_reached(depth=len(self._open) + 1, nodes=self._nodes)
        if limit:
            raise TooMuchError(f"with its aliases {limit}", node.start_mark)
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
        kind, text = kind_of(node), node.value
        if kind == "str":
            return self._text(text, place)
        fits = is_core_value(kind, text)
        if fits is None:
            self._refuse_tag(node, place)
        elif not fits:
            self._problems.add(place, f"{shown(text)} is not what its tag `!!{kind}` promises")
        elif len(text) > _MAX_NUMBER_CHARACTERS:
            self._problems.add(place, f"{shown(text)} is too long for a number", "quote it if it is text")
        else:
            return core_value(kind, text)
        return None

    def _text(self, text: str, place: Place) -> str:
        if any("\ud800" <= character <= "\udfff" for character in text):
            self._problems.add(place, "an escape names half of a character (a surrogate)")
            return ""
        return text

    def _refuse_tag(self, node: yaml.Node, place: Place) -> None:
        tag = node.tag.replace("tag:yaml.org,2002:", "!!")
        self._problems.add(place, f"the tag {shown(tag)} is not understood here", "write the plain value")


def _place(mark: yaml.Mark) -> Place:
    return Place(line=mark.line + 1, column=mark.column + 1)


def _place_of_offset(text: str, offset: int) -> Place:
    before = text[:offset]
    return Place(line=before.count("\n") + 1, column=len(before.rpartition("\n")[2]) + 1)
