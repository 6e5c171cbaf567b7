"""Bytes to a tree of values that know where they stand: YAML, or JSON.

Aliases and merge keys (``<<``) work; tags of one's own don't, and a key given twice is a fault. What a hostile
file could blow up (size, depth, number of values) is bounded here, before anybody looks at the content.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import yaml

from sync_core.inventory.core_schema import (
    MAX_NUMBER_CHARACTERS,
    CoreLoader,
    Scalar,
    TooMuchError,
    core_value,
    is_core_value,
    kind_of,
    limit_reached,
)
from sync_core.inventory.json_document import NotJsonError, read_json
from sync_core.inventory.node import Node
from sync_core.inventory.problems import Place, Problems, shown, whole

__all__ = ["MAX_FILE_BYTES", "MAX_YAML_BYTES", "parse", "parse_json"]

MAX_YAML_BYTES = 2 * 1024 * 1024
"""Some 20,000 hosts written out one by one."""

MAX_FILE_BYTES = 16 * 1024 * 1024
"""Of JSON, where every host has all its values and nobody typed them."""

_LOOKS_LIKE_JSON = re.compile(r"\s*\{")


def parse(data: bytes, problems: Problems, file: str = "") -> Node | None:
    """Return the document in ``data``, JSON or YAML, or ``None`` after noting why there is none.

    An empty file is a document without content.

    Args:
        data: the file's bytes.
        problems: gets every fault; duplicate keys and unknown tags do not end the reading.
        file: what places call it.
    """
    text = _decode(data, problems, file)
    if text is None:
        return None
    try:
        if _LOOKS_LIKE_JSON.match(text):
            return read_json(text, file, problems)
    except NotJsonError:
        pass  # then it is YAML that begins with a mapping in braces, and YAML's reader says what is wrong with it
    except TooMuchError as error:
        problems.add(Place(file=file, line=error.line, column=error.column), str(error))
        return None
    if len(data) > MAX_YAML_BYTES:
        message = f"it is larger than {MAX_YAML_BYTES} bytes"
        problems.add(whole(file), message, "ranges shorten lists of hosts")
        return None
    return _parse_yaml(text, problems, file)


def parse_json(data: bytes, problems: Problems, file: str) -> Node | None:
    """Return the document in ``data``, which must be JSON, or ``None`` after noting why there is none."""
    text = _decode(data, problems, file)
    if text is None:
        return None
    try:
        return read_json(text, file, problems)
    except NotJsonError as error:
        problems.add(error.place, f"not JSON: {error}")
    except TooMuchError as error:
        problems.add(Place(file=file, line=error.line, column=error.column), str(error))
    return None


def _parse_yaml(text: str, problems: Problems, file: str) -> Node | None:
    try:
        root = yaml.compose(text, Loader=CoreLoader)
        return Node(place=whole(file), content=None) if root is None else _Reader(problems, file).read(root)
    except TooMuchError as error:
        problems.add(Place(file=file, line=error.line, column=error.column), str(error))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = Place(file=file, line=mark.line + 1, column=mark.column + 1) if mark else whole(file)
        problems.add(where, f"not YAML: {error.problem or error.context}")
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        where = Place(file=file, line=before.count("\n") + 1, column=len(before.rpartition("\n")[2]) + 1)
        problems.add(where, f"not YAML: the character U+{error.character:04X} is not allowed")
    except (ValueError, OverflowError):
        # PyYAML lets an escape such as "\UFFFFFFFF" reach chr().
        problems.add(whole(file), "not YAML: an escape names a character that does not exist")
    return None


def _decode(data: bytes, problems: Problems, file: str) -> str | None:
    if len(data) > MAX_FILE_BYTES:
        problems.add(whole(file), f"it is larger than {MAX_FILE_BYTES} bytes", "ranges shorten lists of hosts")
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        column = len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
        where = Place(file=file, line=before.count(b"\n") + 1, column=column)
        problems.add(where, f"not UTF-8: the byte 0x{data[error.start]:02x}", "save the file as UTF-8")
        return None


class _Reader:
    """Turns PyYAML's nodes into ours, following aliases."""

    def __init__(self, problems: Problems, file: str) -> None:
        self._problems = problems
        self._file = file
        self._open: set[int] = set()
        self._nodes = 0

    def read(self, node: yaml.Node) -> Node:
        self._nodes += 1
        limit = limit_reached(depth=len(self._open) + 1, nodes=self._nodes)
        if limit:
            mark = node.start_mark
            raise TooMuchError(f"with its aliases {limit}", line=mark.line + 1, column=mark.column + 1)
        place = self._place(node)
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
            key_place = self._place(key_node)
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
        elif len(text) > MAX_NUMBER_CHARACTERS:
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

    def _place(self, node: yaml.Node) -> Place:
        return Place(file=self._file, line=node.start_mark.line + 1, column=node.start_mark.column + 1)
