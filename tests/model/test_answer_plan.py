from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.answer_plan import Plan, PlannedWrite, ReadContent, build_changes, plan_answer, portion
from sync_core.model.change import MakeDirectory, Remove, WriteFile
from sync_core.model.edit import edited
from sync_core.model.errors import FileTroubleError
from sync_core.model.file import File, Kind, Layer, md5_of, sha256_of
from sync_core.model.folder import EMPTY_FOLDER, Entry, Folder, get, walk
from sync_core.model.overlay import overlay
from sync_core.model.path import RelPath
from tests.support.folders import (
    NEW,
    TIME,
    a_file,
    a_listed_file,
    a_tree,
    as_listed,
    copied,
    held_back,
    obeyed,
    some_edits,
    some_folders,
)
from tests.support.plain.lists import plain
from tests.support.plain.merge import merged
from tests.support.plain.plan import planned

Tree = Mapping[str, bytes | Entry | None]


def words(plan: Plan) -> list[str]:
    """Return a plan as short words, for tables."""
    sign = {MakeDirectory: "/", PlannedWrite: "+", Remove: "-"}
    return [sign[type(item)] + item.path for item in plan]


def reader(tree: Mapping[str, bytes | None]) -> ReadContent:
    def read(item: PlannedWrite) -> bytes:
        content = tree.get(item.path)
        if content is None:
            raise FileTroubleError(f"{item.path} is gone")
        return content

    return read


@pytest.mark.parametrize(
    ("view", "listed", "plan"),
    [
        ({}, {}, []),
        ({"a": b"1"}, {"a": b"1"}, []),
        ({"a": b"1"}, {"a": b"2"}, ["+a"]),
        ({"a": b"1"}, {}, ["+a"]),
        ({}, {"a": b"1"}, ["-a"]),
        ({"d": None}, {}, ["/d"]),
        ({"d": None}, {"d": None}, ["/d"]),
        ({"d/a": b"1"}, {"d/a": b"1"}, ["/d"]),
        ({"d/e/f": None, "d/e/a": b"1"}, {}, ["/d", "/d/e", "+d/e/a", "/d/e/f"]),
        ({}, {"d/e/a": b"1", "d/b": b"1"}, ["-d"]),
        ({"a": b"1"}, {"a/b/c": b"1"}, ["-a", "+a"]),
        ({"a/b/c": b"1"}, {"a": b"1"}, ["-a", "/a", "/a/b", "+a/b/c"]),
        ({"a": b"1", "c": b"1"}, {"b": b"1"}, ["+a", "-b", "+c"]),
        ({"d": None, "d.x": b"1"}, {"d/x": b"1"}, ["/d", "-d/x", "+d.x"]),
        ({}, {"d/x": b"1", "d.x": b"1"}, ["-d", "-d.x"]),
    ],
    ids=[
        "nothing",
        "same",
        "changed",
        "new",
        "gone",
        "new folder",
        "same folder is repeated",
        "same folder with a file",
        "new folders with an empty one",
        "a removed folder is one element",
        "file for folder",
        "folder for file",
        "removals at their place",
        "order is by folder",
        "names that begin alike",
    ],
)
def test_the_comparison_of_section_3_4(view: Tree, listed: Tree, plan: list[str]) -> None:
    assert words(plan_answer(a_tree(view), as_listed(a_tree(listed)))) == plan


def test_equal_times_do_not_hide_other_contents() -> None:
    assert words(plan_answer(a_tree({"a": b"1"}), a_tree({"a": a_listed_file(b"2")}))) == ["+a"]


def test_another_time_alone_is_not_sent() -> None:
    assert plan_answer(a_tree({"a": b"1"}), a_tree({"a": a_listed_file(b"1", time=6)})) == ()


def test_a_listed_file_without_md5_is_never_the_same() -> None:
    assert words(plan_answer(a_tree({"a": b"1"}), a_tree({"a": File()}))) == ["+a"]


def test_a_removal_says_the_kind_that_was_listed() -> None:
    plan = plan_answer(EMPTY_FOLDER, a_tree({"a": b"1", "d": None}))
    assert plan == (Remove(path=RelPath("a"), kind=Kind.FILE), Remove(path=RelPath("d"), kind=Kind.DIRECTORY))


def test_a_planned_file_says_what_is_needed() -> None:
    shared, own = a_tree({"a": b"1", "d/b": b"1"}), a_tree({"d/c": b"22"})
    first, _, second, third = plan_answer(overlay(shared, own), EMPTY_FOLDER, own=own)
    assert first == PlannedWrite(
        path=RelPath("a"),
        md5=md5_of(b"1"),
        sha256=sha256_of(b"1"),
        last_write_time=TIME,
        size_bytes=1,
        mode=0o644,
        layer=Layer.ALL,
    )
    assert isinstance(second, PlannedWrite)
    assert isinstance(third, PlannedWrite)
    assert [(item.path, item.layer) for item in (second, third)] == [("d/b", Layer.ALL), ("d/c", Layer.OWN)]


