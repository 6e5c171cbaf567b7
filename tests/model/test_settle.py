from __future__ import annotations

import pytest
from hypothesis import given

from sync_core.model.file import File, md5_of
from sync_core.model.folder import EMPTY_FOLDER, Entry, Folder, get, walk
from sync_core.model.path import RelPath
from sync_core.model.settle import Settler
from tests.support.looks import BLIND, TIME, Look, Seen, a_look, seen, some_looks
from tests.support.plain.flat import flat_of, folder_from

NEW = "new"


def settled(at: Seen) -> Settler:
    """Return a settler that has looked at a tree once, at second 0, and knew it before."""
    settler = Settler(a_look(at))
    settler.observe(a_look(at), now=0)
    return settler


def states(view: Folder) -> dict[str, str]:
    """Return each file's md5 as its content's name, with ``?`` while it settles and ``!`` where it can't be read."""
    names = {md5_of(name): name.decode() for name in (b"1", b"2", b"3")} | {None: NEW}
    return {
        path: (names[entry.md5] + "?" * entry.is_settling if isinstance(entry, File) else "/")
        + "!" * entry.is_unreadable
        for path, entry in walk(view)
    }


def test_what_is_known_counts_at_once_after_a_restart() -> None:
    settler = Settler(a_look({"a": b"1", "b": b"1"}))
    assert settler.view() == EMPTY_FOLDER
    assert settler.observe(a_look({"a": b"1", "b": b"2"}), now=0)
    assert states(settler.view()) == {"a": "1", "b": "1?"}
    assert settler.next_deadline() == 3.0


def test_a_first_look_at_the_very_folders_that_are_known() -> None:
    known = a_look({"d/a": b"1", "e": None})
    settler = Settler(known)
    assert settler.observe(known, now=0)
    assert settler.view() is known
    assert settler.settled() is known


def test_what_went_while_nobody_looked_settles_too() -> None:
    settler = Settler(a_look({"a": b"1", "d/a": b"1"}))
    settler.observe(a_look({"a": b"1"}), now=0)
    assert states(settler.view()) == {"a": "1", "d": "/", "d/a": "1?"}
    assert settler.observe(a_look({"a": b"1"}), now=2)
    assert states(settler.view()) == {"a": "1"}


def test_a_first_look_without_knowledge_settles_like_any_other() -> None:
    settler = Settler(EMPTY_FOLDER)
    assert not settler.observe(a_look({"a": b"1"}), now=0)
    assert states(settler.view()) == {"a": "new?"}
    assert settler.observe(a_look({"a": b"1"}), now=3.0)
    assert states(settler.view()) == {"a": "1"}


def test_a_changed_file_counts_after_three_quiet_seconds() -> None:
    settler = settled({"a": b"1"})
    look = a_look({"a": b"2"})
    assert not settler.observe(look, now=10)
    assert (states(settler.view()), settler.next_deadline()) == ({"a": "1?"}, 13.0)
    assert settler.waiting() == {"a"}
    assert not settler.observe(look, now=12.9)
    assert settler.observe(look, now=13)
    assert (states(settler.view()), settler.next_deadline()) == ({"a": "2"}, None)
    assert settler.waiting() == frozenset()


def test_one_look_is_not_enough_however_late() -> None:
    settler = settled({})
    settler.observe(a_look({"a": b"1"}), now=100)
    assert states(settler.view()) == {"a": "new?"}


def test_a_look_that_began_too_early_is_no_later_look() -> None:
    settler = settled({"a": b"1", "b": b"1"})
    look = a_look({"a": b"2"})
    settler.observe(look, now=10)
    assert not settler.observe(look, began=11.9, now=20)
    assert states(settler.view()) == {"a": "1?", "b": "1?"}
    assert settler.observe(look, began=12, now=20)
    assert states(settler.view()) == {"a": "1?"}
    assert settler.observe(look, began=13, now=20)
    assert states(settler.view()) == {"a": "2"}


