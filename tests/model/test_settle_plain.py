"""Settling on folders does what settling on whole lists does, and shares what did not change."""

from __future__ import annotations

from hypothesis import given, settings

from sync_core.model.edit import edited
from sync_core.model.file import File, Stamp
from sync_core.model.folder import EMPTY_FOLDER, Entry, Folder, get, walk
from sync_core.model.path import RelPath
from sync_core.model.settle import Settler
from tests.support.looks import Look, a_look, seen, some_looks
from tests.support.plain.flat import flat_of, folder_from
from tests.support.plain.settle import PlainSettler


def stamps(folder: Folder) -> dict[RelPath, Stamp | None]:
    return {path: entry.stamp for path, entry in walk(folder) if isinstance(entry, File) and entry.md5 is not None}


def files(folder: Folder) -> dict[RelPath, Entry]:
    return {path: entry for path, entry in walk(folder) if isinstance(entry, File)}


def observe(settler: Settler, look: Look) -> bool:
    return settler.observe(look.seen, now=look.now, trusted=look.trusted, began=look.began)


@settings(max_examples=600)
@given(some_looks())
def test_it_does_what_is_done_with_whole_lists(looks: list[Look]) -> None:
    known = looks[0].seen
    settler, plain = Settler(known), PlainSettler(flat_of(known))
    for look in looks[1:]:
        told = observe(settler, look)
        told_plainly = plain.observe(flat_of(look.seen), now=look.now, trusted=look.trusted, began=look.began)
        assert settler.view() == folder_from(plain.view)
        assert stamps(settler.view()) == stamps(folder_from(plain.view))
        assert told == told_plainly
        assert settler.next_deadline() == plain.next_deadline()
        assert settler.waiting() == plain.pending.keys()
        assert files(settler.settled()) == plain.settled
        assert stamps(settler.settled()) == {path: file.stamp for path, file in plain.settled.items()}


def is_quiet(look: Entry, shown: Entry | None) -> bool:
    """Whether something counts as it is on disk, with all that is below."""
    if isinstance(look, File):
        return shown == look and not look.is_held_back and look.md5 is not None
    return isinstance(shown, Folder) and shown == look and not shown.totals.is_held_back


@settings(max_examples=300)
@given(some_looks())
def test_what_counts_as_it_is_is_held_once(looks: list[Look]) -> None:
    settler = Settler(EMPTY_FOLDER)
    for look in looks:
        observe(settler, look)
        for path, entry in [(RelPath(""), look.seen), *walk(look.seen)]:
            shown = get(settler.view(), path)
            if is_quiet(entry, shown):
                assert shown is entry
                assert get(settler.settled(), path) is entry


@settings(max_examples=300)
@given(some_looks())
def test_a_look_that_sees_nothing_new_changes_no_object(looks: list[Look]) -> None:
    settler = Settler(EMPTY_FOLDER)
    for look in looks:
        observe(settler, look)
        view, settled = settler.view(), settler.settled()
        assert not settler.observe(look.seen, now=look.now, began=look.began)
        assert settler.view() is view
        assert settler.settled() is settled


@settings(max_examples=300)
@given(some_looks())
def test_nothing_empty_is_kept_that_is_not_there(looks: list[Look]) -> None:
    settler = Settler(looks[0].seen)
    for look in looks:
        observe(settler, look)
        for path, entry in walk(settler.settled()):
            if isinstance(entry, Folder):
                assert not entry.is_unreadable
                assert entry.children or get(look.seen, path) is entry


def test_an_edit_leaves_the_folders_beside_it_as_they_are() -> None:
    tree = a_look({f"{one}/{two}/{n}": b"1" for one in "abc" for two in "xyz" for n in range(3)})
    settler = Settler(tree)
    settler.observe(tree, now=0)
    assert settler.view() is tree
    path = RelPath("b/y/1")
    look = edited(tree, {path: seen(b"2")})
    settler.observe(look, now=10)
    for beside in ("a", "c", "b/x", "b/z", "b/y/0", "b/y/2"):
        assert get(settler.view(), RelPath(beside)) is get(tree, RelPath(beside))
    assert settler.settled() is tree
    settler.observe(look, now=13)
    assert settler.view() is settler.settled() is look


@settings(max_examples=200)
@given(some_looks())
def test_a_restart_with_what_was_settled_is_no_change(looks: list[Look]) -> None:
    before = Settler(EMPTY_FOLDER)
    for look in looks:
        observe(before, look)
    after = Settler(before.settled())
    last = looks[-1]
    after.observe(last.seen, now=0)
    assert files(after.settled()) == files(before.settled())
