from __future__ import annotations

from textwrap import dedent

import pytest

from sync_core.inventory.bounds import MAX_DEPTH
from sync_core.inventory.document import parse
from sync_core.inventory.groups import MAX_HOSTS, Draft, read_groups
from sync_core.inventory.problems import Problems


def read(text: str) -> tuple[Draft, list[str]]:
    problems = Problems("f")
    document = parse(dedent(text).encode(), problems)
    assert document is not None
    draft = read_groups([document], problems)
    return draft, [str(problem).removeprefix("f:").strip() for problem in problems.error().problems]


def test_groups_are_read_where_they_stand() -> None:
    draft, problems = read(
        """
        all:
          children:
            slaves:
              hosts:
                b:
                s-[1:2]: {x_a: 1}
              children: {north: {hosts: {a: {}}}, south: }
        masters: {hosts: {m: {}}}
        north: {hosts: {b: {x_b: 2}}, vars: {x_c: 3}}
        """
    )
    assert problems == []
    assert list(draft.hosts) == ["b", "s-1", "s-2", "a", "m"]
    assert {name: list(group.hosts) for name, group in draft.groups.items()} == {
        "all": [],
        "slaves": ["b", "s-1", "s-2"],
        "north": ["a", "b"],
        "south": [],
        "masters": ["m"],
        "ungrouped": [],
    }
    assert list(draft.groups["all"].children) == ["slaves", "masters", "ungrouped"]
    assert list(draft.groups["slaves"].children) == ["north", "south"]
    assert list(draft.hosts["b"].groups) == ["slaves", "north"]
    assert [table.plain for table in draft.hosts["b"].tables] == [None, {"x_b": 2}]
    assert [(host.name, host.n) for host in draft.hosts.values() if host.n] == [("s-1", "1"), ("s-2", "2")]
    assert (draft.hosts["b"].place.line, draft.hosts["b"].place.column) == (6, 9)
    assert draft.hosts_below("slaves") == {"a", "b", "s-1", "s-2"}
    assert draft.hosts_below("nobody") == set()
    assert draft.groups_below("slaves") == {"slaves", "north", "south"}
    assert draft.depths() == {"all": 0, "slaves": 1, "masters": 1, "ungrouped": 1, "north": 2, "south": 2}


def test_a_host_has_the_n_of_the_range_that_made_it_wherever_it_stands() -> None:
    draft, _ = read("{a: {hosts: {s-1: , s-2: }}, b: {hosts: {'s-[1:1]': }}, c: {hosts: {'[s:s]-1': }}}")
    assert {host.name: host.n for host in draft.hosts.values()} == {"s-1": "1", "s-2": None}


def test_depth_is_the_longest_way() -> None:
    draft, _ = read("{a: {children: {b: {children: {c: }}, c: {children: {d: }}}}, d: }")
    assert [draft.depths()[name] for name in "abcd"] == [1, 2, 3, 4]
    assert draft.groups_below("a") == {"a", "b", "c", "d"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{a: {children: {a: }}}", ["1:17: the group `a` contains itself (`a > a`)"]),
        ("{a: {children: {b: {children: {a: }}}}}", ["1:32: the group `a` contains itself (`a > b > a`)"]),
        ("{a: {children: {b: }}, b: {children: {c: }}, c: {children: {b: , d: }}}", [
            "1:61: the group `b` contains itself (`b > c > b`)"
        ]),
        ("{all: {children: {a: {children: {all: }}}}}", ["1:34: the group `all` contains itself (`all > a > all`)"]),
        ("{x: {children: {all: }}}", ["1:17: the group `all` contains itself (`x > all > x`)"]),
        ("{all: {children: {all: }}}", ["1:19: the group `all` contains itself (`all > all`)"]),
    ],
)  # fmt: skip
def test_circles_are_found_and_broken(text: str, expected: list[str]) -> None:
    draft, problems = read(text)
    assert problems == expected
    assert set(draft.depths()) == set(draft.groups)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'a b': {hosts: {x: }}", ["1:1: the group name `a b` is not allowed: ` ` is not allowed in it"]),
        ("{a: {hosts: {'x,y': , 'b[1:': }}}", [
            "1:14: the host name `x,y` is not allowed: `,` is not allowed in it",
            "1:23: the host name `b[1:` is not allowed: it has a bracket without its partner",
        ]),
        ("{a: {hosts: {'x[1:2].': , '.x[1:2]': }}}", [
            "1:27: the host name `.x[1:2]` is not allowed: names that begin with a dot are ignored below `remote`"
        ]),
        ("{a: {hosts: {'x[1:10001]': }}}", [
            f"1:14: the host name `x[1:10001]` is not allowed: it stands for 10001 hosts, and an inventory has at most "
            f"{MAX_HOSTS}"
        ]),
        ("{a: {hosts: {'x[1:6000]': , 'y[1:6000]': }}}", ["1:1: there are 12000 hosts; at most 10000 are allowed"]),
    ],
)  # fmt: skip
def test_wrong_names_are_noted(text: str, expected: list[str]) -> None:
    assert read(text)[1] == expected


def test_mentions_are_bounded_too() -> None:
    text = "{" + ", ".join(f"g{n}: {{hosts: {{'x[1:9999]': }}}}" for n in range(12)) + "}"
    _, problems = read(text)
    assert len(problems) == 2
    assert all("it stands for 9999 hosts" in problem for problem in problems)


def test_groups_may_not_be_endlessly_deep() -> None:
    chain = ", ".join(f"g{n}: {{children: {{g{n + 1}: }}}}" for n in range(MAX_DEPTH + 5))
    _, problems = read("{" + chain + "}")
    assert problems == [
        f"1:{chain.rindex(f'g{MAX_DEPTH + 5}') + 2}: the group `g{MAX_DEPTH + 5}` is more than 50 groups deep"
    ]


@pytest.mark.parametrize("text", ["[1, 2]", "x", "{a: [], b: 1, c: {hosts: [x], children: y, vars: 3}}"])
def test_wrong_shapes_are_passed_over(text: str) -> None:
    draft, problems = read(text)
    assert (list(draft.hosts), problems) == ([], [])