def test_a_file_settles_from_the_end_of_the_look_that_found_it() -> None:
    settler = settled({})
    settler.observe(a_look({"a": b"1"}), began=10, now=20)
    settler.observe(a_look({"a": b"1"}), began=20, now=20)
    assert (states(settler.view()), settler.next_deadline()) == ({"a": "new?"}, 23.0)


def test_each_further_change_starts_anew() -> None:
    settler = settled({"a": b"1"})
    again = a_look({"a": seen(b"3", inode=2)})
    settler.observe(a_look({"a": b"2"}), now=10)
    settler.observe(again, now=12)
    settler.observe(again, now=14.9)
    assert states(settler.view()) == {"a": "1?"}
    assert settler.observe(again, now=15)
    assert states(settler.view()) == {"a": "3"}


def test_another_content_starts_anew_though_the_file_looks_untouched() -> None:
    settler = settled({"a": b"1"})
    settler.observe(a_look({"a": b"2"}), now=10)
    settler.observe(a_look({"a": b"3"}), now=13)
    assert (states(settler.view()), settler.next_deadline()) == ({"a": "1?"}, 16.0)


def test_changing_back_ends_the_settling() -> None:
    settler = settled({"a": b"1"})
    settler.observe(a_look({"a": b"2"}), now=10)
    assert settler.observe(a_look({"a": b"1"}), now=11), "a slave that lacks it can have it again"
    assert (states(settler.view()), settler.next_deadline()) == ({"a": "1"}, None)


def test_the_same_content_second_and_mode_are_no_change() -> None:
    settler = settled({"a": b"1"})
    touched = seen(b"1", inode=77, mtime_s=TIME + 0.5, hashed_at_s=TIME + 200)
    assert not settler.observe(a_look({"a": touched}), now=10)
    assert states(settler.view()) == {"a": "1"}
    assert get(settler.settled(), RelPath("a")) is touched


@pytest.mark.parametrize("other", [seen(b"1", mtime_s=TIME + 1), seen(b"1", mode=0o755)], ids=["time", "mode"])
def test_another_time_or_mode_alone_counts_at_once(other: File) -> None:
    settler = settled({"a": b"1"})
    assert settler.observe(a_look({"a": other}), now=10)
    assert get(settler.view(), RelPath("a")) is other
    assert get(settler.settled(), RelPath("a")) is other
    assert settler.next_deadline() is None


@pytest.mark.parametrize("trusted", ["d/a", "d"])
def test_a_trusted_file_counts_at_once(trusted: str) -> None:
    settler = settled({"d/a": b"1"})
    look = a_look({"d/a": b"2", "e/a": b"2"})
    assert settler.observe(look, now=10.1, trusted=frozenset({RelPath(trusted)}))
    assert states(settler.view()) == {"d": "/", "d/a": "2", "e": "/", "e/a": "new?"}
    assert settler.next_deadline() == 13.1


@pytest.mark.parametrize("trusted", ["d/a", "d"])
def test_trust_may_come_after_the_look_that_saw_the_file(trusted: str) -> None:
    settler = settled({"d/a": b"1"})
    look = a_look({"d/a": b"2", "d/b": b"1"})
    settler.observe(look, now=10)
    assert settler.observe(look, began=10.5, now=11, trusted=frozenset({RelPath(trusted)}))
    assert states(settler.view())["d/a"] == "2"


def test_a_file_that_changed_while_it_was_read_counts_never() -> None:
    settler = settled({"a": b"1"})
    moving = a_look({"a": seen(None, inode=2)})
    for now in (10, 20, 30):
        assert not settler.observe(moving, now=now, trusted=frozenset({RelPath("a")}))
        assert states(settler.view()) == {"a": "1?"}
        assert settler.next_deadline() == now + 3


def test_a_file_that_can_be_read_at_last_has_been_quiet_since_the_look_before() -> None:
    settler = settled({})
    moving = a_look({"a": seen(None)})
    settler.observe(moving, now=10)
    settler.observe(moving, now=20)
    settler.observe(a_look({"a": seen(b"")}), now=21)
    assert settler.next_deadline() == 23.0


