from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.manifest import EMPTY_MANIFEST, Entry, Manifest, md5_of
from sync_core.model.observation import Observation, Observations, Scan
from sync_core.model.path import RelPath
from sync_core.model.settle import Settler, manifest_of
from tests.support.trees import TIME, Tree, a_scan, seen_file, seen_folder, some_names, some_trees

NEW = "new"


def known_files(tree: Tree) -> Observations:
    return {RelPath(path): seen_file(content) for path, content in tree.items() if content is not None}


def settled(tree: Tree) -> Settler:
    """Return a settler that has looked at ``tree`` once, at second 0, and knew it before."""
    settler = Settler(known_files(tree))
    settler.observe(a_scan(tree), now=0)
    return settler


def states(view: Manifest) -> dict[str, str]:
    """Return each file's md5 as its content's name, with ``?`` while it settles and ``!`` where it can't be read."""
    names = {md5_of(name): name.decode() for name in (b"1", b"2", b"3")} | {None: NEW}
    return {
        entry.path: (names[entry.md5] if entry.is_file else "/")
        + ("?" if entry.is_settling else "")
        + ("!" if entry.is_unreadable else "")
        for entry in view
    }


def test_what_is_known_counts_at_once_after_a_restart() -> None:
    settler = Settler(known_files({"a": b"1", "b": b"1"}))
    assert settler.view() == EMPTY_MANIFEST
    assert settler.observe(a_scan({"a": b"1", "b": b"2"}), now=0)
    assert states(settler.view()) == {"a": "1", "b": "1?"}
    assert settler.next_deadline() == 3.0


def test_a_first_look_without_knowledge_settles_like_any_other() -> None:
    settler = Settler({})
    assert not settler.observe(a_scan({"a": b"1"}), now=0)
    assert states(settler.view()) == {"a": "new?"}
    assert settler.observe(a_scan({"a": b"1"}), now=3.0)
    assert states(settler.view()) == {"a": "1"}


def test_a_changed_file_counts_after_three_quiet_seconds() -> None:
    settler = settled({"a": b"1"})
    assert not settler.observe(a_scan({"a": b"2"}), now=10)
    assert (states(settler.view()), settler.next_deadline()) == ({"a": "1?"}, 13.0)
    assert not settler.observe(a_scan({"a": b"2"}), now=12.9)
    assert settler.observe(a_scan({"a": b"2"}), now=13)
    assert (states(settler.view()), settler.next_deadline()) == ({"a": "2"}, None)


def test_one_look_is_not_enough_however_late() -> None:
    settler = settled({})
    settler.observe(a_scan({"a": b"1"}), now=100)
    assert states(settler.view()) == {"a": "new?"}


def test_each_further_change_starts_anew() -> None:
    settler = settled({"a": b"1"})
    settler.observe(a_scan({"a": b"2"}), now=10)
    settler.observe(a_scan({"a": seen_file(b"3", inode=2)}), now=12)
    settler.observe(a_scan({"a": seen_file(b"3", inode=2)}), now=14.9)
    assert states(settler.view()) == {"a": "1?"}
    assert settler.observe(a_scan({"a": seen_file(b"3", inode=2)}), now=15)
    assert states(settler.view()) == {"a": "3"}


def test_changing_back_ends_the_settling() -> None:
    settler = settled({"a": b"1"})
    settler.observe(a_scan({"a": b"2"}), now=10)
    assert settler.observe(a_scan({"a": b"1"}), now=11), "a slave that lacks it can have it again"
    assert (states(settler.view()), settler.next_deadline()) == ({"a": "1"}, None)


def test_the_same_content_and_second_need_no_settling() -> None:
    settler = settled({"a": b"1"})
    touched = replace(seen_file(b"1"), inode=77, ctime_ns=5, mtime_ns=TIME * 10**9 + 1)
    assert not settler.observe(a_scan({"a": touched}), now=10)
    assert states(settler.view()) == {"a": "1"}
    assert settler.settled() == {"a": touched}


def test_another_time_alone_settles_too() -> None:
    settler = settled({"a": b"1"})
    later = seen_file(b"1", mtime_s=TIME + 1)
    settler.observe(a_scan({"a": later}), now=10)
    assert states(settler.view()) == {"a": "1?"}
    settler.observe(a_scan({"a": later}), now=13)
    assert settler.view().entries[0].last_write_time == TIME + 1


@pytest.mark.parametrize("trusted", ["d/a", "d"])
def test_a_trusted_file_counts_at_once(trusted: str) -> None:
    settler = settled({"d/a": b"1"})
    scan = a_scan({"d/a": b"2", "e/a": b"2"})
    assert settler.observe(scan, now=10, trusted=frozenset({RelPath(trusted)}))
    assert states(settler.view()) == {"d": "/", "d/a": "2", "e": "/", "e/a": "new?"}
    assert settler.next_deadline() == 13.0


