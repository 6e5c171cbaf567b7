"""Every operation of every update fails once, in every way, and is once the last one before a power cut.

What must hold: no file is torn; an update that says it has succeeded has, and is on the disk; one that fails before
anything was shown leaves the old tree; and the next update, from a new look, brings the tree in line.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from sync_core.model.edit import tree_of
from sync_core.model.errors import TreeError
from sync_core.model.file import File, md5_of, sha256_of
from sync_core.model.folder import EMPTY_FOLDER, Folder, get, walk
from sync_core.model.path import RelPath
from sync_core.tree.apply import Applied, Update
from sync_core.tree.disk import FEW_FILES, Disk
from sync_core.tree.kept import KeptFiles
from sync_core.tree.rights import NO_RIGHTS, Rights
from sync_core.tree.scan import scan
from sync_core.tree.temporaries import clean_temporaries
from tests.support.disk import TIME
from tests.support.disks import ForgetfulDisk, Found, OddDisk, OnDisk, assert_untorn, lay_out, without_temporaries
from tests.support.faults import Faults, WatchedDisk
from tests.support.updates import ANY, give, steps_between

CODES = ("ENOSPC", "EIO", "EACCES", "EDQUOT", "EROFS", "ENOENT", "EINTR")
CACHE = "cache"


def was(content: bytes, *, mode: int = 0o644) -> OnDisk:
    return OnDisk(content, mode, TIME)


def now(content: bytes, *, mode: int = 0o644) -> OnDisk:
    return OnDisk(content, mode, TIME + 1)


MANY: Found = {"many": None} | {f"many/{n}": now(b"%d" % n) for n in range(FEW_FILES + 1)}
OLD_MANY: Found = {"many": None} | {f"many/{n}": was(b"%d" % n) for n in range(FEW_FILES + 1)}


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One update.

    Attributes:
        old: what is there; ``None`` if not even the root is.
        new: what is to be there.
        can_sync_all: whether many files are synced at once.
        piece_bytes: contents come in pieces of this size.
        is_resumed: whether an update before this one broke off after the first piece.
        rights: set for this slave.
    """

    old: Found | None
    new: Found
    can_sync_all: bool = False
    piece_bytes: int | None = None
    is_resumed: bool = False
    rights: Rights = NO_RIGHTS


SCENARIOS = {
    "first copy": Scenario(old=None, new={"a": now(b"1"), "d": None, "d/b": now(b"2"), "d/e": None}),
    "replace": Scenario(
        old={"a": was(b"old", mode=0o600), "b": was(b"1"), "d": None, "d/c": was(b"old")},
        new={"a": now(b"new", mode=0o600), "b": was(b"1"), "d": None, "d/c": now(b"newer")},
    ),
    "add and remove": Scenario(
        old={"a": was(b"1"), "d": None, "d/b": was(b"1"), "d/e": None, "d/e/c": was(b"2"), "k": None, "k/x": was(b"")},
        new={"k": None, "k/y": now(b"2"), "z": now(b"3")},
    ),
    "rename across folders": Scenario(
        old={"from": None, "from/a": was(b"1"), "from/b": was(b"2"), "to": None},
        new={"from": None, "from/b": was(b"2"), "to": None, "to/a": was(b"1")},
    ),
    "a file becomes a folder": Scenario(old={"a": was(b"1")}, new={"a": None, "a/b": None, "a/b/c": now(b"2")}),
    "a folder becomes a file": Scenario(
        old={"a": None, "a/b": None, "a/b/c": was(b"1"), "a/d": was(b"2")}, new={"a": now(b"2")}
    ),
    "adjust": Scenario(
        old={"a": was(b"1"), "d": None, "d/b": was(b"2")}, new={"a": was(b"1", mode=0o600), "d": None, "d/b": now(b"2")}
    ),
    "adjust many": Scenario(old=OLD_MANY, new=MANY, can_sync_all=True),
    "in pieces": Scenario(
        old={"big": was(b"old"), "d": None}, new={"big": now(b"12345"), "d": None, "d/n": now(b"678")}, piece_bytes=2
    ),
    "resumed": Scenario(
        old={"big": was(b"old"), "d": None}, new={"big": now(b"12345"), "d": None}, piece_bytes=2, is_resumed=True
    ),
    "many by syncfs": Scenario(old={"many": None, "many/0": was(b"old")}, new=MANY, can_sync_all=True),
    "many by fsync": Scenario(old={"x": was(b"1")}, new=MANY),
    "rights of its own": Scenario(
        old={"a": was(b"1")},
        new={"a": now(b"2", mode=0o640), "d": None, "d/b": now(b"3", mode=0o640)},
        rights=Rights(file_mode=0o640, dir_mode=0o750),
    ),
}