def test_a_vanished_file_stays_for_two_seconds() -> None:
    settler = settled({"a": b"1", "b": b"1"})
    look = a_look({"b": b"1"})
    assert not settler.observe(look, now=10)
    assert (states(settler.view()), settler.next_deadline()) == ({"a": "1?", "b": "1"}, 12.0)
    settler.observe(look, now=11.9)
    assert states(settler.view()) == {"a": "1?", "b": "1"}
    assert settler.observe(look, now=12)
    assert (states(settler.view()), settler.next_deadline()) == ({"b": "1"}, None)


def test_a_removal_counts_only_by_a_later_look() -> None:
    settler = settled({"a": b"1"})
    settler.observe(EMPTY_FOLDER, now=100)
    assert states(settler.view()) == {"a": "1?"}


def test_coming_back_in_time_cancels_a_removal() -> None:
    settler = settled({"a": b"1"})
    settler.observe(EMPTY_FOLDER, now=10)
    assert settler.observe(a_look({"a": b"1"}), now=11)
    assert (states(settler.view()), settler.next_deadline()) == ({"a": "1"}, None)
    settler.observe(EMPTY_FOLDER, now=20)
    settler.observe(a_look({"a": b"2"}), now=21)
    assert (states(settler.view()), settler.next_deadline()) == ({"a": "1?"}, 24.0)


def test_no_part_of_a_great_removal_counts_before_the_rest() -> None:
    files: dict[str, Entry | bytes | None] = {f"d{n % 20:02}/{n:05}": b"1" for n in range(20_000)}
    settler = settled(files)
    now = 10.0
    while files:
        for path in list(files)[:2_000]:
            del files[path]
        settler.observe(a_look(files), now=now)
        assert settler.view().totals.files == 20_000
        assert settler.next_deadline() == now + 2
        now += 0.7
    assert settler.observe(EMPTY_FOLDER, now=now - 0.7 + 2)
    assert settler.view() == EMPTY_FOLDER
    assert settler.settled() == EMPTY_FOLDER


def test_each_further_removal_restarts_the_quiet_time_of_all() -> None:
    settler = settled({"a": b"1", "b": b"1", "c": b"1"})
    settler.observe(a_look({"b": b"1", "c": b"1"}), now=10)
    settler.observe(a_look({"c": b"1"}), now=15)
    assert (states(settler.view()), settler.next_deadline()) == ({"a": "1?", "b": "1?", "c": "1"}, 17.0)
    assert settler.observe(a_look({"c": b"1"}), now=17)
    assert states(settler.view()) == {"c": "1"}


def test_a_burst_that_does_not_end_counts_after_thirty_seconds() -> None:
    names = [f"{n:02}" for n in range(40)]
    settler = settled(dict.fromkeys(names, b"1"))
    for second in range(30):
        settler.observe(a_look(dict.fromkeys(names[second + 1 :], b"1")), now=10 + second)
        assert settler.view().totals.files == 40
    assert settler.next_deadline() == 40.0
    assert settler.observe(a_look(dict.fromkeys(names[31:], b"1")), now=40)
    assert settler.view().totals == (10, 0, 1, 0, 0), "what this look misses first waits for a later one"
    assert settler.next_deadline() == 42.0


def test_what_comes_back_takes_no_other_removal_with_it() -> None:
    settler = settled({"a": b"1", "b": b"1"})
    settler.observe(a_look({"b": b"1"}), now=10)
    settler.observe(EMPTY_FOLDER, now=11)
    settler.observe(a_look({"a": b"1"}), now=12)
    assert (states(settler.view()), settler.next_deadline()) == ({"a": "1", "b": "1?"}, 13.0)