HELD: dict[str, Entry] = {
    "settling": held_back(a_file(b"old")),
    "new": NEW,
    "unreadable": held_back(a_file(b"old"), is_settling=False, is_unreadable=True),
    "never read": File(is_unreadable=True),
    "unreadable folder": Folder(is_unreadable=True),
    "without state": File(),
}


@pytest.mark.parametrize("held", HELD.values(), ids=HELD)
@pytest.mark.parametrize("listed", [{}, {"a": b"1"}, {"a": b"old"}, {"a": None}, {"a/b/c": b"1"}], ids=repr)
def test_what_is_held_back_is_neither_sent_nor_removed(held: Entry, listed: Tree) -> None:
    assert plan_answer(a_tree({"a": held}), a_tree(listed)) == ()


def test_below_a_folder_that_cannot_be_read_nothing_is_removed() -> None:
    view = a_tree({"d": Folder(is_unreadable=True), "d/new": b"1", "d/e": None})
    listed = a_tree({"d/x": b"1", "d/e/y": b"1", "d.x": b"1"})
    assert words(plan_answer(view, listed)) == ["/d", "/d/e", "+d/new", "-d.x"]


def test_where_the_whole_view_cannot_be_read_nothing_is_removed() -> None:
    view = Folder({"new": a_file()}, is_unreadable=True)
    assert words(plan_answer(view, a_tree({"d/x": b"1", "y": b"1"}))) == ["+new"]


def test_a_file_does_not_give_way_to_a_folder_that_cannot_be_read() -> None:
    view = a_tree({"d": Folder(is_unreadable=True), "d/new": b"1"})
    assert plan_answer(view, a_tree({"d": b"1"})) == ()


def test_folders_that_are_known_to_be_the_same_are_repeated_without_a_look_at_their_files() -> None:
    view = a_tree({"d/e/a": b"1", "d/b": b"1", "d/u": Folder(is_unreadable=True), "z": b"1"})
    other = edited(view, {RelPath("z"): a_file(b"2")})
    assert words(plan_answer(view, other)) == ["/d", "/d/e", "+z"]


@given(some_folders(is_marked=True), some_folders(is_marked=True), some_folders(is_marked=True), st.booleans())
def test_a_plan_is_what_whole_lists_say(shared: Folder, own: Folder, listed: Folder, is_digested: bool) -> None:
    view = overlay(shared, own)
    assert not is_digested or (view.digest and listed.digest)
    assert plan_answer(view, listed, own=own) == planned(merged(plain(shared), plain(own)), plain(listed))


@given(some_folders(is_marked=True), some_edits(is_marked=True))
def test_the_plan_of_trees_that_share_folders_is_what_whole_lists_say(
    view: Folder, edits: dict[RelPath, Entry | None]
) -> None:
    listed = edited(view, edits)
    whole = planned(merged(plain(view), None), plain(listed))
    assert plan_answer(view, listed) == whole
    assert view.digest, listed.digest
    assert plan_answer(view, copied(listed)) == whole


@given(some_folders(), some_folders())
def test_the_answer_turns_the_list_into_the_view(view: Folder, listed: Folder) -> None:
    after = obeyed(as_listed(listed), plan_answer(view, as_listed(listed)))
    assert known(after) == known(view)
    assert all(isinstance(item, MakeDirectory) for item in plan_answer(view, after))


def known(folder: Folder) -> list[tuple[str, str | None]]:
    return [(path, entry.md5 if isinstance(entry, File) else None) for path, entry in walk(folder)]


@given(some_folders(is_marked=True), some_folders())
def test_what_is_held_back_stays_as_it_is(view: Folder, listed: Folder) -> None:
    after = obeyed(listed, plan_answer(view, listed))
    for path, entry in walk(view):
        if isinstance(entry, File) and not entry.is_held_back and entry.md5 is not None:
            found = get(after, path)
            blind = [part for part in _above(path) if isinstance(get(listed, part), File)]
            assert blind or (isinstance(found, File) and found.md5 == entry.md5)
        elif isinstance(entry, File) and not any(isinstance(get(listed, part), File) for part in _above(path)):
            assert get(after, path) == get(listed, path)


def _above(path: RelPath) -> list[RelPath]:
    names = path.split("/")
    return [RelPath("/".join(names[:n])) for n in range(1, len(names))]


def write(path: str, size_bytes: int | None, *, time: int = TIME) -> PlannedWrite:
    return PlannedWrite(path=RelPath(path), md5=md5_of(b""), size_bytes=size_bytes, last_write_time=time)


