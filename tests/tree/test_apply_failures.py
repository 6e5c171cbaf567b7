"""An update that is refused, or fails on its way, leaves every file old or new."""

from __future__ import annotations

import errno
import os
import resource
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sync_core.model.change import Changes
from sync_core.model.errors import FileTroubleError, TooManyRemovalsError, UnsafeNameError
from sync_core.model.file import Kind
from sync_core.model.folder import EMPTY_FOLDER
from sync_core.model.inventory import MaxDelete
from sync_core.tree.disk import FEW_FILES
from sync_core.tree.ground import MAX_DEPTH
from tests.support.disk import Tree, public_folder, read_tree, unprivileged, write_tree
from tests.support.disks import OddDisk
from tests.support.updates import ANY, apply, apply_changes, content_tree, listed, make, remove, write


def test_too_many_removals_refuse_the_whole_update(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"1", "b": b"1", "c": b"1"})
    with pytest.raises(TooManyRemovalsError, match="2 of 3 files"):
        apply_changes(
            root,
            (write("new"), remove("a"), remove("b")),
            before=listed(root),
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
        ((write("a"), write("a")), "'a' can't be updated: it stands twice"),
        ((write("a"), write("b", time=2**70)), "'b' can't be updated: "),
        ((write("a"), write("n" * 300)), "File name too long"),
        ((make("m"), write("m/x"), make("file")), "'file' can't be updated: Not a directory"),
    ],
)
def test_changes_that_make_no_sense_leave_the_old_tree(tmp_path: Path, changes: Changes, reason: str) -> None:
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
        apply_changes(tmp_path, (write("a"), write("b"), write("c")), before=EMPTY_FOLDER, max_delete=ANY, token=token)
    assert read_tree(tmp_path) == {}


def test_temporaries_lie_beside_their_targets(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"k": b"1"})
    seen: list[set[str]] = []

    def token() -> str:
        seen.append({path for path in read_tree(root) if ".jsync" in path})
        return f"{len(seen):016x}"

    changes = (make("d"), write("d/a"), remove("k"), make("k"), make("k/l"), write("k/l/b"), write("z"))
    apply_changes(root, changes, before=content_tree({"k": b"1"}), max_delete=ANY, token=token)
    assert seen[-1] == {"d/.jsync-0000000000000001~", ".jsync-0000000000000002~"}
    assert not any(".jsync" in path for path in read_tree(root))


class Meddling(OddDisk):
    """A disk where somebody does something after each file that has found its place."""

    def __init__(self, meddle: Callable[[], object]) -> None:
        super().__init__()
        self._meddle = meddle

    def rename(self, source: str, target: str, /, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        super().rename(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
        if target == "z":
            self._meddle()


@pytest.mark.parametrize(
    ("path", "meddle"),
    [
        ("a", lambda root: (root / "a").unlink()),
        ("a", lambda root: (root / "a").write_bytes(b"longer")),
        ("a", lambda root: (root / "k/x").rename(root / "a")),
        ("d", lambda root: (root / "d").rmdir()),
        ("k", lambda root: (root / "k").rename(root / "other")),
    ],
)
def test_an_update_whose_work_is_undone_at_once_has_failed(
    tmp_path: Path, path: str, meddle: Callable[[Path], object]
) -> None:
    root = write_tree(tmp_path, {"a": b"old", "k": b"1"})
    changes = (write("a"), make("d"), remove("k"), make("k"), write("k/x"), write("z", b"newer"))
    with pytest.raises(FileTroubleError, match=f"'{path}' can't be updated: it is not there as the update left it"):
        apply(root, *changes, disk=Meddling(lambda: meddle(root)))


def refuse_folders(code: int) -> Callable[[int], None]:
    def fsync(fd: int) -> None:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(code, os.strerror(code))
        os.fsync(fd)

    return fsync


def test_a_file_system_that_cannot_sync_folders_is_borne(tmp_path: Path) -> None:
    apply(tmp_path, write("a"), disk=OddDisk(fsync=refuse_folders(errno.EINVAL)))
    with pytest.raises(FileTroubleError, match="the folder can't be updated: Input/output error"):
        apply(tmp_path, write("b"), disk=OddDisk(fsync=refuse_folders(errno.EIO)))
    assert read_tree(tmp_path) == {"a": b"new", "b": b"new"}


def test_a_disk_that_could_not_take_the_contents_shows_nothing(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"0": b"old"})

    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    many = [write(str(n)) for n in range(FEW_FILES + 1)]
    for changes, disk in ((many, OddDisk(sync_all=fail)), (many[:1], OddDisk(fsync=fail))):
        with pytest.raises(FileTroubleError, match="Input/output error"):
            apply(root, *changes, disk=disk)
        assert read_tree(root) == {"0": b"old"}


def test_a_disk_that_takes_little_at_a_time_gets_all(tmp_path: Path) -> None:
    content = os.urandom(100)
    apply(tmp_path, write("a", content), disk=OddDisk(write=lambda fd, data: os.write(fd, data[:7])))
    assert read_tree(tmp_path) == {"a": content}


@pytest.mark.parametrize("size_bytes", [3, 3 << 20])
@pytest.mark.parametrize("wrong", [lambda data: bytes(len(data)), lambda data: bytes(data) + b"more"])
def test_what_does_not_read_back_the_same_is_never_shown(
    tmp_path: Path, wrong: Callable[[bytes | memoryview], bytes], size_bytes: int
) -> None:
    root = write_tree(tmp_path, {"a": b"old"})

    def write_wrong(fd: int, data: bytes | memoryview) -> int:
        os.write(fd, wrong(data))
        return len(data)

    with pytest.raises(FileTroubleError, match="'a' can't be updated: what was written does not read back the same"):
        apply(root, write("a", b"n" * size_bytes), disk=OddDisk(write=write_wrong))
    assert read_tree(root) == {"a": b"old"}


def test_a_folder_too_deep_is_refused(tmp_path: Path) -> None:
    deep = "/".join("d" * MAX_DEPTH)
    with pytest.raises(FileTroubleError, match="too many folders deep"):
        apply(tmp_path, write(f"{deep}/a"))