def test_a_new_burst_has_thirty_seconds_of_its_own() -> None:
    names = [f"{n:02}" for n in range(40)]
    settler = settled(dict.fromkeys(names, b"1"))
    settler.observe(a_look(dict.fromkeys(names[1:], b"1")), now=10)
    settler.observe(a_look(dict.fromkeys(names, b"1")), now=11)
    for second in range(30):
        settler.observe(a_look(dict.fromkeys(names[second + 1 :], b"1")), now=20 + second)
        assert settler.view().totals.files == 40
    assert settler.next_deadline() == 50.0


def test_a_new_file_that_goes_again_leaves_nothing() -> None:
    settler = settled({})
    settler.observe(a_look({"a": b"1"}), now=10)
    settler.observe(EMPTY_FOLDER, now=11)
    assert (settler.view(), settler.next_deadline()) == (EMPTY_FOLDER, None)


def test_folders_do_not_settle() -> None:
    settler = settled({})
    assert settler.observe(a_look({"d/e": None}), now=10)
    assert states(settler.view()) == {"d": "/", "d/e": "/"}
    assert settler.observe(EMPTY_FOLDER, now=10.1)
    assert settler.view() == EMPTY_FOLDER
    assert settler.settled() == EMPTY_FOLDER


def test_a_vanished_folder_stays_as_long_as_its_files() -> None:
    settler = settled({"d/e/a": b"1"})
    settler.observe(EMPTY_FOLDER, now=10)
    assert states(settler.view()) == {"d": "/", "d/e": "/", "d/e/a": "1?"}
    assert settler.observe(EMPTY_FOLDER, now=12)
    assert settler.view() == EMPTY_FOLDER


def test_an_unreadable_file_keeps_its_old_state() -> None:
    settler = settled({"a": b"1"})
    look = a_look({"a": seen(None, is_unreadable=True), "b": seen(None, is_unreadable=True)})
    for now in (10, 20):
        settler.observe(look, now=now)
        assert states(settler.view()) == {"a": "1!", "b": "new!"}
    assert settler.next_deadline() is None
    assert settler.observe(a_look({"a": b"1"}), now=30)
    assert states(settler.view()) == {"a": "1"}


def test_what_lies_in_an_unreadable_folder_does_not_vanish() -> None:
    settler = settled({"d/a": b"1"})
    settler.observe(a_look({"d/a": b"1", "d/new": b"2"}), now=5)
    for now in (10, 20):
        settler.observe(a_look({"d": BLIND}), now=now)
        assert states(settler.view()) == {"d": "/!", "d/a": "1!"}
    assert settler.next_deadline() is None
    settler.observe(a_look({"d": None}), now=30)
    assert states(settler.view()) == {"d": "/", "d/a": "1?"}


def test_a_removal_that_nobody_can_see_any_more_is_taken_back() -> None:
    settler = settled({"d/a": b"1"})
    settler.observe(a_look({"d": None}), now=10)
    settler.observe(a_look({"d": BLIND}), now=12)
    assert (states(settler.view()), settler.next_deadline()) == ({"d": "/!", "d/a": "1!"}, None)


def test_trust_in_a_folder_removes_nothing_that_cannot_be_seen() -> None:
    settler = settled({"d/e/a": b"1"})
    for now in (10, 20):
        settler.observe(a_look({"d": BLIND, "d/e": None}), now=now, trusted=frozenset({RelPath("d/e")}))
        assert states(settler.view()) == {"d": "/!", "d/e": "/", "d/e/a": "1!"}
    assert settler.next_deadline() is None


def test_nothing_vanishes_while_the_folder_itself_cannot_be_read() -> None:
    settler = settled({"a": b"1", "d/a": b"1"})
    for now in (10, 20):
        settler.observe(BLIND, now=now)
        assert states(settler.view()) == {"a": "1!", "d": "/", "d/a": "1!"}
    assert settler.view().is_unreadable
    assert settler.next_deadline() is None