class Run:
    """A scenario on a disk of its own; one update, then a look.

    Attributes:
        outcome: what the update has said.
        is_visible: whether it had begun to show anything.
    """

    def __init__(self, scenario: Scenario, above: Path) -> None:
        self.scenario = scenario
        self.old: Found = scenario.old or {}
        self.wanted = wanted_tree(scenario.new)
        self.root = above / CACHE
        self._kept = KeptFiles()
        if scenario.old is not None:
            self.root.mkdir()
            lay_out(self.root, scenario.old)
        if scenario.is_resumed:
            with self._update(self.seen(), NO_WAIT) as update:
                update.open(RelPath("big")).write(b"12")

    def _update(self, before: Folder, disk: Disk) -> Update:
        self._steps = tuple(steps_between(before, self.wanted))
        rights = self.scenario.rights
        return Update(self.root, self._steps, before=before, max_delete=ANY, rights=rights, kept=self._kept, disk=disk)

    def update(self, disk: Disk, faults: Faults, *, before: Folder | None = None) -> Applied | TreeError:
        """Bring the tree in line, from a new look unless told otherwise."""
        update = self._update(self.seen() if before is None else before, disk)
        contents = {path: None if what is None else what.content for path, what in self.scenario.new.items()}
        try:
            with faults, update:
                give(update, self._steps, contents, piece_bytes=self.scenario.piece_bytes)
                return update.show()
        except TreeError as error:
            return error
        finally:
            self.is_visible = update.is_visible

    def seen(self) -> Folder:
        return scan(self.root).root if self.root.exists() else EMPTY_FOLDER

    def found(self) -> Found:
        """Return what is there now, temporaries too."""
        return {str(place.relative_to(self.root)): on_disk(place) for place in self.root.rglob("*")}

    def check(self, outcome: Applied | TreeError, good: Applied, disk: ForgetfulDisk) -> None:
        """Make sure that the update has torn nothing, and that what it says is so."""
        found = self.found()
        assert_untorn(found, self.old, self.scenario.new)
        if isinstance(outcome, Applied):
            is_whole = found == self.scenario.new
            assert (outcome.tree == self.wanted) == is_whole, "it says that all is done"
            really = self.seen()
            assert all(get(really, path) == entry for path, entry in walk(outcome.tree) if isinstance(entry, File))
            assert below_cache(disk.safe()) == found, "it is not on the disk"
            if is_whole:
                assert outcome == good, "it says that it did something else"
        elif not self.is_visible:
            assert without_temporaries(found) == self.old, "nothing was to be seen yet"

    def finish(self, outcome: Applied | TreeError | None = None) -> None:
        """Make sure that the next update succeeds, and leaves nothing behind."""
        before = outcome.tree if isinstance(outcome, Applied) else None
        then = self.update(NO_WAIT, Faults(), before=before)
        assert isinstance(then, Applied), f"the next update failed: {then}"
        assert self.found() == self.scenario.new, "the next update did not finish the work"
        assert then.tree == self.wanted


NO_WAIT = OddDisk(fsync=lambda _: None, sync_all=lambda _: None)


def wanted_tree(new: Found) -> Folder:
    return tree_of((RelPath(path), Folder() if what is None else wanted_file(what)) for path, what in new.items())


def wanted_file(what: OnDisk) -> File:
    assert what.content is not None
    return File(
        md5=md5_of(what.content),
        sha256=sha256_of(what.content),
        size_bytes=len(what.content),
        last_write_time=what.time_s,
        mode=what.mode,
    )


def on_disk(place: Path) -> OnDisk | None:
    found = place.stat()
    if place.is_dir():
        return None
    return OnDisk(place.read_bytes(), found.st_mode & 0o7777, found.st_mtime_ns // 10**9)


def below_cache(found: Found) -> Found:
    return {path.removeprefix(f"{CACHE}/"): what for path, what in found.items() if path != CACHE}


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder in memory, where there is one."""
    with TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as name:
        yield Path(name)


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def faulty(scenario: Scenario, above: Path, faults: Faults, good: Applied | None = None) -> Applied:
    """Run a scenario with a fault; return what it has said if it was good, or ``good``."""
    above.mkdir()
    run = Run(scenario, above)
    with ForgetfulDisk(above, can_sync_all=scenario.can_sync_all, is_watched=False) as disk:
        open_before = descriptors()
        outcome = run.update(WatchedDisk(disk, faults), faults)
        assert descriptors() == open_before, "something was left open"
        if good is None:
            assert isinstance(outcome, Applied), outcome
            good = outcome
        run.check(outcome, good, disk)
    run.finish(outcome)
    return good


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_operation_may_fail(place: Path, name: str, code: str) -> None:
    scenario = SCENARIOS[name]
    recorded = Faults()
    good = faulty(scenario, place / "good", recorded)
    assert len(recorded.operations) > 10
    for position, operation in enumerate(recorded.operations):
        faults = Faults(fail_at=position, code=getattr(errno, code))
        try:
            faulty(scenario, place / str(position), faults, good)
        except (AssertionError, OSError) as error:
            error.add_note(f"{code} by operation {position}, {operation}, after {recorded.operations[:position]}")
            raise
        assert len(faults.operations) > position


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_power_may_fail_after_every_operation(place: Path, name: str) -> None:
    scenario = SCENARIOS[name]
    above = place / "good"
    above.mkdir()
    run = Run(scenario, above)
    with ForgetfulDisk(above, can_sync_all=scenario.can_sync_all, is_watched=False) as disk:
        faults = Faults(before=disk.look)
        assert isinstance(run.update(WatchedDisk(disk, faults), faults), Applied)
        disk.look()
    assert len(disk.crashes) > 2 * len(faults.operations)
    crashes = {tuple(sorted(crash.items())): crash for crash in disk.crashes}
    for number, crash in enumerate(crashes.values()):
        assert_untorn(below_cache(crash), run.old, scenario.new)
        (place / str(number)).mkdir()
        lay_out(place / str(number), crash)
        after = Run(Scenario(old=None, new=scenario.new, rights=scenario.rights), place / str(number))
        clean_temporaries(after.root)
        after.finish()
