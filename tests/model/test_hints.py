from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.hints import Hint, HintKind, PendingHints
from sync_core.model.path import ROOT, RelPath
from tests.support.hints import trusted_paths

COMPLETE, BEGUN, LOOK = HintKind.COMPLETE, HintKind.BEGUN, HintKind.LOOK

PATHS = st.sampled_from(["", "a", "d", "d/x", "d/e", "d/e/x", "d/e/y", "dd"]).map(RelPath)
HINTS = st.lists(st.builds(Hint, path=PATHS, kind=st.sampled_from(HintKind)), max_size=12)


def told(*hints: tuple[str, HintKind]) -> list[Hint]:
    return [Hint(path=RelPath(path), kind=kind) for path, kind in hints]


@pytest.mark.parametrize(
    ("hints", "trusted"),
    [
        ([], set()),
        ([("a", COMPLETE)], {"a"}),
        ([("a", BEGUN), ("a", COMPLETE)], {"a"}),
        ([("a", COMPLETE), ("a", BEGUN)], set()),
        ([("a", COMPLETE), ("a", LOOK)], {"a"}),
        ([("a", LOOK)], set()),
        ([("a", COMPLETE), ("b", BEGUN)], {"a"}),
        ([("d", COMPLETE), ("d/e/x", BEGUN), ("f", COMPLETE)], {"f"}),
        ([("d", COMPLETE), ("d/x", BEGUN), ("d/x", COMPLETE)], {"d/x"}),
        ([("d/x", COMPLETE), ("d", BEGUN)], set()),  # another folder has that name now
        ([("d/x", COMPLETE), ("d", LOOK)], {"d/x"}),
        ([("d/x", COMPLETE), ("dd", BEGUN)], {"d/x"}),
        ([("d/x", COMPLETE), ("", BEGUN)], set()),
        ([("d/x", COMPLETE), ("", LOOK)], {"d/x"}),
        ([("", BEGUN), ("d/x", COMPLETE)], {"d/x"}),
    ],
)
def test_the_last_hint_decides_whom_to_trust(hints: list[tuple[str, HintKind]], trusted: set[str]) -> None:
    assert trusted_paths(told(*hints)) == trusted


@pytest.mark.parametrize("kind", [COMPLETE, BEGUN])
@pytest.mark.parametrize(
    ("newer", "trusted"),
    [
        ("a", {"d", "e/x"}),
        ("d/y", {"a", "e/x"}),
        ("e", {"a", "d"}),
        ("e/y", {"a", "d", "e/x"}),
        ("", set()),
    ],
)
def test_a_hint_that_came_during_the_look_only_takes_trust(newer: str, trusted: set[str], kind: HintKind) -> None:
    complete = told(("a", COMPLETE), ("d", COMPLETE), ("e/x", COMPLETE))
    assert trusted_paths(complete) == {"a", "d", "e/x"}
    assert trusted_paths(complete, told((newer, kind))) == trusted


def test_a_hint_only_to_look_takes_no_trust_during_the_look() -> None:
    assert trusted_paths(told(("a", COMPLETE)), told(("a", LOOK), ("", LOOK))) == {"a"}


@given(HINTS, HINTS)
def test_trust_is_what_nothing_touched_since(hints: list[Hint], newer: list[Hint]) -> None:
    def is_near(one: RelPath, other: RelPath) -> bool:
        return ROOT in (one, other) or f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")

    expected = {
        hint.path
        for n, hint in enumerate(hints)
        if hint.kind is COMPLETE
        and not any(later.kind is BEGUN and is_near(later.path, hint.path) for later in hints[n + 1 :])
        and not any(later.kind is not LOOK and is_near(later.path, hint.path) for later in newer)
    }
    assert trusted_paths(hints, newer) == expected


@given(HINTS, HINTS)
def test_pending_hints_say_the_same_look_by_look(hints: list[Hint], newer: list[Hint]) -> None:
    pending = PendingHints()
    for hint in hints:
        pending.add(hint)
    assert bool(pending) == bool(hints)
    look = pending.take()
    assert not pending
    paths = {hint.path for hint in hints}
    assert look.dirty == ({ROOT} if ROOT in paths else paths)
    assert look.trusted == trusted_paths(hints)
    for hint in newer:
        pending.add(hint)
    assert pending.trusted_after(look) == trusted_paths(hints, newer)
    assert pending.take().trusted == trusted_paths(newer)


def test_too_many_paths_are_the_whole_tree() -> None:
    pending = PendingHints(most=3)
    for name in "abc":
        pending.add(*told((name, LOOK)))
        pending.add(*told((name, LOOK)))
    assert pending.take().dirty == {"a", "b", "c"}
    for name in "abcde":
        pending.add(*told((name, LOOK)))
    assert pending.take().dirty == {""}


@pytest.mark.parametrize("kind", [COMPLETE, BEGUN])
def test_too_many_to_remember_lose_the_trust_as_if_events_were_lost(kind: HintKind) -> None:
    pending = PendingHints(most=3)
    pending.add(*told(("early", COMPLETE)))
    for name in "abcd":
        pending.add(*told((name, kind)))
    pending.add(*told(("late", COMPLETE)))
    look = pending.take()
    assert look.dirty == {""}
    assert "early" not in look.trusted
    assert "late" in look.trusted
    for name in "abcd":
        pending.add(*told((f"during/{name}", kind)))
    assert pending.trusted_after(look) == set()


def test_a_hundred_thousand_hints_take_no_more_room_than_the_bound() -> None:
    pending = PendingHints(most=100)
    for number in range(100_000):
        pending.add(*told((f"d{number % 7}/f{number}", COMPLETE)))
    look = pending.take()
    assert look.dirty == {""}
    assert len(look.trusted) <= 100