def test_a_file_that_changed_while_it_was_read_counts_never() -> None:
    settler = settled({"a": b"1"})
    moving = seen_file(None, inode=2)
    for now in (10, 20, 30):
        assert not settler.observe(a_scan({"a": moving}), now=now, trusted=frozenset({RelPath("a")}))
        assert states(settler.view()) == {"a": "1?"}
        assert settler.next_deadline() == now + 3


def test_a_vanished_file_stays_for_two_seconds() -> None:
    settler = settled({"a": b"1", "b": b"1"})
    assert not settler.observe(a_scan({"b": b"1"}), now=10)
    assert (states(settler.view()), settler.next_deadline()) == ({"a": "1?", "b": "1"}, 12.0)
    settler.observe(a_scan({"b": b"1"}), now=11.9)
    assert states(settler.view()) == {"a": "1?", "b": "1"}
    assert settler.observe(a_scan({"b": b"1"}), now=12)
    assert (states(settler.view()), settler.next_deadline()) == ({"b": "1"}, None)


def test_a_removal_counts_only_by_a_later_look() -> None:
    settler = settled({"a": b"1"})
    settler.observe(Scan(), now=100)
    assert states(settler.view()) == {"a": "1?"}


def test_coming_back_in_time_cancels_a_removal() -> None:
    settler = settled({"a": b"1"})
    settler.observe(Scan(), now=10)
    assert settler.observe(a_scan({"a": b"1"}), now=11)
    assert (states(settler.view()), settler.next_deadline()) == ({"a": "1"}, None)
    settler.observe(Scan(), now=20)
    settler.observe(a_scan({"a": b"2"}), now=21)
    assert (states(settler.view()), settler.next_deadline()) == ({"a": "1?"}, 24.0)


def test_a_new_file_that_goes_again_leaves_nothing() -> None:
    settler = settled({})
    settler.observe(a_scan({"a": b"1"}), now=10)
    settler.observe(Scan(), now=11)
    assert (settler.view(), settler.next_deadline()) == (EMPTY_MANIFEST, None)


def test_folders_do_not_settle() -> None:
    settler = settled({})
    assert settler.observe(a_scan({"d/e": None}), now=10)
    assert states(settler.view()) == {"d": "/", "d/e": "/"}
    assert settler.observe(Scan(), now=10.1)
    assert settler.view() == EMPTY_MANIFEST


def test_a_vanished_folder_stays_as_long_as_its_files() -> None:
    settler = settled({"d/e/a": b"1"})
    settler.observe(Scan(), now=10)
    assert states(settler.view()) == {"d": "/", "d/e": "/", "d/e/a": "1?"}
    assert settler.observe(Scan(), now=12)
    assert settler.view() == EMPTY_MANIFEST


def test_an_unreadable_file_keeps_its_old_state() -> None:
    settler = settled({"a": b"1"})
    scan = a_scan({"a": seen_file(None, is_unreadable=True), "b": seen_file(None, is_unreadable=True)})
    for now in (10, 20):
        settler.observe(scan, now=now)
        assert states(settler.view()) == {"a": "1!", "b": "new!"}
    assert settler.next_deadline() is None
    assert settler.observe(a_scan({"a": b"1"}), now=30)
    assert states(settler.view()) == {"a": "1"}


def test_what_lies_in_an_unreadable_folder_does_not_vanish() -> None:
    settler = settled({"d/a": b"1"})
    settler.observe(a_scan({"d/a": b"1", "d/new": b"2"}), now=5)
    blind = Scan(observations={RelPath("d"): seen_folder(is_unreadable=True)})
    for now in (10, 20):
        settler.observe(blind, now=now)
        assert states(settler.view()) == {"d": "/!", "d/a": "1!"}
    assert settler.next_deadline() is None
    settler.observe(a_scan({"d": None}), now=30)
    assert states(settler.view()) == {"d": "/", "d/a": "1?"}


def test_a_file_that_becomes_a_folder_goes_first() -> None:
    settler = settled({"a": b"1"})
    scan = a_scan({"a/x": b"2", "a/y": b"3"})
    assert not settler.observe(scan, now=10, trusted=frozenset({RelPath("a/x")}))
    assert (states(settler.view()), settler.next_deadline()) == ({"a": "1?"}, 12.0)
    assert settler.observe(scan, now=12)
    assert states(settler.view()) == {"a": "/", "a/x": "2", "a/y": "new?"}
    settler.observe(scan, now=13)
    assert states(settler.view()) == {"a": "/", "a/x": "2", "a/y": "3"}


def test_a_folder_that_becomes_a_file_goes_first() -> None:
    settler = settled({"a/x": b"1"})
    scan = a_scan({"a": b"2"})
    assert not settler.observe(scan, now=10, trusted=frozenset({RelPath("a")}))
    assert (states(settler.view()), settler.next_deadline()) == ({"a": "/", "a/x": "1?"}, 12.0)
    settler.observe(scan, now=12)
    assert states(settler.view()) == {"a": "2"}


