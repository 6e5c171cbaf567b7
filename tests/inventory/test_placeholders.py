from __future__ import annotations

import pytest

from sync_core.inventory.document import parse
from sync_core.inventory.groups import HostDraft
from sync_core.inventory.node import Node
from sync_core.inventory.placeholders import fill
from sync_core.inventory.problems import WHOLE, Problems

IN_RANGE = HostDraft(name="slave-07", place=WHOLE, n="07")
ALONE = HostDraft(name="slave", place=WHOLE, n=None)


def node_of(text: str) -> Node:
    node = parse(text.encode(), Problems("f"))
    assert node is not None
    return node


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'{n}'", "07"),
        ("50{n}", "5007"),
        ("caches/{name}/{n}/{name}", "caches/slave-07/07/slave-07"),
        ("$n/${name}/{{name}}/{{ n }}/{other}/{}", "$n/${name}/{{name}}/{{ n }}/{other}/{}"),
        ("['a-{n}', {b: 'x{name}', '{n}': 1}, 5, true, null]", ["a-07", {"b": "xslave-07", "{n}": 1}, 5, True, None]),
    ],
)
def test_placeholders_are_filled_in_wherever_text_is(text: str, expected: object) -> None:
    problems = Problems("f")
    assert fill(node_of(text), IN_RANGE, problems) == expected
    assert not problems


def test_a_host_without_a_range_has_no_n() -> None:
    problems = Problems("f")
    assert fill(node_of("[x, 'a{n}b{n}', '{name}']"), ALONE, problems) == ["x", "ab", "slave"]
    assert str(problems.error()) == (
        "f:1:5: `{n}` is the value of a range, and the host `slave` has none in its name "
        "(use {name}, or a range such as slave-[1:9])"
    )
