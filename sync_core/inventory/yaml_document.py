"""YAML text to a tree of values that know where they stand.

Aliases and merge keys (``<<``) work; tags of one's own don't, and a key given twice is a fault.
"""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from sync_core.inventory.bounds import MAX_NUMBER_CHARACTERS, TooMuchError, limit_reached
from sync_core.inventory.core_schema import CoreLoader, core_value, is_core_value, kind_of
from sync_core.inventory.node import Node, Scalar
from sync_core.inventory.problems import Place, Problems, shown, whole

__all__ = ["read_yaml"]


def read_yaml(text: str, file: str, problems: Problems) -> Node | None:
    """Return the document that ``text`` holds, or ``None`` after noting why there is none.

    Args:
        text: YAML.
        file: what places call it.
        problems: gets every fault.

    Raises:
        TooMuchError: it breaks a bound of ours.
    """
    try:
        root = yaml.compose(text, Loader=CoreLoader)
        return Node(place=whole(file), content=None) if root is None else _Reader(problems, file).read(root)
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
