"""Contents that come in pieces, do not come, or come for an update that is broken off."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from sync_core.model.answer_plan import PlannedWrite
from sync_core.model.change import Changes
from sync_core.model.errors import FileTroubleError, LocalProtocolError, TooManyRemovalsError
from sync_core.model.file import Kind, md5_of
from sync_core.model.inventory import MaxDelete
from sync_core.model.path import RelPath
from sync_core.tree.apply import Update
from sync_core.tree.disk import LOCAL_DISK, Disk
from sync_core.tree.kept import KeptFiles
from sync_core.tree.update import Step
from tests.support.disk import read_tree, write_tree
from tests.support.disks import OddDisk
from tests.support.updates import ANY, listed, make, planned, remove, write

A = RelPath("a")
BIG = os.urandom(3000)


def start(
    root: Path, *steps: Step, kept: KeptFiles | None = None, max_delete: MaxDelete = ANY, disk: Disk = LOCAL_DISK
) -> Update:
    return Update(root, steps, before=listed(root), max_delete=max_delete, kept=kept, disk=disk)


def temporaries(root: Path) -> list[str]:
    return [path for path in read_tree(root) if "/.jsync-" in f"/{path}"]


def test_pieces_become_the_file(tmp_path: Path) -> None:
    with start(tmp_path, planned("a", BIG), make("d"), planned("d/empty", b"")) as update:
        file = update.open(A)
        for offset in range(0, len(BIG), 700):
            assert file.size_bytes == offset
            file.write(memoryview(BIG)[offset : offset + 700])
        assert update.awaits(A)
        file.done()
        assert not update.awaits(A)
        update.open(RelPath("d/empty")).done()
        assert "a" not in read_tree(tmp_path)
        assert update.show().written == ("a", "d/empty")
    assert read_tree(tmp_path) == {"a": BIG, "d": None, "d/empty": b""}


def test_a_file_known_by_md5_only_is_checked_by_that(tmp_path: Path) -> None:
    step = PlannedWrite(path=A, md5=md5_of(b"new"), last_write_time=1)
    for give in (by_write, by_open):
        with start(tmp_path, step) as update:
            give(update, b"new")
            update.show()
        with start(tmp_path, step) as update, pytest.raises(FileTroubleError, match="not what was announced"):
            give(update, b"old")
    assert read_tree(tmp_path) == {"a": b"new"}


def by_write(update: Update, content: bytes) -> None:
    update.write(A, content)


def by_open(update: Update, content: bytes) -> None:
    file = update.open(A)
    file.write(content)
    file.done()


@pytest.mark.parametrize("give", [by_write, by_open])
@pytest.mark.parametrize("content", [b"", b"ne", b"neW", b"newer"])
def test_what_is_not_what_was_announced_is_never_shown(
    tmp_path: Path, give: Callable[[Update, bytes], None], content: bytes
) -> None:
    root = write_tree(tmp_path, {"a": b"old"})
    with (
        pytest.raises(FileTroubleError, match=r"'a' can't be updated: .* announced"),
        start(root, planned("a")) as update,
    ):
        give(update, content)
    assert read_tree(root) == {"a": b"old"}


def test_more_than_was_announced_is_not_even_written(tmp_path: Path) -> None:
    with start(tmp_path, planned("a")) as update:
        file = update.open(A)
        file.write(b"ne")
        with pytest.raises(FileTroubleError, match="more came than was announced"):
            file.write(b"ws")
        assert [content for content in read_tree(tmp_path).values()] == [b"ne"]


def test_a_piece_that_does_not_read_back_is_refused(tmp_path: Path) -> None:
    disk = OddDisk(write=lambda fd, data: os.write(fd, bytes(len(data))))
    with start(tmp_path, planned("a"), disk=disk) as update:
        file = update.open(A)
        with pytest.raises(FileTroubleError, match="'a' can't be updated: what was written does not read back"):
            file.write(b"new")
    assert read_tree(tmp_path) == {}


def test_a_disk_that_takes_little_at_a_time_gets_every_piece(tmp_path: Path) -> None:
    with start(tmp_path, planned("a", BIG), disk=OddDisk(write=lambda fd, data: os.write(fd, data[:7]))) as update:
        by_open(update, BIG)
        update.show()
    assert read_tree(tmp_path) == {"a": BIG}


def test_moves_that_make_no_sense_are_bugs(tmp_path: Path) -> None:
    with start(tmp_path, planned("a"), write("b")) as update:
        for call in (update.open, update.leave_out):
            with pytest.raises(LocalProtocolError, match="not awaited"):
                call(RelPath("c"))
        with pytest.raises(LocalProtocolError, match="not awaited"):
            update.write(RelPath("c"), b"")
        with pytest.raises(LocalProtocolError, match="pieces"):
            update.open(RelPath("b"))
        file = update.open(A)
        with pytest.raises(LocalProtocolError, match="not awaited"):
            update.open(A)
        with pytest.raises(LocalProtocolError, match="has not come"):
            update.show()
        file.write(b"new")
        file.done()
        with pytest.raises(LocalProtocolError, match="no more"):
            file.write(b"")
        with pytest.raises(LocalProtocolError, match="no more"):
            file.done()
    assert read_tree(tmp_path) == {}


def test_what_is_left_out_stays_as_it_was(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"old", "k/x": b"1", "z": b"1"})
    steps = (planned("a"), remove("k", Kind.DIRECTORY), planned("k"), remove("z"))
    with start(root, *steps) as update:
        update.open(A).write(b"n")
        update.leave_out(A)
        update.leave_out(RelPath("k"))
        applied = update.show()
    assert applied.removed == ("z",)
    assert read_tree(root) == {"a": b"old", "k": None, "k/x": b"1"}


def test_leaving_out_does_not_get_round_max_delete(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"d/a": b"1", "d/b": b"1"})
    steps = (remove("d", Kind.DIRECTORY), make("d"), planned("d/a"), planned("d/b"))
    with start(root, *steps, max_delete=MaxDelete(number=1, is_percentage=False)) as update:
        assert update.vanishing == 0
        update.leave_out(RelPath("d/a"))
        update.leave_out(RelPath("d/b"))
        with pytest.raises(TooManyRemovalsError):
            update.show()
    assert read_tree(root) == {"d": None, "d/a": b"1", "d/b": b"1"}


@pytest.mark.parametrize("is_done", [False, True])
def test_a_file_of_a_broken_off_update_goes_on_in_a_later_one(tmp_path: Path, is_done: bool) -> None:
    kept = KeptFiles()
    big = (make("n"), planned("n/big", BIG))
    path = RelPath("n/big")
    with start(tmp_path, *big, kept=kept) as update:
        file = update.open(path)
        file.write(BIG if is_done else BIG[:1000])
        if is_done:
            file.done()
    assert [place for place in read_tree(tmp_path) if place not in temporaries(tmp_path)] == []
    with start(tmp_path, write("urgent"), kept=kept) as update:
        update.write(RelPath("urgent"), b"new")
        update.show()
    with start(tmp_path, *big, kept=kept) as update:
        file = update.open(path)
        assert file.size_bytes == (len(BIG) if is_done else 1000)
        file.write(BIG[file.size_bytes :])
        file.done()
        update.show()
    assert read_tree(tmp_path) == {"n": None, "n/big": BIG, "urgent": b"new"}


def begin(root: Path, kept: KeptFiles | None, step: PlannedWrite | None = None) -> None:
    """Break off an update that has a piece of a file."""
    with start(root, step or planned("a", BIG), kept=kept) as update:
        file = update.open(A)
        if not file.size_bytes:
            file.write(BIG[:1000])


@pytest.mark.parametrize("pieces", [[b"neW"], [b"newer"], [b"ne", b"wer"], [b"ne"]])
def test_what_was_wrong_is_not_kept(tmp_path: Path, pieces: list[bytes]) -> None:
    """Else every update to come would go on with it, and fail."""
    kept = KeptFiles()
    with pytest.raises(FileTroubleError), start(tmp_path, planned("a"), kept=kept) as update:
        file = update.open(A)
        for piece in pieces:
            file.write(piece)
        file.done()
    assert read_tree(tmp_path) == {}
    with start(tmp_path, planned("a"), kept=kept) as update:
        by_open(update, b"new")
        update.show()
    assert read_tree(tmp_path) == {"a": b"new"}


def test_nothing_is_kept_where_nobody_will_go_on_with_it(tmp_path: Path) -> None:
    begin(tmp_path, None)
    begin(tmp_path, KeptFiles(), PlannedWrite(path=A, md5=md5_of(BIG), last_write_time=1))
    assert read_tree(tmp_path) == {}


def test_a_kept_file_is_for_that_content_only_and_goes_with_it(tmp_path: Path) -> None:
    kept = KeptFiles()
    begin(tmp_path, kept)
    first = temporaries(tmp_path)
    begin(tmp_path, kept, planned("a", BIG + b"another"))
    second = temporaries(tmp_path)
    assert len(first) == len(second) == 1
    assert first != second


def test_the_oldest_kept_file_makes_room(tmp_path: Path) -> None:
    kept = KeptFiles(most=2)
    for name in "abc":
        with start(tmp_path, planned(name, BIG), kept=kept) as update:
            update.open(RelPath(name)).write(BIG[:10])
    assert len(temporaries(tmp_path)) == 2
    for name, size_bytes in (("a", 0), ("c", 10)):
        with start(tmp_path, planned(name, BIG), kept=kept) as update:
            assert update.open(RelPath(name)).size_bytes == size_bytes


@pytest.mark.parametrize("what", ["gone", "changed", "replaced", "a link"])
def test_a_kept_file_that_somebody_touched_is_begun_anew(tmp_path: Path, what: str) -> None:
    kept = KeptFiles()
    begin(tmp_path, kept)
    place = tmp_path / temporaries(tmp_path)[0]
    if what == "changed":
        place.write_bytes(bytes(1000))
    else:
        place.rename(tmp_path / "moved")
        if what == "replaced":
            place.write_bytes(BIG[:1000])
        elif what == "a link":
            place.symlink_to("moved")
    with start(tmp_path, planned("a", BIG), kept=kept) as update:
        file = update.open(A)
        assert file.size_bytes == 0
        file.write(BIG)
        file.done()
        update.show()
    assert (tmp_path / "a").read_bytes() == BIG
    assert temporaries(tmp_path) == []


def test_a_kept_file_is_synced_by_itself(tmp_path: Path) -> None:
    """``syncfs`` tells only of errors since the update began."""
    kept = KeptFiles()
    begin(tmp_path, kept)
    synced: list[int] = []

    def fsync(fd: int) -> None:
        synced.append(os.fstat(fd).st_size)
        os.fsync(fd)

    many: Changes = tuple(write(f"m{n}") for n in range(20))
    with start(tmp_path, planned("a", BIG), *many, kept=kept, disk=OddDisk(fsync=fsync)) as update:
        for change in many:
            update.write(change.path, b"new")
        file = update.open(A)
        file.write(BIG[file.size_bytes :])
        file.done()
        assert synced == [len(BIG)]
        update.show()


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_descriptors_do_not_grow_with_the_update(tmp_path: Path) -> None:
    before = open_descriptors()
    steps = tuple(planned(f"f{n}", bytes([n])) for n in range(100))
    with start(tmp_path, *steps, kept=KeptFiles()) as update:
        for n in range(100):
            file = update.open(RelPath(f"f{n}"))
            file.write(bytes([n]))
            file.done()
        assert open_descriptors() < before + 10
        update.show()
    assert open_descriptors() == before
    assert len(read_tree(tmp_path)) == 100


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    piece, pieces = bytes(1 << 16), 256
    with start(tmp_path, planned("a", piece * pieces)) as update:
        file = update.open(A)
        tracemalloc.start()
        for _ in range(pieces):
            file.write(piece)
        file.done()
        update.show()
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak_bytes < len(piece) * 8
    assert (tmp_path / "a").stat().st_size == len(piece) * pieces
