from __future__ import annotations

import errno
import logging
import os
import resource
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings

from sync_core.model.answer_plan import build_changes, plan_answer
from sync_core.model.change import MakeDirectory, Remove, WriteFile
from sync_core.model.errors import FileTroubleError, TooManyRemovalsError, UnsafeNameError
from sync_core.model.inventory import MaxDelete
from sync_core.model.manifest import EMPTY_MANIFEST, Kind, Manifest
from sync_core.model.path import RelPath
from sync_core.model.settle import manifest_of
from sync_core.tree.apply import Applied, apply_changes
from sync_core.tree.content import read_content
from sync_core.tree.scan import scan
from tests.support.trees import (
    TIME,
    Tree,
    a_job_tree,
    a_link,
    a_manifest,
    live_folder,
    public_folder,
    read_tree,
    some_trees,
    unprivileged,
    write_tree,
)

ANY = MaxDelete(number=100, is_percentage=True)


def write(path: str, content: bytes = b"new", *, time: int = TIME + 1) -> WriteFile:
    return WriteFile(path=RelPath(path), last_write_time=time, content=content)


def make(path: str) -> MakeDirectory:
    return MakeDirectory(path=RelPath(path))


def remove(path: str, kind: Kind = Kind.FILE) -> Remove:
    return Remove(path=RelPath(path), kind=kind)


def apply(root: Path, *changes: WriteFile | MakeDirectory | Remove, before: Tree | None = None) -> Applied:
    listed = manifest_of(scan(root)) if before is None and root.exists() else a_manifest(before or {})
    return apply_changes(root, changes, before=listed, max_delete=ANY)


def bring_in_line(root: Path, view: Manifest, contents: Callable[[RelPath], bytes]) -> Applied:
    """Do what a slave does with a master's answer."""
    before = manifest_of(scan(root)) if root.exists() else EMPTY_MANIFEST
    built = build_changes(plan_answer(view, before), lambda item: contents(item.path))
    assert built.left_out == ()
    return apply_changes(root, built.changes, before=before, max_delete=ANY)


def test_an_update_does_all_it_should(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"same": b"1", "changed": b"old", "gone": b"1", "d/gone": b"1", "e/f/gone": b"1"})
    result = apply(
        root,
        write("changed"),
        make("d"),
        remove("d/gone"),
        write("d/new"),
        remove("e", Kind.DIRECTORY),
        remove("gone"),
        make("n"),
        make("n/m"),
        write("n/m/new", b""),
    )
    assert read_tree(root) == {
        "changed": b"new",
        "d": None,
        "d/new": b"new",
        "n": None,
        "n/m": None,
        "n/m/new": b"",
        "same": b"1",
    }
    assert result == Applied(
        written=(RelPath("changed"), RelPath("d/new"), RelPath("n/m/new")),
        made=(RelPath("n"), RelPath("n/m")),
        removed=(RelPath("d/gone"), RelPath("e"), RelPath("gone")),
    )
    assert not result.is_empty


def test_an_update_without_news_changes_nothing(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"d/a": b"1"})
    assert apply(root, make("d"), remove("none"), remove("d/a/none"), remove("no/ne", Kind.DIRECTORY)).is_empty
    assert read_tree(root) == {"d": None, "d/a": b"1"}


