from __future__ import annotations

import json

import pytest

from sync_core.inventory.ansible_list import as_groups, host_names, host_variables, is_list
from sync_core.inventory.document import parse_json
from sync_core.inventory.node import Node
from sync_core.inventory.problems import Place, Problems

LIST = {
    "_meta": {"hostvars": {"a": {"x_a": 1}, "b": {}, "lost": {}, "gone": {}}},
    "all": {"children": ["g", "h", "h"]},
    "g": {"hosts": ["a", "b", "a"], "vars": {"x_g": 2}},
    "h": ["b", "c"],
    "i": {},
    "j": None,
}


def document(value: object) -> Node:
    node = parse_json(json.dumps(value).encode(), Problems("f"), "f")
    assert node is not None
    return node


def translated(value: object) -> tuple[Node, Problems]:
    problems = Problems("f")
    node = document(value)
    variables = host_variables(node)
    return as_groups(node, {} if variables is None else variables.table, problems), problems


def test_a_list_becomes_groups() -> None:
    node, problems = translated(LIST)
    assert node.plain == {
        "all": {"children": {"g": None, "h": None}},
        "g": {"hosts": {"a": {"x_a": 1}, "b": {}}, "vars": {"x_g": 2}},
        "h": {"hosts": {"b": None, "c": None}},
        "i": {},
        "j": None,
    }
    assert problems.warnings == ("f: `lost` and 1 more in no group: the variables are passed over",)
    assert not problems


def test_everything_keeps_its_place() -> None:
    node, _ = translated({"_meta": {}, "g": {"hosts": ["a"]}, "h": ["b"]})
    at = [Place(file="f", line=1, column=column) for column in (15, 21, 31, 38, 43)]
    assert node.key_places["g"] == at[0]
    group = node.table["g"]
    assert group.key_places == {"hosts": at[1]}
    assert group.table["hosts"].key_places == {"a": at[2]} == {"a": group.table["hosts"].table["a"].place}
    mere = node.table["h"]
    assert (node.key_places["h"], mere.place) == (at[3], at[4])
    assert mere.key_places == {"hosts": at[4]}


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ({"hosts": {"a": {}}}, ["`hosts`: `a mapping` is not a list of names"]),
        ({"hosts": None, "children": "x"}, [
            "`hosts`: `null` is not a list of names", "`children`: `x` is not a list of names"
        ]),
        ({"hosts": ["a", 5, None]}, ["`hosts`: `5` is not a name", "`hosts`: `null` is not a name"]),
        ([["a"]], ["`hosts`: `a list` is not a name"]),
        ({"children": [{}]}, ["`children`: `a mapping` is not a name"]),
        (5, []),  # the shape of groups is looked at later
    ],
)  # fmt: skip
def test_what_should_be_names_and_is_not(group: object, expected: list[str]) -> None:
    node, problems = translated({"_meta": {"hostvars": {}}, "g": group})
    assert [problem.message for problem in problems.error().problems] == expected
    assert "g" in node.table


def test_who_is_in_it() -> None:
    assert host_names(document(LIST)) == ("a", "b", "c")


@pytest.mark.parametrize(
    ("value", "has_meta", "has_variables"),
    [({}, False, False), ({"_meta": {}}, True, False), ({"_meta": None}, True, False), (LIST, True, True)],
)
def test_variables_of_hosts_may_be_missing(value: object, has_meta: bool, has_variables: bool) -> None:
    node = document(value)
    assert (is_list(node), host_variables(node) is not None) == (has_meta, has_variables)
