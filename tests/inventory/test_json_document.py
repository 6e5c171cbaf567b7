from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.inventory.bounds import MAX_DEPTH, MAX_NODES, MAX_NUMBER_CHARACTERS, TooMuchError
from sync_core.inventory.document import parse
from sync_core.inventory.json_document import NotJsonError, read_json
from sync_core.inventory.node import Node
from sync_core.inventory.problems import Place, Problems


def read(text: str) -> tuple[Node, list[str]]:
    problems = Problems("f")
    node = read_json(text, "f.json", problems)
    return node, [str(problem) for problem in problems.error().problems]


def test_every_value_and_key_knows_its_place() -> None:
    node, _ = read('\n{\t"a": [1,\n  "x"],\r\n "b" : {}}\n')
    assert (node.place, node.table["a"].place) == (place(2, 1), place(2, 8))
    assert node.key_places == {"a": place(2, 3), "b": place(4, 2)}
    items = node.table["a"].content
    assert isinstance(items, tuple)
    assert [item.place for item in items] == [place(2, 9), place(3, 3)]


def place(line: int, column: int) -> Place:
    return Place(file="f.json", line=line, column=column)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1:1: Expecting value"),
        ("{", "1:2: expected a key in double quotes"),
        ('{"a"}', "1:5: expected ':'"),
        ('{"a": }', "1:7: Expecting value"),
        ('{"a": 1', "1:8: expected ','"),
        ('{"a": 1,}', "1:9: expected a key in double quotes"),
        ("{a: 1}", "1:2: expected a key in double quotes"),
        ("[1,\n 2 3]", "2:4: expected ','"),
        ("[1,]", "1:4: Expecting value"),
        ("[1] []", "1:5: something follows the document"),
        ('["x\ty"]', "1:4: Invalid control character at"),
        ("[NaN]", "1:2: NaN"),
        ("[-Infinity]", "1:2: -Infinity"),
        ('["\\x"]', "1:3: Invalid \\escape"),
    ],
)
def test_what_is_no_json_says_where(text: str, expected: str) -> None:
    with pytest.raises(NotJsonError) as caught:
        read(text)
    where = caught.value.place
    assert f"{where.line}:{where.column}: {caught.value}" == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1,\n "a": 2}', ["f.json:2:2: `a` is given twice (first at 1:2; remove one)"]),
        ('{"": 1}', ["f.json:1:2: a key must be text (quote it if it is a name)"]),
        ('["\\ud800"]', ["f.json:1:2: an escape names half of a character (a surrogate)"]),
        (f"[{'9' * (MAX_NUMBER_CHARACTERS + 1)}]", [
            f"f.json:1:2: `{'9' * 59}…` is too long for a number (quote it if it is text)"
        ]),
    ],
)  # fmt: skip
def test_what_json_allows_and_an_inventory_does_not(text: str, expected: list[str]) -> None:
    assert read(text)[1] == expected


def test_depth_and_number_are_bounded() -> None:
    assert read("[" * MAX_DEPTH + "]" * MAX_DEPTH)[1] == []
    with pytest.raises(TooMuchError, match=f"more than {MAX_DEPTH} levels") as caught:
        read("[" * (MAX_DEPTH + 1))
    assert (caught.value.line, caught.value.column) == (1, MAX_DEPTH + 1)
    with pytest.raises(TooMuchError, match=f"more than {MAX_NODES} values"):
        read("[" + "1," * MAX_NODES + "1]")


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS.filter(bool), inner, max_size=4),
    max_leaves=10,
)


@given(value=VALUES, indent=st.sampled_from([None, 2, "\t"]), is_ascii=st.booleans())
def test_it_reads_what_python_writes(value: object, indent: int | str | None, is_ascii: bool) -> None:
    node, problems = read(json.dumps(value, indent=indent, ensure_ascii=is_ascii))
    assert (node.plain, problems) == (value, [])


@given(text=st.text(alphabet='{}[]:,"\\ \n\tabu0189.-eE+truefalsn\ud800', max_size=30))
def test_any_text_is_json_to_us_when_it_is_to_python(text: str) -> None:
    try:
        read(text)
        is_json = True
    except NotJsonError:
        is_json = False
    try:
        json.loads(text, parse_constant=lambda _: json.loads("no"))
    except ValueError:
        assert not is_json
    else:
        assert is_json


@given(value=st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3))
def test_places_are_those_that_yaml_has(value: object) -> None:
    text = json.dumps(value, indent=1).replace("\\u", "u")  # YAML and JSON see escapes beyond U+FFFF with other eyes
    ours = read_json(text, "", Problems("f"))
    theirs = parse(b"# yaml\n" + text.encode(), Problems("f"))
    assert theirs is not None
    for key, first in ours.key_places.items():
        second = theirs.key_places[key]
        assert (first.line + 1, first.column) == (second.line, second.column)
