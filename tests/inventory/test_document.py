from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.inventory.bounds import MAX_DEPTH, MAX_NODES
from sync_core.inventory.document import MAX_FILE_BYTES, MAX_YAML_BYTES, parse, parse_json
from sync_core.inventory.node import Node
from sync_core.inventory.problems import Place, Problems


def read(text: str | bytes) -> tuple[Node | None, list[str]]:
    problems = Problems("f")
    node = parse(text if isinstance(text, bytes) else text.encode(), problems)
    return node, [str(problem).removeprefix("f:").strip() for problem in problems.error().problems]


def plain(text: str) -> object:
    node, problems = read(text)
    assert node is not None
    assert problems == []
    return node.plain


def place(line: int, column: int) -> Place:
    return Place(line=line, column=column)


def test_every_value_and_key_knows_its_place() -> None:
    node, _ = read("a:\n  b: [1, x]\n  c:\n")
    assert node is not None
    inner = node.table["a"]
    assert (node.place, inner.place) == (place(1, 1), place(2, 3))
    assert inner.key_places == {"b": place(2, 3), "c": place(3, 3)}
    items = inner.table["b"].content
    assert isinstance(items, tuple)
    assert [item.place for item in items] == [place(2, 7), place(2, 10)]
    assert inner.table["c"].content is None
    assert items[0].table == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{a: 1, 2: b, ~: c, true: d}", {"a": 1, "2": "b", "~": "c", "true": "d"}),  # keys are text
        ("a: &x {b: 1}\nc: *x\n", {"a": {"b": 1}, "c": {"b": 1}}),
        ("a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}\n", {"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}}),
        (
            "a: &x {b: 1}\ny: &y {b: 2, c: 2}\nd:\n  <<: [*x, *y]\n",
            {
                "a": {"b": 1},
                "y": {"b": 2, "c": 2},
                "d": {"b": 1, "c": 2},
            },
        ),
        ('{"<<": 1}', {"<<": 1}),
        ("\ufeffa: é\n", {"a": "é"}),
        ("%YAML 1.2\n---\na: no\n...\n", {"a": "no"}),
        ("a: |\n  two\n  lines\n", {"a": "two\nlines\n"}),
        ('{"json": ["also", 1.5, null, true]}', {"json": ["also", 1.5, None, True]}),
    ],
)
def test_documents_read_as_they_should(text: str, expected: object) -> None:
    assert plain(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", ["3:1: `a` is given twice (first at 1:1; remove one)"]),
        ("a: {b: 1, 'b': 2}\n", ["1:11: `b` is given twice (first at 1:5; remove one)"]),
        ("{<<: {a: 1}, <<: {b: 1}}", ["1:14: `<<` is given twice (first at 1:2; remove one)"]),
        ("<<: [1]\n", ["1:6: `<<` takes a mapping, or a list of mappings"]),
        ("? [a]\n: 1\n", ["1:3: a key must be text (quote it if it is a name)"]),
        ("'': 1\n", ["1:1: a key must be text (quote it if it is a name)"]),
        ("a: &x [*x]\n", ["1:4: the value contains itself by an alias"]),
        ("a: !vault |\n  abc\n", ["1:4: the tag `!vault` is not understood here (write the plain value)"]),
        ("a: !!python/name:os.system x\n", [
            "1:4: the tag `!!python/name:os.system` is not understood here (write the plain value)"
        ]),
        ("a: !!set {b: }\n", ["1:4: the tag `!!set` is not understood here (write the plain value)"]),
        ("a: !!seq {}\nb: !x []\n", [
            "1:4: the tag `!!seq` is not understood here (write the plain value)",
            "2:4: the tag `!x` is not understood here (write the plain value)",
        ]),
        ("a: !!int x\n", ["1:4: `x` is not what its tag `!!int` promises"]),
        (f"a: {'9' * 65}\n", [f"1:4: `{'9' * 59}…` is too long for a number (quote it if it is text)"]),
        ('a: "\\ud800"\n', ["1:4: an escape names half of a character (a surrogate)"]),
    ],
)  # fmt: skip
def test_faults_of_content_do_not_end_the_reading(text: str, expected: list[str]) -> None:
    node, problems = read(text)
    assert node is not None
    assert problems == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [1\nb: 2\n", "2:2: not YAML: expected ',' or ']', but got ':'"),
        ("a: 'x\n", "2:1: not YAML: found unexpected end of stream"),
        ("a:\n\tb: 1\n", "2:1: not YAML: found character '\\t' that cannot start any token"),
        ("a: 1\n---\nb: 2\n", "2:1: not YAML: but found another document"),
        ("a: *b\n", "1:4: not YAML: found undefined alias 'b'"),
        ("%YAML 3.0\n---\na\n", "1:1: not YAML: found incompatible YAML document (version 1.* is required)"),
        ("a: b\nc: \x07\n", "2:4: not YAML: the character U+0007 is not allowed"),
        ('a: "\\UFFFFFFFF"\n', "1:1: not YAML: an escape names a character that does not exist"),
        ("é: 1\nb: é".encode() + b"\xff", "2:5: not UTF-8: the byte 0xff (save the file as UTF-8)"),
        ("a: 1".encode("utf-16"), "1:1: not UTF-8: the byte 0xff (save the file as UTF-8)"),
        (b" " * (MAX_FILE_BYTES + 1), f"1:1: it is larger than {MAX_FILE_BYTES} bytes (ranges shorten lists of hosts)"),
        (
            b"{a: " + b" " * MAX_YAML_BYTES + b"}",
            f"1:1: it is larger than {MAX_YAML_BYTES} bytes (ranges shorten lists of hosts)",
        ),
        ('{"a": ' * (MAX_DEPTH + 1), f"1:{6 * MAX_DEPTH + 1}: the file has more than {MAX_DEPTH} levels"),
        ("[" * (MAX_DEPTH + 1), f"1:{MAX_DEPTH + 1}: the file has more than {MAX_DEPTH} levels"),
    ],
)
def test_what_is_no_document_says_where(text: str | bytes, expected: str) -> None:
    assert read(text) == (None, [expected])


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_an_empty_file_is_a_document_without_content(text: str) -> None:
    node, problems = read(text)
    assert node is not None
    assert (node.content, problems) == (None, [])


