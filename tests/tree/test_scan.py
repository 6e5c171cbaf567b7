from __future__ import annotations

import contextlib
import os
import shutil
import socket
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_core.model.errors import FileTroubleError, RootVanishedError
from sync_core.model.manifest import Kind, md5_of
from sync_core.model.observation import Observation, Observations, Scan
from sync_core.model.path import ROOT, RelPath
from sync_core.model.settle import manifest_of
from sync_core.tree.ground import MAX_DEPTH
from sync_core.tree.scan import rescan, scan
from tests.support.trees import (
    TIME,
    Tree,
    a_job_tree,
    a_link,
    a_manifest,
    live_folder,
    public_folder,
    read_tree,
    some_names,
    some_trees,
    unprivileged,
    write_tree,
)

LATE_NS = 4 * 10**18
"""A wall clock so far ahead that no change is too recent for its md5 to be trusted."""


def late() -> int:
    return LATE_NS


def seen(result: Scan) -> dict[str, str | None]:
    """Return what was seen: md5s, ``None`` for folders, ``!`` where it could not be read."""
    return {path: "!" if what.is_unreadable else what.md5 for path, what in result.observations.items()}


def troubles(result: Scan) -> dict[str, str]:
    return {trouble.path: trouble.reason for trouble in result.troubles}


def test_everything_is_seen(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"d/e/a": b"1", "d/empty": None, "b": b"", "x.job.xml~": b"2"})
    result = scan(root)
    assert manifest_of(result) == a_manifest({"d/e/a": b"1", "d/empty": None, "b": b"", "x.job.xml~": b"2"})
    assert (result.troubles, result.links) == ((), frozenset())


def test_an_observation_says_what_the_file_is(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"123"})
    found = (root / "a").stat()
    assert scan(root, clock_ns=late).observations == {
        "a": Observation(
            kind=Kind.FILE,
            size_bytes=3,
            mtime_ns=TIME * 10**9,
            ctime_ns=found.st_ctime_ns,
            inode=found.st_ino,
            md5=md5_of(b"123"),
            hashed_at_ns=LATE_NS,
        )
    }


def test_dot_names_are_ignored_at_every_level(tmp_path: Path) -> None:
    root = write_tree(
        tmp_path, {".a": b"1", ".d/x": b"1", "d/.b": b"1", "d/.jsync-0123456789abcdef~": b"1", "d/c": b""}
    )
    assert list(scan(root).observations) == ["d", "d/c"]
    assert scan(root).troubles == ()


def test_names_of_any_bytes(tmp_path: Path) -> None:
    names = ["ä", "\udce9", "a b", "tab\there", "line\nbreak", "\x7f", "'\"&<>"]
    root = write_tree(tmp_path, dict.fromkeys(names, b"1"))
    assert set(scan(root).observations) == set(names)


@pytest.mark.parametrize("name", ["back\\slash", "esc\x1b", "bell\a"])
@pytest.mark.parametrize("content", [b"1", None])
def test_names_that_cannot_travel_are_told_and_skipped(tmp_path: Path, name: str, content: bytes | None) -> None:
    root = write_tree(tmp_path, {name: content, "b": b"1"})
    result = scan(root)
    assert list(result.observations) == ["b"]
    assert list(troubles(result)) == [name]
    assert repr(name) in troubles(result)[name]


def test_links_inside_the_root_are_followed(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"real/a": b"1", "d/x": b"2"})
    a_link(root / "file", "real/a")
    a_link(root / "d/folder", "../real")
    a_link(root / "absolute", str(root / "real"))
    a_link(root / "chain", "file")
    result = scan(root)
    one, two = md5_of(b"1"), md5_of(b"2")
    assert seen(result) == {
        "absolute": None,
        "absolute/a": one,
        "chain": one,
        "d": None,
        "d/folder": None,
        "d/folder/a": one,
        "d/x": two,
        "file": one,
        "real": None,
        "real/a": one,
    }
    assert result.links == {"file", "d/folder", "absolute", "chain"}
    assert result.troubles == ()


@pytest.mark.parametrize(
    ("target", "reason", "kind"),
    [
        ("../outside/secret", "leads out", Kind.FILE),
        ("../outside", "leads out", Kind.DIRECTORY),
        ("/etc/passwd", "leads out", Kind.FILE),
        ("..", "leads out", Kind.DIRECTORY),
        (".", "leads out", Kind.DIRECTORY),
        ("../root-twin/a", "leads out", Kind.FILE),
        ("nowhere", "leads nowhere", Kind.FILE),
        ("d/link", "Too many levels", Kind.FILE),
    ],
)
def test_links_that_must_not_be_followed(tmp_path: Path, target: str, reason: str, kind: Kind) -> None:
    write_tree(tmp_path, {"outside/secret": b"secret", "root-twin/a": b"1"})
    root = write_tree(tmp_path / "root", {"d/a": b"1"})
    a_link(root / "d/link", "link")
    a_link(root / "link", target)
    result = scan(root)
    assert reason in troubles(result)["link"]
    assert result.observations[RelPath("link")] == Observation(kind=kind, is_unreadable=True)
    assert "link" in result.links
    assert not any(path.startswith("link/") for path in result.observations)