def test_what_fits_goes_as_it_is() -> None:
    plan = (MakeDirectory(path=RelPath("d")), write("d/a", 60), write("z", 40))
    assert portion(plan, most_bytes=100) == (plan, False)


def test_one_file_goes_always() -> None:
    assert portion((write("a", 1000),), most_bytes=100) == ((write("a", 1000),), False)
    assert portion((write("a", 1000), write("b", 1001)), most_bytes=100) == ((write("a", 1000),), True)


@pytest.mark.parametrize(
    ("plan", "sent"),
    [
        ([write("big", 1000), write("small", 5)], ["+small"]),
        ([write("a", 95), write("b", 50), write("c", 40)], ["+b", "+c"]),
        ([write("a", 95, time=TIME + 9), write("z", 50)], ["+z"]),
        ([write("old", 5), write("new", 5, time=TIME + 1), write("x", 95)], ["+old", "+new"]),
        ([write("big", 500), write("unknown", None)], ["+unknown"]),
    ],
    ids=["small first", "the large ones by size", "size before age", "what fits", "an unknown size fills an answer"],
)
def test_small_files_go_first(plan: list[PlannedWrite], sent: list[str]) -> None:
    chosen, has_more = portion(tuple(plan), most_bytes=100)
    assert (words(chosen), has_more) == (sent, True)


def test_of_small_files_the_newest_go_first() -> None:
    plan = tuple(write(f"{n:02}", 6, time=TIME + n % 20) for n in range(20))
    chosen, has_more = portion(plan, most_bytes=100)
    assert (words(chosen), has_more) == ([f"+{n:02}" for n in range(4, 20)], True)


def test_a_removal_waits_with_what_takes_the_place() -> None:
    listed = a_tree({"big/x": b"1", "gone": b"1", "kind": b"1"})
    view = a_tree({"big": b"x" * 200, "kind/deep": b"y" * 300, "small": b"z"})
    plan = plan_answer(view, listed)
    assert words(plan) == ["-big", "+big", "-gone", "-kind", "/kind", "+kind/deep", "+small"]
    chosen, has_more = portion(plan, most_bytes=100)
    assert (words(chosen), has_more) == (["-gone", "-kind", "/kind", "+small"], True)


@given(some_folders(), some_folders(), st.integers(min_value=0, max_value=6))
def test_portions_bring_all_in_the_end_and_none_is_too_large(view: Folder, listed: Folder, most_bytes: int) -> None:
    tree, has_more, answers = as_listed(listed), True, 0
    while has_more:
        plan = plan_answer(view, tree)
        chosen, has_more = portion(plan, most_bytes=most_bytes)
        assert [item for item in plan if item in chosen] == list(chosen)
        sizes = [item.size_bytes or 0 for item in chosen if isinstance(item, PlannedWrite)]
        assert sum(sizes) <= most_bytes or len([size for size in sizes if size]) == 1
        for path, entry in walk(tree):
            if isinstance(entry, File) and isinstance(get(view, path), File):
                assert get(obeyed(tree, chosen), path) is not None, "it is there all the time"
        tree = obeyed(tree, chosen)
        answers += 1
    assert answers <= 1 + view.totals.files
    assert known(tree) == known(view)


def test_contents_are_put_in() -> None:
    tree = {"d/a": b"1"}
    built = build_changes(plan_answer(a_tree(tree), EMPTY_FOLDER), reader(tree))
    assert built.changes == (
        MakeDirectory(path=RelPath("d")),
        WriteFile(path=RelPath("d/a"), last_write_time=TIME, content=b"1"),
    )


@pytest.mark.parametrize("file", [a_file(b"1"), a_listed_file(b"1")], ids=["by its SHA-256", "by its md5"])
@pytest.mark.parametrize(("now", "reason"), [({"a": b"2"}, "changed"), ({}, "a is gone")])
def test_a_file_that_cannot_be_read_as_planned_is_left_out(
    file: File, now: Mapping[str, bytes | None], reason: str
) -> None:
    plan = plan_answer(a_tree({"a": file, "b": b"1"}), EMPTY_FOLDER)
    built = build_changes(plan, reader({**now, "b": b"1"}))
    assert [change.path for change in built.changes] == ["b"]
    assert [(trouble.path, reason in trouble.reason) for trouble in built.left_out] == [("a", True)]


def test_a_file_that_is_left_out_takes_its_removal_with_it() -> None:
    plan = plan_answer(a_tree({"a": b"1"}), a_tree({"a/x": b"1", "0": b"1"}))
    assert words(plan) == ["-0", "-a", "+a"]
    built = build_changes(plan, reader({}))
    assert built.changes == (Remove(path=RelPath("0"), kind=Kind.FILE),)