def test_places_name_the_file() -> None:
    problems = Problems("f")
    for text in (b"a: 1", b'{"a": 1}', b""):
        node = parse(text, problems, "g")
        assert node is not None
        assert node.place == Place(file="g", line=1, column=1)
    for wrong in (b"a: [", b"\xff", b"a: \x07", b'"\\UFFFFFFFF"', b"[" * 99, b"a: *b", b"%YAML 3.0\n---\n"):
        assert parse(wrong, problems, "g") is None
    parse(b"a: 1\na: !x 2", problems, "g")
    assert {problem.file for problem in problems.error().problems} == {"g"}


def test_long_json_is_taken_where_long_yaml_is_not() -> None:
    node, problems = read('{"a": "' + "x" * MAX_YAML_BYTES + '"}')
    assert problems == []
    assert node is not None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"a": 1}', []),
        (b"", ["s:1:1: not JSON: Expecting value"]),
        (b"a: 1", ["s:1:1: not JSON: Expecting value"]),
        (b'{"a": 1,\n}', ["s:2:1: not JSON: expected a key in double quotes"]),
        (b"\xff", ["s:1:1: not UTF-8: the byte 0xff (save the file as UTF-8)"]),
        (b"[" * 51, [f"s:1:51: the file has more than {MAX_DEPTH} levels"]),
    ],
)
def test_what_must_be_json_is_not_read_as_yaml(data: bytes, expected: list[str]) -> None:
    problems = Problems("f")
    node = parse_json(data, problems, "s")
    assert [str(problem) for problem in problems.error().problems] == expected
    assert (node is None) == bool(expected)


def test_aliases_can_not_blow_up_the_file() -> None:
    lines = ["a0: &a0 [" + "1, " * 100 + "]"]
    lines += [f"a{n}: &a{n} [" + f"*a{n - 1}, " * 100 + "]" for n in range(1, 9)]
    _, problems = read("\n".join(lines))
    assert len(problems) == 1
    assert f"with its aliases the file has more than {MAX_NODES} values" in problems[0]


def test_aliases_can_not_make_it_deep() -> None:
    lines = ["a0: &a0 " + "[" * 40 + "]" * 40]
    lines += [f"a{n}: &a{n} {'[' * 40}*a{n - 1}{']' * 40}" for n in range(1, 40)]
    _, problems = read("\n".join(lines))
    assert len(problems) == 1
    assert f"with its aliases the file has more than {MAX_DEPTH} levels" in problems[0]


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT.filter(bool), inner, max_size=4),
    max_leaves=10,
)


@given(value=st.dictionaries(TEXT.filter(bool), json_values, max_size=3))
def test_json_is_read_as_json(value: object) -> None:
    node, problems = read(json.dumps(value))
    assert node is not None
    assert node.plain == value
    assert problems == []


@given(data=st.binary(max_size=200))
def test_random_bytes_are_a_document_or_a_fault(data: bytes) -> None:
    node, problems = read(data)
    assert node is not None or problems