def test_a_file_that_becomes_a_folder_goes_first() -> None:
    settler = settled({"a": b"1"})
    look = a_look({"a/x": b"2", "a/y": b"3"})
    assert not settler.observe(look, now=10, trusted=frozenset({RelPath("a/x")}))
    assert (states(settler.view()), settler.next_deadline()) == ({"a": "1?"}, 12.0)
    assert settler.observe(look, now=12)
    assert states(settler.view()) == {"a": "/", "a/x": "2", "a/y": "new?"}
    settler.observe(look, now=13)
    assert states(settler.view()) == {"a": "/", "a/x": "2", "a/y": "3"}


def test_a_folder_that_becomes_a_file_goes_first() -> None:
    settler = settled({"a/x": b"1"})
    look = a_look({"a": b"2"})
    assert not settler.observe(look, now=10, trusted=frozenset({RelPath("a")}))
    assert (states(settler.view()), settler.next_deadline()) == ({"a": "/", "a/x": "1?"}, 12.0)
    settler.observe(look, now=12)
    assert states(settler.view()) == {"a": "2"}


def test_an_empty_folder_is_in_no_file_s_way() -> None:
    settler = settled({"a/b": None})
    assert settler.observe(a_look({"a": b"1"}), now=10, trusted=frozenset({RelPath("a")}))
    assert states(settler.view()) == {"a": "1"}


def test_a_file_that_becomes_a_folder_that_cannot_be_read() -> None:
    settler = settled({"a": b"1"})
    settler.observe(a_look({"a": BLIND}), now=10)
    assert states(settler.view()) == {"a": "1?"}
    settler.observe(a_look({"a": BLIND}), now=12)
    assert states(settler.view()) == {"a": "/!"}


def test_only_files_whose_content_is_known_are_taken_over_from_before() -> None:
    shown = File(md5=md5_of(b"1"), is_settling=True)
    settler = Settler(a_look({"a": seen(None), "b": shown, "d": BLIND, "e/a": b"1"}))
    assert states(settler.settled()) == {"d": "/", "e": "/", "e/a": "1"}


def test_what_is_settled_survives_a_restart() -> None:
    before = settled({"a": b"1"})
    before.observe(a_look({"a": b"2"}), now=10)
    assert before.settled() == a_look({"a": b"1"})
    after = Settler(before.settled())
    after.observe(a_look({"a": b"1"}), now=0)
    assert states(after.view()) == {"a": "1"}


def run(settler: Settler, looks: list[Look]) -> float:
    for look in looks:
        settler.observe(look.seen, now=look.now, trusted=look.trusted, began=look.began)
    return looks[-1].now


def readable(look: Folder) -> Folder:
    """Return what a look saw without what can't be settled at all."""
    return folder_from(
        {
            path: entry
            for path, entry in flat_of(look).items()
            if (not entry.is_unreadable if isinstance(entry, Folder) else entry.md5 is not None)
        }
    )


@given(some_looks())
def test_whatever_happens_a_quiet_tree_ends_up_as_it_is(looks: list[Look]) -> None:
    settler = Settler(EMPTY_FOLDER)
    now = run(settler, looks)
    last = readable(looks[-1].seen)
    for _ in range(3):
        settler.observe(last, now=now)
        now += 3.0
    assert settler.view() == last
    assert settler.next_deadline() is None
    assert settler.view() is settler.settled() is last


@given(some_looks())
def test_deadlines_lead_to_the_end_without_idling(looks: list[Look]) -> None:
    settler = Settler(EMPTY_FOLDER)
    now = run(settler, looks)
    last = readable(looks[-1].seen)
    settler.observe(last, now=now)
    for _ in range(10):
        deadline = settler.next_deadline()
        if deadline is None:
            break
        assert deadline > now, "a deadline that has passed would make its caller look again for ever"
        now = deadline
        settler.observe(last, now=now)
    assert settler.view() == last


@given(some_looks())
def test_what_waits_is_all_that_is_marked(looks: list[Look]) -> None:
    settler = Settler(EMPTY_FOLDER)
    for look in looks:
        run(settler, [look])
        marked = {path for path, entry in walk(settler.view()) if isinstance(entry, File) and entry.is_settling}
        assert marked <= settler.waiting()
