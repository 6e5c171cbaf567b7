from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from sync_core.model.compare import Diff, compare
from sync_core.model.errors import RemoteProtocolError, RemoteRefusalError
from sync_core.model.folder import EMPTY_FOLDER, Folder
from sync_core.model.overlay import overlay
from sync_core.protocol.dialect.listing import listings
from sync_core.protocol.dialect.messages import (
    Error,
    FileRecord,
    FolderAsked,
    FolderPart,
    FolderRecord,
    Folders,
    Listing,
    Unknown,
)
from sync_core.protocol.dialect.side_by_side import SideBySide, TreeHalf
from tests.support.folders import a_tree, some_folders


class Peer:
    """Answers the requests of one half, and keeps which folders it was asked for."""

    def __init__(self, tree: Folder, own: Folder | None = None) -> None:
        self.asked: list[FolderAsked] = []
        self._tree = tree
        self._own = own

    def serve(self, half: TreeHalf) -> None:
        while (request := half.next_request()) is not None:
            self.asked += request.folders
            for listing in listings(self._tree, request.folders, with_marks=True, own=self._own):
                half.receive(listing)
            half.finished(request)

    @property
    def paths(self) -> list[bytes]:
        return [asked.path for asked in self.asked]


def looked_at(ours: Peer, theirs: Peer, master: Folder, slave: Folder) -> Diff:
    """Return what comes of a look at both, with the count of what is the same as the driver corrects it."""
    both = SideBySide(master.digest, slave.digest)
    while both.go_on():
        ours.serve(both.ours)
        theirs.serve(both.theirs)
    here, there, own = both.trees()
    assert (here.digest, there.digest) == (master.digest, slave.digest)
    diff = compare(here, there, own=own)
    return replace(diff, counts=replace(diff.counts, same=diff.counts.same + master.totals.files - here.totals.files))


@given(some_folders(), some_folders(), some_folders())
def test_it_finds_what_a_comparison_of_whole_trees_finds(shared: Folder, own: Folder, slave: Folder) -> None:
    master = overlay(shared, own)
    ours, theirs = Peer(master, own), Peer(slave)
    assert looked_at(ours, theirs, master, slave) == compare(master, slave, own=own)


def test_equal_trees_are_not_asked_for() -> None:
    tree = a_tree({"a": b"1", "d/b": b"2"})
    ours, theirs = Peer(tree), Peer(tree)
    assert looked_at(ours, theirs, tree, tree).counts.same == 2
    assert (ours.asked, theirs.asked) == ([], [])


def test_only_folders_that_differ_are_asked_for() -> None:
    same: dict[str, bytes | None] = {"same/deep/x": b"1", "d/same/y": b"2"}
    master = a_tree({**same, "d/e/new": b"3", "only/here/z": b"4"})
    slave = a_tree({**same, "d/e/old": b"3"})
    ours, theirs = Peer(master), Peer(slave)
    diff = looked_at(ours, theirs, master, slave)
    assert [entry.path for entry in diff.entries] == ["d/e/new", "d/e/old", "only", "only/here", "only/here/z"]
    assert diff.counts.same == 2
    assert sorted(ours.paths) == [b"", b"d", b"d/e", b"only"]
    assert sorted(theirs.paths) == [b"", b"d", b"d/e"]


@pytest.mark.parametrize(
    "part",
    [
        FolderPart(b"", 0, gone=True),
        FolderPart(b"other", 0),
        FolderPart(b"", 1),
        FolderPart(b"", 0, (FileRecord(b"x", None, None, None, None, None),)),
        FolderPart(b"", 0, (), (FolderRecord(b"d", bytes(32)),)),
    ],
    ids=["gone", "not asked for", "out of turn", "another file", "another folder"],
)
def test_what_was_not_offered_is_refused(part: FolderPart) -> None:
    both = SideBySide(a_tree({"a": b"1"}).digest, EMPTY_FOLDER.digest)
    both.go_on()
    half = both.ours
    assert half.next_request() is not None
    with pytest.raises(RemoteProtocolError):
        half.receive(Listing(parts=(part,), last=True))
        both.trees()


def test_a_listing_that_ends_too_early_is_refused() -> None:
    both = SideBySide(a_tree({"a": b"1"}).digest, EMPTY_FOLDER.digest)
    both.go_on()
    request = both.ours.next_request()
    assert isinstance(request, Folders)
    with pytest.raises(RemoteProtocolError, match="does not send"):
        both.ours.finished(request)


@pytest.mark.parametrize("answer", [Error(code="SCHEDULER-121", text="no"), Unknown(what="folders")])
def test_a_peer_that_does_not_want_to(answer: Error | Unknown) -> None:
    with pytest.raises(RemoteRefusalError):
        TreeHalf(EMPTY_FOLDER.digest).receive(answer)


def test_one_request_asks_for_a_bounded_number_of_folders() -> None:
    tree = a_tree({f"d{number}/x": b"1" for number in range(1200)})
    other = a_tree({f"d{number}/y": b"1" for number in range(1200)})
    ours, theirs = Peer(tree), Peer(other)
    both = SideBySide(tree.digest, other.digest)
    both.go_on()
    ours.serve(both.ours)
    theirs.serve(both.theirs)
    both.go_on()
    sizes = []
    while (request := both.ours.next_request()) is not None:
        sizes.append(len(request.folders))
    assert (sum(sizes), max(sizes)) == (1200, 500)