def test_a_link_to_a_folder_above_leads_in_a_circle(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"d/e/a": b"1"})
    a_link(root / "d/e/up", "..")
    result = scan(root)
    assert seen(result)["d/e/up"] == "!"
    assert "circle" in troubles(result)["d/e/up"]


def test_a_maze_of_links_has_an_end(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {f"{n}": None for n in range(MAX_DEPTH + 2)})
    for n in range(MAX_DEPTH + 1):
        a_link(root / f"{n}/next", f"../{n + 1}")
    result = scan(root)
    assert "/".join(["0", *["next"] * (MAX_DEPTH - 1)]) in troubles(result)


def test_links_may_lead_as_far_as_the_boundary(tmp_path: Path) -> None:
    remote = write_tree(tmp_path / "remote", {"_all/x": b"1", "_all/f/y": b"2", "own/z": b"3"})
    write_tree(tmp_path, {"beside": b"4"})
    a_link(remote / "own/x", "../_all/x")
    a_link(remote / "own/f", "../_all/f")
    a_link(remote / "own/beside", "../../beside")
    result = scan(remote / "own", within=remote)
    assert {path: what for path, what in seen(result).items() if what is not None} == {
        "x": md5_of(b"1"),
        "f/y": md5_of(b"2"),
        "z": md5_of(b"3"),
        "beside": "!",
    }
    assert list(troubles(scan(remote / "own"))) == ["beside", "f", "x"]


def test_what_is_neither_file_nor_folder_is_told_and_never_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # socket names are short
    os.mkfifo("fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        a_link(tmp_path / "link", "fifo")
        result = scan(tmp_path)
    assert result.observations == {}
    assert troubles(result) == dict.fromkeys(["fifo", "link", "socket"], "it is neither a file nor a folder")


def test_what_cannot_be_read_is_told_and_still_there() -> None:
    with public_folder() as root:
        write_tree(root, {"a": b"1", "d/x": b"1", "e/y": b"1"})
        (root / "a").chmod(0)
        (root / "d").chmod(0)
        with unprivileged():
            result = scan(root, clock_ns=late)
        (root / "d").chmod(0o700)
        found = (root / "a").stat()
    assert seen(result) == {"a": "!", "d": "!", "e": None, "e/y": md5_of(b"1")}
    assert result.observations[RelPath("d")].kind is Kind.DIRECTORY
    assert result.observations[RelPath("a")].inode == found.st_ino
    assert troubles(result) == dict.fromkeys(["a", "d"], "Permission denied")


def test_a_root_that_does_not_exist_is_no_empty_tree(tmp_path: Path) -> None:
    for missing in (tmp_path / "none", tmp_path / "none/at/all"):
        with pytest.raises(RootVanishedError, match="does not exist"):
            scan(missing)
    write_tree(tmp_path, {"file": b""})
    with pytest.raises(RootVanishedError):
        scan(tmp_path / "file" / "below")


def test_a_root_must_be_a_folder(tmp_path: Path) -> None:
    write_tree(tmp_path, {"file": b""})
    with pytest.raises(FileTroubleError, match="not a folder"):
        scan(tmp_path / "file")


def test_a_root_must_be_readable() -> None:
    with public_folder() as above:
        root = write_tree(above / "root", {})
        root.chmod(0)
        with unprivileged(), pytest.raises(FileTroubleError, match="can't be read: Permission denied"):
            scan(root)
        root.chmod(0o700)


def test_a_root_may_be_a_link_but_not_out_of_the_boundary(tmp_path: Path) -> None:
    write_tree(tmp_path, {"there/a": b"1", "remote/real/a": b"2"})
    root = a_link(tmp_path / "remote/own", "../there")
    assert list(scan(root).observations) == ["a"]
    with pytest.raises(FileTroubleError, match="leads out of"):
        scan(root, within=tmp_path / "remote")
    assert list(scan(a_link(tmp_path / "remote/alias", "real"), within=tmp_path / "remote").observations) == ["a"]


def forged(result: Scan) -> Observations:
    """Return the observations with an md5 that only who did not read the files can believe."""
    return {path: replace(what, md5="0" * 32) for path, what in result.observations.items()}


def test_what_nobody_touched_is_not_read_again(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"1"})
    known = forged(scan(root, clock_ns=late))
    assert seen(scan(root, known=known, clock_ns=late)) == {"a": "0" * 32}


