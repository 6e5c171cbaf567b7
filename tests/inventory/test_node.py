from __future__ import annotations

from sync_core.inventory.node import Node
from sync_core.inventory.problems import WHOLE


def node(content: object) -> Node:
    match content:
        case dict():
            return Node(place=WHOLE, content={key: node(value) for key, value in content.items()})
        case list():
            return Node(place=WHOLE, content=tuple(map(node, content)))
        case str() | int() | None:
            return Node(place=WHOLE, content=content)
    raise AssertionError(content)


def test_the_plain_value_is_that_of_a_json_reader() -> None:
    value = {"a": [1, "x", None, {"b": True}]}
    assert node(value).plain == value


def test_only_a_mapping_has_values_by_key() -> None:
    assert list(node({"a": 1, "b": 2}).table) == ["a", "b"]
    assert node([1]).table == {}
    assert node("a").table == {}