def test_a_file_gets_the_masters_time_and_the_umasks_mode(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        apply(tmp_path, make("d"), write("d/a", time=5))
    finally:
        os.umask(mask)
    found, folder = (tmp_path / "d/a").stat(), (tmp_path / "d").stat()
    assert (found.st_mtime_ns, stat.S_IMODE(found.st_mode)) == (5 * 10**9, 0o640)
    assert stat.S_IMODE(folder.st_mode) == 0o750


@pytest.mark.parametrize(("before", "after"), [(0o600, 0o600), (0o444, 0o444), (0o000, 0o400), (0o4755, 0o755)])
def test_a_file_keeps_its_mode_as_far_as_we_can_read_it(tmp_path: Path, before: int, after: int) -> None:
    write_tree(tmp_path, {"a": b"1"})
    (tmp_path / "a").chmod(before)
    apply(tmp_path, write("a"))
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == after


def test_a_file_is_replaced_not_rewritten(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a": b"old"})
    with (tmp_path / "a").open("rb") as reader:
        apply(tmp_path, write("a"))
        assert reader.read() == b"old"


def test_kinds_change(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a/x/y": b"1", "b": b"1"})
    result = apply(root, remove("a", Kind.DIRECTORY), write("a"), remove("b"), make("b"), make("b/c"), write("b/c/d"))
    assert read_tree(root) == {"a": b"new", "b": None, "b/c": None, "b/c/d": b"new"}
    assert result.removed == ("a", "b")
    assert result.made == ("b", "b/c")


def test_a_change_of_kind_that_a_real_master_sends_without_removal(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a/x/y": b"1", "b": b"1"})
    assert apply(root, write("a"), make("b"), write("b/c")).removed == ("a", "b")
    assert read_tree(root) == {"a": b"new", "b": None, "b/c": b"new"}


def test_a_folder_that_is_removed_and_made_anew(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a/x/y": b"1", "a/z": b"1"})
    apply(root, remove("a", Kind.DIRECTORY), make("a"), make("a/x"), write("a/x/y"))
    assert read_tree(root) == {"a": None, "a/x": None, "a/x/y": b"new"}


def test_other_removals_come_last_and_deepest_first(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"1", "d/e/b": b"1", "d/c": b"1", "k/x": b"1"})
    result = apply(
        root,
        remove("a"),
        make("d"),
        remove("d/c"),
        make("d/e"),
        remove("d/e/b"),
        remove("k", Kind.DIRECTORY),
        write("k"),
    )
    assert result.removed == ("k", "d/e/b", "d/c", "a")


def test_dot_names_are_skipped_and_told(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {".mine": b"1", ".d/x": b"1"})
    result = apply(root, write(".mine"), remove(".d", Kind.DIRECTORY), make(".e"), write(".e/y"), write("a"))
    assert read_tree(root) == {".mine": b"1", ".d": None, ".d/x": b"1", "a": b"new"}
    assert result == Applied(written=(RelPath("a"),), skipped=tuple(map(RelPath, [".mine", ".d", ".e", ".e/y"])))


def test_names_of_any_bytes_can_be_written(tmp_path: Path) -> None:
    names = ["ä", "\udce9", "a b", "line\nbreak", "x.job.xml~"]
    apply(tmp_path, *(write(name) for name in names))
    assert read_tree(tmp_path).keys() == set(names)


def test_the_root_is_made_if_only_it_is_missing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    apply(tmp_path / "cache", write("a"))
    assert read_tree(tmp_path / "cache") == {"a": b"new"}
    assert "made the folder" in caplog.text
    with pytest.raises(FileTroubleError, match="does not exist") as caught:
        apply(tmp_path / "none/cache", write("a"))
    assert str(tmp_path / "none") in str(caught.value.hint)
    assert not (tmp_path / "none").exists()


def test_a_root_may_be_a_link_but_no_file(tmp_path: Path) -> None:
    write_tree(tmp_path, {"real": None, "file": b"1"})
    apply(a_link(tmp_path / "cache", "real"), write("a"))
    assert read_tree(tmp_path / "real") == {"a": b"new"}
    with pytest.raises(FileTroubleError, match="can't be used: Not a directory"):
        apply(tmp_path / "file", write("a"), before={})


# Nothing leaves the root.


@pytest.mark.parametrize("path", ["../a", "..", "d/../../a", "/etc/x", "a\\b", "a\0b", ""])
def test_bad_names_are_refused_before_anything_is_done(tmp_path: Path, path: str) -> None:
    root = write_tree(tmp_path / "root", {"old": b"1"})
    for bad in (write(path), make(path), remove(path), remove(path, Kind.DIRECTORY)):
        with pytest.raises(UnsafeNameError):
            apply(root, write("good"), remove("old"), bad)
    assert read_tree(tmp_path) == {"root": None, "root/old": b"1"}


@pytest.mark.parametrize(
    "changes",
    [
        (make("link"), write("link/x")),
        (make("link"), make("link/new")),
        (make("link"), remove("link/x")),
        (make("link"), make("link/sub"), remove("link/sub/y")),
        (write("link/x"),),
        (remove("link/x"),),
        (make("link"),),
    ],
)
@pytest.mark.parametrize("target", ["../outside", "/", "inside", "nowhere"])
def test_nothing_is_done_through_a_link(
    tmp_path: Path, changes: tuple[WriteFile | MakeDirectory | Remove, ...], target: str
) -> None:
    write_tree(tmp_path, {"outside/x": b"1", "outside/sub/y": b"1"})
    root = write_tree(tmp_path / "root", {"inside/x": b"1", "inside/sub/y": b"1"})
    a_link(root / "link", target)
    before = read_tree(tmp_path)
    with pytest.raises(UnsafeNameError, match="'link' is a link where a folder must be"):
        apply(root, write("good"), *changes, before={})
    assert read_tree(tmp_path) == before


def test_a_link_gives_way_to_a_file_and_to_what_the_master_removes(tmp_path: Path) -> None:
    write_tree(tmp_path, {"outside/x": b"1"})
    root = write_tree(tmp_path / "root", {})
    for name in ("file", "folder", "gone"):
        a_link(root / name, "../outside")
    a_link(root / "replaced", "../outside/x")
    apply(
        root,
        remove("file", Kind.DIRECTORY),
        write("file"),
        remove("folder", Kind.DIRECTORY),
        make("folder"),
        write("folder/x"),
        remove("gone", Kind.DIRECTORY),
        write("replaced"),
        before={},
    )
    assert read_tree(root) == {"file": b"new", "folder": None, "folder/x": b"new", "replaced": b"new"}
    assert read_tree(tmp_path / "outside") == {"x": b"1"}


def test_a_removed_folder_takes_its_links_not_their_targets(tmp_path: Path) -> None:
    write_tree(tmp_path, {"outside/x": b"1"})
    root = write_tree(tmp_path / "root", {"d/e/a": b"1"})
    a_link(root / "d/e/out", "../../../outside")
    apply(root, remove("d", Kind.DIRECTORY))
    assert read_tree(tmp_path) == {"outside": None, "outside/x": b"1", "root": None}


def test_a_link_that_is_planted_meanwhile_does_not_redirect(tmp_path: Path) -> None:
    write_tree(tmp_path, {"outside": None})
    root = write_tree(tmp_path / "root", {"d/a": b"1"})

    def plant() -> str:
        (root / "d").rename(root / "moved")
        a_link(root / "d", "../outside")
        return "0123456789abcdef"

    with pytest.raises(UnsafeNameError, match="'d' is a link"):
        apply_changes(root, (make("d"), write("d/a")), before=EMPTY_MANIFEST, max_delete=ANY, token=plant)
    assert read_tree(tmp_path / "outside") == {}


# Nothing is done where it would do harm.


def test_too_many_removals_refuse_the_whole_update(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"1", "b": b"1", "c": b"1"})
    with pytest.raises(TooManyRemovalsError, match="2 of 3 files"):
        apply_changes(
            root,
            (write("new"), remove("a"), remove("b")),
            before=manifest_of(scan(root)),
            max_delete=MaxDelete(number=1, is_percentage=False),
        )
    assert read_tree(root) == {"a": b"1", "b": b"1", "c": b"1"}


def test_a_missing_root_is_not_made_for_a_refused_update(tmp_path: Path) -> None:
    with pytest.raises(UnsafeNameError):
        apply(tmp_path / "cache", write(".."))
    assert not (tmp_path / "cache").exists()


@contextmanager
def files_of_at_most(size_bytes: int) -> Iterator[None]:
    """Make every write beyond a size fail, much as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_takes_no_more_leaves_the_old_tree(tmp_path: Path) -> None:
    tree: Tree = {"a": b"old", "b/x": b"1", "k": b"1"}
    root = write_tree(tmp_path, tree)
    before = read_tree(root)
    with files_of_at_most(5000), pytest.raises(FileTroubleError, match="'n/m/big' can't be updated: File too large"):
        apply(
            root,
            write("a"),
            remove("b", Kind.DIRECTORY),
            make("n"),
            make("n/m"),
            write("n/m/big", b"x" * 9000),
            write("z"),
        )
    assert read_tree(root) == before


def test_where_nothing_may_be_written_the_old_tree_stays() -> None:
    with public_folder() as above:
        root = write_tree(above / "root", {"a": b"old", "d/x": b"1"})
        root.chmod(0o777)
        (root / "d").chmod(0o555)
        with (
            unprivileged(),
            pytest.raises(FileTroubleError, match="'d/y' can't be updated: Permission denied") as caught,
        ):
            apply(root, write("a"), make("d"), write("d/y"))
        assert caught.value.hint == "this user needs the right to write there"
        assert read_tree(root) == {"a": b"old", "d": None, "d/x": b"1"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ((write("a"), write("none/x")), "'none/x' can't be updated: No such file"),
        ((write("a"), make("no/ne")), "'no/ne' can't be updated: No such file"),
        ((write("a"), write("file/x")), "'file/x' can't be updated: Not a directory"),
        ((write("a"), write("a")), "'a' stands twice"),
        ((write("a"), write("b", time=2**70)), "'b' can't be updated: "),
        ((write("a"), write("n" * 300)), "File name too long"),
        ((make("m"), write("m/x"), make("file")), "'file' can't be updated: Not a directory"),
    ],
)
def test_changes_that_make_no_sense_leave_the_old_tree(
    tmp_path: Path, changes: tuple[WriteFile | MakeDirectory | Remove, ...], reason: str
) -> None:
    root = write_tree(tmp_path, {"a": b"old", "file": b"1"})
    with pytest.raises(FileTroubleError, match=reason):
        apply(root, *changes, before={})
    assert read_tree(root) == {"a": b"old", "file": b"1"}


def test_breaking_off_while_it_becomes_visible_leaves_every_file_old_or_new(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"old", "b/unknown": b"1", "c": b"old", "gone": b"1"})
    with pytest.raises(FileTroubleError, match="'b' can't be updated: Is a directory"):
        apply(root, write("a"), write("b"), write("c"), make("n"), remove("gone"), before={})
    assert read_tree(root) == {"a": b"new", "b": None, "b/unknown": b"1", "c": b"old", "gone": b"1", "n": None}
    apply(root, write("a"), write("b"), write("c"), make("n"), remove("gone"))
    assert read_tree(root) == {"a": b"new", "b": b"new", "c": b"new", "n": None}


def test_an_interrupt_leaves_no_temporaries(tmp_path: Path) -> None:
    tokens = iter(["0" * 16, "1" * 16])

    def token() -> str:
        found = next(tokens, None)
        if found is None:
            raise KeyboardInterrupt
        return found

    with pytest.raises(KeyboardInterrupt):
        apply_changes(
            tmp_path, (write("a"), write("b"), write("c")), before=EMPTY_MANIFEST, max_delete=ANY, token=token
        )
    assert read_tree(tmp_path) == {}


def test_temporaries_lie_beside_their_targets(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"k": b"1"})
    seen: list[set[str]] = []

    def token() -> str:
        seen.append({path for path in read_tree(root) if ".jsync" in path})
        return f"{len(seen):016x}"

    changes = (make("d"), write("d/a"), remove("k"), make("k"), make("k/l"), write("k/l/b"), write("z"))
    apply_changes(root, changes, before=a_manifest({"k": b"1"}), max_delete=ANY, token=token)
    assert seen[-1] == {"d/.jsync-0000000000000001~", ".jsync-0000000000000002~"}
    assert not any(".jsync" in path for path in read_tree(root))


def test_a_file_system_that_cannot_sync_folders_is_borne(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fsync

    def refuse(code: int) -> Callable[[int], None]:
        def fsync(fd: int) -> None:
            if stat.S_ISDIR(os.fstat(fd).st_mode):
                raise OSError(code, os.strerror(code))
            real(fd)

        return fsync

    monkeypatch.setattr(os, "fsync", refuse(errno.EINVAL))
    apply(tmp_path, write("a"))
    monkeypatch.setattr(os, "fsync", refuse(errno.EIO))
    with pytest.raises(FileTroubleError, match="the folder can't be updated: Input/output error"):
        apply(tmp_path, write("b"))
    assert read_tree(tmp_path) == {"a": b"new", "b": b"new"}


def test_what_does_not_read_back_the_same_is_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_tree(tmp_path, {"a": b"old"})
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(len(data))))
    with pytest.raises(FileTroubleError, match="'a' can't be updated: what was written does not read back the same"):
        apply(root, write("a"))
    assert read_tree(root) == {"a": b"old"}


# The whole way.


@settings(max_examples=60, deadline=None)
@given(some_trees(), some_trees())
def test_a_cache_becomes_what_the_master_has(view: Tree, cached: Tree) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = write_tree(Path(name), cached)
        bring_in_line(root, a_manifest(view, time=TIME + 5), lambda path: view[path] or b"")
        assert read_tree(root) == dict(view)
        assert bring_in_line(root, a_manifest(view, time=TIME + 5), lambda path: view[path] or b"").is_empty


def check_replication(master: Path, cache: Path) -> None:
    view = manifest_of(scan(master))
    first = bring_in_line(cache, view, lambda path: read_content(master, path, max_bytes=1 << 20))
    assert len(first.written) == len(view.files)
    assert read_tree(cache) == read_tree(master)
    assert manifest_of(scan(cache)).tree_md5 == view.tree_md5
    assert bring_in_line(cache, view, lambda path: b"").is_empty


def test_a_generated_configuration_folder_is_replicated(tmp_path: Path) -> None:
    check_replication(write_tree(tmp_path / "master", a_job_tree()), tmp_path / "cache")


def test_a_real_configuration_folder_is_replicated(tmp_path: Path) -> None:
    check_replication(live_folder(), tmp_path / "cache")