def touch_content(place: Path) -> None:
    place.write_bytes(b"2")
    os.utime(place, (TIME, TIME))


def replace_by_twin(place: Path) -> None:
    twin = place.with_name("twin")
    twin.write_bytes(b"2")
    os.utime(twin, (TIME, TIME))
    twin.replace(place)


@pytest.mark.parametrize("change", [touch_content, replace_by_twin])
def test_a_change_with_the_same_size_and_time_is_seen(tmp_path: Path, change: Callable[[Path], None]) -> None:
    root = write_tree(tmp_path, {"a": b"1"})
    known = scan(root, clock_ns=late).observations
    change(root / "a")
    assert seen(scan(root, known=known, clock_ns=late)) == {"a": md5_of(b"2")}


@pytest.mark.parametrize(("after_s", "is_believed"), [(-1.0, False), (0.0, False), (2.0, False), (2.1, True)])
def test_an_md5_taken_soon_after_a_change_is_not_believed(tmp_path: Path, after_s: float, is_believed: bool) -> None:
    root = write_tree(tmp_path, {"a": b"1"})
    changed_ns = (root / "a").stat().st_ctime_ns
    known = forged(scan(root, clock_ns=lambda: changed_ns + int(after_s * 10**9)))
    assert (seen(scan(root, known=known, clock_ns=late)) == {"a": "0" * 32}) == is_believed


def test_a_known_folder_or_a_file_without_md5_is_no_knowledge(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"1"})
    (known,) = scan(root, clock_ns=late).observations.values()
    for useless in (Observation(kind=Kind.DIRECTORY), replace(known, md5=None)):
        assert seen(scan(root, known={RelPath("a"): useless})) == {"a": md5_of(b"1")}


class BusyWriter:
    """A clock that does something each time when it is asked: between the opening of a file and its reading."""

    def __init__(self, *moves: Callable[[], object]) -> None:
        self._moves = list(moves)

    def __call__(self) -> int:
        if self._moves:
            self._moves.pop(0)()
        return LATE_NS


def append(place: Path) -> Callable[[], None]:
    def move() -> None:
        with place.open("ab") as file:
            file.write(b"+")

    return move


def test_a_file_that_changes_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"1"})
    result = scan(root, clock_ns=BusyWriter(append(root / "a")))
    assert seen(result) == {"a": md5_of(b"1+")}
    assert result.observations[RelPath("a")].size_bytes == 2


def test_a_file_that_never_rests_gets_no_md5(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"1"})
    result = scan(root, clock_ns=BusyWriter(*[append(root / "a")] * 3))
    assert result.observations[RelPath("a")].md5 is None
    assert not result.observations[RelPath("a")].is_unreadable
    assert result.observations[RelPath("a")].size_bytes == 4
    assert seen(rescan(root, result, [RelPath("a")])) == {"a": md5_of(b"1+++")}


def test_what_vanishes_meanwhile_is_not_there(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"1", "b": b"1", "c/x": b"1"})

    def move() -> None:
        (root / "a").unlink()
        (root / "b").unlink()
        (root / "c").rename(tmp_path.with_name("elsewhere"))

    result = scan(root, clock_ns=BusyWriter(move))
    assert (result.observations, result.troubles) == ({}, ())


def test_a_file_that_becomes_something_else_meanwhile_is_told(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"1"})

    def move() -> None:
        (root / "a").unlink()
        os.mkfifo(root / "a")

    result = scan(root, clock_ns=BusyWriter(move))
    assert seen(result) == {"a": "!"}
    assert troubles(result) == {"a": "it is no longer a regular file"}


def test_a_root_that_vanishes_meanwhile_is_an_error(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "root", {"a": b"1"})
    with pytest.raises(RootVanishedError, match="vanished"):
        scan(root, clock_ns=BusyWriter(lambda: root.rename(tmp_path / "other")))
    write_tree(root, {"a": b"1"})
    with pytest.raises(RootVanishedError, match="vanished"):
        scan(root, clock_ns=BusyWriter(lambda: write_tree(root.rename(tmp_path / "third").parent / "root", {})))


def check_against_disk(root: Path) -> None:
    on_disk = read_tree(root)
    result = scan(root)
    assert result.troubles == ()
    assert seen(result) == {path: None if what is None else md5_of(what) for path, what in on_disk.items()}


def test_a_generated_configuration_folder(tmp_path: Path) -> None:
    check_against_disk(write_tree(tmp_path, a_job_tree()))


def test_a_real_configuration_folder() -> None:
    check_against_disk(live_folder())


# Another look.


