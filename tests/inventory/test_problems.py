from __future__ import annotations

import pytest

from sync_core.inventory.problems import MAX_PROBLEMS, WHOLE, Place, Problems, closest, shown, whole

HERE = Place(line=3, column=7)


def lines(problems: Problems) -> list[str]:
    return str(problems.error()).splitlines()


def test_problems_come_in_file_order_with_their_hints() -> None:
    problems = Problems("site.yaml")
    assert not problems
    problems.add(Place(line=10, column=1), "late")
    problems.add(HERE, "wrong", "do it right")
    problems.add(WHOLE, "not good")
    assert problems
    assert lines(problems) == [
        "site.yaml:1:1: not good",
        "site.yaml:3:7: wrong (do it right)",
        "site.yaml:10:1: late",
    ]


def test_problems_name_the_file_that_they_are_in_or_the_inventory() -> None:
    problems = Problems("a.yaml, b.yaml")
    problems.add(Place(file="b.yaml", line=1, column=2), "wrong")
    problems.add(Place(file="a.yaml", line=3, column=4), "wrong")
    problems.add(whole("b.yaml"), "wrong")
    problems.add(WHOLE, "wrong")
    assert lines(problems) == [
        "a.yaml, b.yaml:1:1: wrong",
        "a.yaml:3:4: wrong",
        "b.yaml:1:1: wrong",
        "b.yaml:1:2: wrong",
    ]


def test_warnings_are_no_problems() -> None:
    problems = Problems("f")
    for message in ("one", "two", "one"):
        problems.warn(message)
    assert problems.warnings == ("one", "two")
    assert not problems


def test_the_same_fault_at_the_same_place_counts_once() -> None:
    problems = Problems("f")
    problems.add(HERE, "`a` needs a cache", topic="cache")
    problems.add(HERE, "`b` needs a cache", topic="cache")
    problems.add(HERE, "`b` needs a master", topic="master")
    problems.add(HERE, "wrong")
    problems.add(HERE, "wrong", "another hint")
    assert lines(problems) == ["f:3:7: `a` needs a cache", "f:3:7: `b` needs a master", "f:3:7: wrong"]


def test_a_place_remembers_that_something_is_wrong_there() -> None:
    problems = Problems("f")
    problems.add(HERE, "wrong")
    assert problems.has_at(HERE)
    assert not problems.has_at(Place(line=3, column=8))


def test_a_hostile_file_does_not_fill_the_memory() -> None:
    problems = Problems("f")
    for line in range(1, MAX_PROBLEMS):
        problems.add(Place(line=line, column=1), "wrong")
    assert not problems.is_full
    for line in range(MAX_PROBLEMS, MAX_PROBLEMS + 3):
        problems.add(Place(line=line, column=1), "wrong")
        assert problems.is_full
    found = lines(problems)
    assert len(found) == MAX_PROBLEMS + 1
    assert found[-1] == "f:1:1: and more problems, not shown"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a b", "`a b`"),
        ("a\n\x1b[31m\u2028", "`a\\n\\x1b[31m\\u2028`"),
        ("x" * 61, "`" + "x" * 59 + "…`"),
        ("é", "`é`"),
        (None, "`null`"),
        (True, "`true`"),
        (7.5, "`7.5`"),
        ({"a": 1}, "`a mapping`"),
        ([], "`a list`"),
    ],
)
def test_values_are_shown_harmless_and_short(value: object, expected: str) -> None:
    assert shown(value) == expected


def test_the_closest_known_word_is_a_hint() -> None:
    assert closest("tcp_prot", ["udp_port", "tcp_port"]) == "did you mean `tcp_port`?"
    assert closest("xyzzy", ["udp_port", "tcp_port"]) is None
    assert closest("x", iter(())) is None