def test_a_file_that_becomes_a_folder_that_cannot_be_read() -> None:
    settler = settled({"a": b"1"})
    blind = Scan(observations={RelPath("a"): seen_folder(is_unreadable=True)})
    settler.observe(blind, now=10)
    assert states(settler.view()) == {"a": "1?"}
    settler.observe(blind, now=12)
    assert states(settler.view()) == {"a": "/!"}


def test_times_are_whole_seconds_and_never_negative() -> None:
    times = {"a": 1_999_999_999, "b": -1, "c": -5 * 10**9}
    scan = a_scan({name: replace(seen_file(b"1"), mtime_ns=mtime_ns) for name, mtime_ns in times.items()})
    assert [entry.last_write_time for entry in manifest_of(scan)] == [1, 0, 0]


def test_a_cache_is_listed_as_it_was_seen() -> None:
    scan = a_scan({"d/a": b"1", "b": seen_file(None, is_unreadable=True), "c": seen_folder(is_unreadable=True)})
    manifest = manifest_of(scan)
    assert states(manifest) == {"b": "new!", "c": "/!", "d": "/", "d/a": "1"}
    assert manifest.get(RelPath("d/a")) == Entry(
        path=RelPath("d/a"), md5=md5_of(b"1"), last_write_time=TIME, size_bytes=1
    )
    assert manifest.get(RelPath("b")) == Entry(path=RelPath("b"), is_unreadable=True)


def test_only_files_with_an_md5_are_taken_over_from_before() -> None:
    settler = Settler({RelPath("a"): seen_file(None), RelPath("d"): seen_folder()})
    assert settler.settled() == {}


def test_what_is_settled_survives_a_restart() -> None:
    before = settled({"a": b"1"})
    before.observe(a_scan({"a": b"2"}), now=10)
    assert before.settled() == known_files({"a": b"1"})
    after = Settler(before.settled())
    after.observe(a_scan({"a": b"1"}), now=0)
    assert states(after.view()) == {"a": "1"}


@st.composite
def looks(draw: st.DrawFn) -> list[tuple[float, Scan, frozenset[RelPath]]]:
    """Draw successive looks at a tree that changes wildly: seconds passed, what is seen, what is trusted."""
    steps = []
    for _ in range(draw(st.integers(min_value=1, max_value=6))):
        tree = draw(some_trees(max_size=5))
        seen: dict[str, Observation | bytes | None] = {}
        for path, content in tree.items():
            whim = draw(st.sampled_from(["plain", "plain", "plain", "odd"]))
            below = any(other.startswith(f"{path}/") for other in tree)
            if whim == "plain":
                seen[path] = content
            elif content is not None:
                seen[path] = seen_file(None, is_unreadable=draw(st.booleans()))
            else:
                seen[path] = seen_folder(is_unreadable=not below)
        trusted = frozenset(RelPath(name) for name in draw(st.sets(some_names(), max_size=2)))
        steps.append((draw(st.sampled_from([0.5, 1.0, 2.0, 3.0, 60.0])), a_scan(seen), trusted))
    return steps


def run(settler: Settler, steps: list[tuple[float, Scan, frozenset[RelPath]]]) -> float:
    now = 0.0
    for passed, scan, trusted in steps:
        now += passed
        settler.observe(scan, now=now, trusted=trusted)
    return now


def readable(scan: Scan) -> Scan:
    """Return the scan without what can't be settled at all."""
    kept = {path: seen for path, seen in scan.observations.items() if seen == seen_folder() or seen.md5 is not None}
    return Scan(observations=kept)


@given(looks())
def test_whatever_happens_a_quiet_tree_ends_up_as_it_is(steps: list[tuple[float, Scan, frozenset[RelPath]]]) -> None:
    settler = Settler({})
    now = run(settler, steps)
    last = readable(steps[-1][1])
    for _ in range(3):
        settler.observe(last, now=now)
        now += 3.0
    assert settler.view() == manifest_of(last)
    assert settler.next_deadline() is None


@given(looks())
def test_deadlines_lead_to_the_end_without_idling(steps: list[tuple[float, Scan, frozenset[RelPath]]]) -> None:
    settler = Settler({})
    now = run(settler, steps)
    last = readable(steps[-1][1])
    settler.observe(last, now=now)
    for _ in range(10):
        deadline = settler.next_deadline()
        if deadline is None:
            break
        assert deadline > now, "a deadline that has passed would make its caller look again for ever"
        now = deadline
        settler.observe(last, now=now)
    assert settler.view() == manifest_of(last)


def offered(view: Manifest) -> Mapping[RelPath, Entry]:
    return {entry.path: entry for entry in view if not entry.is_held_back}


@given(looks())
def test_news_are_told_exactly_when_there_are_some(steps: list[tuple[float, Scan, frozenset[RelPath]]]) -> None:
    settler = Settler({})
    now = 0.0
    for passed, scan, trusted in steps:
        now += passed
        before = settler.view()
        told = settler.observe(scan, now=now, trusted=trusted)
        after = settler.view()
        gained = offered(after).items() - offered(before).items()
        lost = before.by_path.keys() - after.by_path.keys()
        assert told == bool(gained or lost)