def test_a_file_that_was_not_dirty_is_not_looked_at(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"1", "b": b"1"})
    before = scan(root)
    write_tree(root, {"a": b"22", "b": b"22"})
    after = rescan(root, before, [RelPath("a")])
    assert seen(after) == {"a": md5_of(b"22"), "b": md5_of(b"1")}
    assert seen(rescan(root, before, [ROOT])) == {"a": md5_of(b"22"), "b": md5_of(b"22")}


@pytest.mark.parametrize(
    ("tree", "dirty"),
    [
        ({"d/a": b"1", "x": b"1"}, "d"),
        ({"d": b"1", "x": b"1"}, "d/e/a"),
        ({"x": b"1"}, "d/e/a"),
        ({"d/e/a": b"2", "d/e/new": b"2", "x": b"1"}, "d/e"),
        ({"n/o/p": b"2", "d/e/a": b"1", "x": b"1"}, "n/o/p"),
        ({"n/.h/p": b"2", "d/e/a": b"1", "x": b"1"}, "n/.h/p"),
        ({"n/b\\s": b"2", "d/e/a": b"1", "x": b"1"}, "n"),
    ],
    ids=[
        "folder above was dirty",
        "a folder became a file",
        "folders vanished",
        "below",
        "new folders",
        "dot name",
        "bad name",
    ],
)
def test_another_look_where_it_is_dirty_equals_a_full_scan(tmp_path: Path, tree: Tree, dirty: str) -> None:
    first: Tree = {"d/e/a": b"1", "x": b"1"}
    root = write_tree(tmp_path, first)
    before = scan(root, clock_ns=late)
    if "d/e/a" not in tree:
        shutil.rmtree(root / "d")
    write_tree(root, {path: content for path, content in tree.items() if first.get(path) != content})
    assert rescan(root, before, [RelPath(dirty)], clock_ns=late) == scan(root, clock_ns=late)


def test_another_look_drops_troubles_that_are_gone_and_keeps_the_others(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"d/b\\s": b"", "e/b\\s": b""})
    before = scan(root)
    (root / "d/b\\s").unlink()
    assert list(troubles(rescan(root, before, [RelPath("d")]))) == ["e/b\\s"]


def test_what_a_link_shows_is_always_looked_at_again(tmp_path: Path) -> None:
    remote = write_tree(tmp_path, {"_all/x": b"1", "own/z": b"3"})
    a_link(remote / "own/x", "../_all/x")
    before = scan(remote)
    write_tree(remote, {"_all/x": b"22"})
    assert seen(rescan(remote, before, [RelPath("_all/x")]))["own/x"] == md5_of(b"22")


def test_another_look_through_a_link(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"real/d/a": b"1"})
    a_link(root / "alias", "real")
    before = scan(root, clock_ns=late)
    write_tree(root, {"real/d/a": b"22", "real/d/b": b"1"})
    assert rescan(root, before, [RelPath("alias/d/a"), RelPath("real/d")], clock_ns=late) == scan(root, clock_ns=late)


def test_another_look_at_a_root_that_vanished_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RootVanishedError):
        rescan(tmp_path / "none", Scan(), [RelPath("a")])


@st.composite
def some_changes(draw: st.DrawFn) -> list[tuple[str, str, str]]:
    paths = st.lists(some_names(), min_size=1, max_size=3).map("/".join)
    verbs = st.sampled_from(["write", "remove", "mkdir", "move", "link"])
    return draw(st.lists(st.tuples(verbs, paths, paths), max_size=6))


def change(root: Path, verb: str, path: str, other: str) -> None:
    """Do one thing, if it can be done."""
    place = root / path
    with contextlib.suppress(OSError):
        match verb:
            case "write":
                place.write_bytes(b"new")
            case "remove" if place.is_dir() and not place.is_symlink():
                place.rmdir()
            case "remove":
                place.unlink()
            case "mkdir":
                place.mkdir()
            case "move":
                place.rename(root / other)
            case _:
                place.symlink_to(os.path.relpath(root / other, place.parent))


def real_path(root: Path, path: str) -> RelPath:
    """Return where ``path`` really lies below the root: events don't know of links to folders."""
    place = Path(os.path.realpath((root / path).parent), Path(path).name)
    return RelPath(str(place.relative_to(root.resolve())))


@settings(max_examples=150, deadline=None)
@given(some_trees(max_size=6), some_changes())
def test_another_look_at_all_that_changed_equals_a_full_scan(tree: Tree, changes: list[tuple[str, str, str]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = write_tree(Path(name), tree)
        a_link(root / "link", "a")
        before = scan(root, clock_ns=late)
        dirty: list[RelPath] = []
        for verb, path, other in changes:
            places = {real_path(root, path), real_path(root, other)}
            change(root, verb, path, other)
            dirty += places
        assert rescan(root, before, dirty, clock_ns=late) == scan(root, known=before.observations, clock_ns=late)
