from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.edit import edited, folder_of, tree_of
from sync_core.model.errors import LocalProtocolError, RemoteProtocolError, RemoteRefusalError
from sync_core.model.file import File, md5_of, sha256_of
from sync_core.model.folder import EMPTY_FOLDER, Entry, Folder, get
from sync_core.model.path import RelPath
from sync_core.protocol.dialect.contents import WantedContent
from sync_core.protocol.dialect.delta import delta
from sync_core.protocol.dialect.listing import listings
from sync_core.protocol.dialect.messages import (
    MOVED,
    Answer,
    Bundle,
    Check,
    Delta,
    Error,
    FileRecord,
    FolderAsked,
    FolderEdit,
    Folders,
    Inline,
    Listing,
    Look,
    Request,
    Root,
    Same,
    Unknown,
)
from sync_core.protocol.dialect.pull import Pull
from tests.protocol.dialect.strategies import content_of, trees
from tests.support.dialect_wire import PretendMaster


def a_file(content: bytes = b"x", *, is_settling: bool = False) -> File:
    return File(
        md5=md5_of(content),
        sha256=sha256_of(content),
        size_bytes=len(content),
        last_write_time=1,
        mode=0o644,
        is_settling=is_settling,
    )


def many(changed: dict[str, Entry | None] | None = None) -> Folder:
    tree = tree_of([(RelPath(f"d{n}/e{m}/f"), a_file(b"%d%d" % (n, m))) for n in range(4) for m in range(3)])
    return edited(tree, {RelPath(path): entry for path, entry in (changed or {}).items()})


def pulled(pull: Pull, master: PretendMaster) -> list[Request]:
    """Drive a pull over a line without faults; return what it asked."""
    asked: list[Request] = [pull.start()]
    for request in asked:
        for answer, _ in master.answers(request):
            pull.receive(answer)
        pull.finished(request)
        while (following := pull.next_request()) is not None:
            asked.append(following)
    return asked


def a_master(newest: Folder, *known: Folder) -> PretendMaster:
    master = PretendMaster(newest, content_of, rides_along=False)
    for tree in known:
        master.history.offer(tree)
    return master


@given(trees, trees, st.booleans())
def test_a_slave_comes_to_the_newest_tree(known: Folder, newest: Folder, is_remembered: bool) -> None:
    pull = Pull(known)
    pulled(pull, a_master(newest, *([known] if is_remembered else [])))
    assert pull.wanted is not None
    assert pull.wanted.digest == newest.digest


@given(trees, trees)
def test_those_who_look_see_what_is_there(known: Folder, newest: Folder) -> None:
    """Marks included, whatever they know: the counts of the root say whether a digest tells it all."""
    master = a_master(newest)
    pull = Pull(known, look=Look(slave="s"))
    totals = newest.totals
    asked: list[Request] = [pull.start()]
    for request in asked:
        if isinstance(request, Folders):
            answers: list[Answer] = list(listings(newest, request.folders, with_marks=True))
        else:
            answers = [
                Root(
                    digest=newest.digest,
                    settling=totals.settling,
                    unreadable=totals.unreadable,
                    unknown=totals.unknown,
                )
            ]
        for answer in answers:
            pull.receive(answer)
        pull.finished(request)
        while (following := pull.next_request()) is not None:
            asked.append(following)
    assert master.offered is None
    assert pull.wanted == newest or (known.digest == newest.digest and not totals.is_held_back and not totals.unknown)


_faults = st.lists(
    st.sampled_from(["lose", "double", "reorder", "cut listing", "break", "new tree", "forget", "none"]), max_size=25
)


def faulty(answers: list[Answer], fault: str, data: st.DataObject, late: list[Answer]) -> tuple[list[Answer], bool]:
    """Return what arrives of an answer, and whether the connection stands."""
    match fault:
        case "lose":
            keep = data.draw(st.lists(st.booleans(), min_size=len(answers), max_size=len(answers)))
            return [answer for answer, is_kept in zip(answers, keep, strict=True) if is_kept], True
        case "double":
            return [*answers, *answers], True
        case "reorder":
            return data.draw(st.permutations([*answers, *late])), True
        case "cut listing":
            return list(_cut(answers)), True
        case "break":
            return answers[: data.draw(st.integers(0, len(answers)))], False
    return answers, True


def _cut(answers: list[Answer]) -> Iterator[Answer]:
    """Leave out half of the parts of each listing."""
    for answer in answers:
        yield Listing(parts=answer.parts[::2], last=answer.last) if isinstance(answer, Listing) else answer


def _small(answers: Iterator[Answer]) -> list[Answer]:
    """Cut folders into parts of one entry each, in a message for each: what a large folder looks like."""
    found: list[Answer] = []
    for answer in answers:
        if not isinstance(answer, Listing):
            found.append(answer)
            continue
        for part in answer.parts:
            count = len(part.files) + len(part.folders)
            for at in range(max(count, 1)):
                files = part.files[at : at + 1]
                above = at - len(part.files)
                folders = part.folders[above : above + 1] if above >= 0 else ()
                fields = (part.path, at, files, folders, at + 1 < count, part.gone)
                found.append(Listing(parts=(type(part)(*fields),)))
    return found


@given(trees, st.lists(trees, min_size=1, max_size=3), _faults, st.data())
def test_a_slave_comes_to_the_newest_tree_over_any_line(
    known: Folder, versions: list[Folder], faults: list[str], data: st.DataObject
) -> None:
    """Answers are lost, doubled, cut, out of order; connections break, the tree changes, the master forgets."""
    master = a_master(versions[0], *([known] if data.draw(st.booleans(), label="is remembered") else []))
    are_small = data.draw(st.booleans(), label="are small")
    left, late = versions[1:], list[Answer]()
    pull, was_faulty = Pull(known), False
    waiting: list[Request] = [pull.start()]
    for _ in range(500):
        if pull.wanted is not None:
            break
        request = waiting.pop(0) if waiting else pull.start()
        fault = faults.pop() if faults else "none"
        was_faulty |= fault != "none"
        if fault == "new tree" and left:
            master.newest = left.pop()
        if fault == "forget":
            master.offered = None
        whole = (answer for answer, _ in master.answers(request))
        sent = _small(whole) if are_small else list(whole)
        arrived, stands = faulty(sent, fault, data, late)
        late = [*late, *sent][-6:]
        try:
            for answer in arrived:
                pull.receive(answer)
            if stands:
                pull.finished(request)
        except RemoteProtocolError:
            assert was_faulty
            pull, stands = Pull(known), False
        if not stands:
            master.offered = None
            waiting = [pull.start()]
            continue
        while (following := pull.next_request()) is not None:
            waiting.append(following)
    assert pull.wanted is not None
    assert pull.wanted.digest in {tree.digest for tree in versions}
    if master.newest is versions[0]:
        assert pull.wanted.digest == versions[0].digest


def test_nothing_new_is_one_question() -> None:
    tree = many()
    pull = Pull(tree, has=bytes(32))
    assert pulled(pull, a_master(tree)) == [Check(known=tree.digest, has=bytes(32))]
    assert pull.wanted is tree


def test_a_known_tree_is_led_on_in_one_question() -> None:
    tree, newest = many(), many({"d1/e1/f": a_file(b"new"), "d2": None})
    pull = Pull(tree)
    assert len(pulled(pull, a_master(newest, tree))) == 1
    assert pull.wanted == newest
    assert get(pull.wanted, RelPath("d3")) is get(tree, RelPath("d3"))


def test_contents_that_ride_along_are_named() -> None:
    tree = many()
    content = b"two\n" * 300
    newest = edited(tree, {RelPath("d1/x"): a_file(content), RelPath("d1/y"): File(is_settling=True)})
    master = PretendMaster(newest, content_of)
    master.history.offer(tree)
    pull = Pull(tree)
    pulled(pull, master)
    assert pull.inline == (WantedContent(RelPath("d1/x"), sha256_of(content), len(content)),)
    assert pull.start() == Check(known=tree.digest)
    assert not pull.inline


def test_an_empty_slave_asks_for_everything_at_once() -> None:
    newest = many()
    asked = pulled(Pull(), a_master(newest))
    assert asked == [
        Check(known=EMPTY_FOLDER.digest),
        Folders(folders=(FolderAsked(b"", newest.digest, True),)),
    ]


def test_an_empty_tree_needs_no_walk() -> None:
    pull = Pull(many())
    assert len(pulled(pull, a_master(EMPTY_FOLDER))) == 1
    assert pull.wanted == EMPTY_FOLDER


def test_a_walk_goes_down_only_where_digests_differ() -> None:
    tree = many()
    newest = many({"d1/e1/f": a_file(b"new"), "d2/new/below/f": a_file(b"new")})
    pull = Pull(tree)
    asked = [request.folders for request in pulled(pull, a_master(newest)) if isinstance(request, Folders)]
    assert [[(folder.path, folder.deep) for folder in folders] for folders in asked] == [
        [(b"", False)],
        [(b"d1", False), (b"d2", False)],
        [(b"d1/e1", False), (b"d2/new", True)],
    ]
    assert pull.wanted == newest
    for shared in ("d0", "d3", "d1/e0", "d2/e0"):
        assert get(pull.wanted, RelPath(shared)) is get(tree, RelPath(shared))


def test_files_that_are_known_are_shared() -> None:
    tree = folder_of({"a": a_file(), "b": a_file()})
    pull = Pull(tree)
    pulled(pull, a_master(folder_of({"a": a_file(), "b": a_file(b"y")})))
    assert pull.wanted is not None
    assert pull.wanted.children["a"] is tree.children["a"]


def test_a_folder_that_moved_is_not_asked_for() -> None:
    tree = many()
    newest = edited(tree, {RelPath("moved"): tree.children["d1"], RelPath("d1"): None})
    pull = Pull(tree)
    assert len(pulled(pull, a_master(newest))) == 2
    assert pull.wanted is not None
    assert pull.wanted.children["moved"] is tree.children["d1"]


def test_a_tree_that_moved_below_is_not_asked_for() -> None:
    tree = folder_of({"a": a_file()})
    pull = Pull(tree)
    assert len(pulled(pull, a_master(folder_of({"moved": tree})))) == 2
    assert pull.wanted == folder_of({"moved": tree})


def test_those_who_look_see_marks_that_no_digest_tells() -> None:
    plain, marked = (many({"d1/e1/f": a_file(is_settling=held)}) for held in (False, True))
    assert plain.digest == marked.digest
    pull = Pull(plain, look=Look())
    pull.receive(Root(digest=marked.digest, settling=1))
    request = pull.next_request()
    assert isinstance(request, Folders)
    for listing in listings(marked, request.folders, with_marks=True):
        pull.receive(listing)
    assert pull.wanted == marked
    pull = Pull(plain, look=Look())
    pull.receive(Root(digest=plain.digest))
    assert pull.wanted is plain


def test_a_folder_that_cannot_be_read_any_more_is_shared_and_marked() -> None:
    tree = many()
    below = tree.children["d1"]
    assert isinstance(below, Folder)
    newest = folder_of({**tree.children, "d1": Folder(below.children, is_unreadable=True)})
    pull = Pull(tree)
    assert len(pulled(pull, a_master(newest))) == 2
    assert pull.wanted == newest


def test_a_broken_connection_costs_what_was_under_way() -> None:
    tree = many()
    newest = many({"d1/e1/f": a_file(b"new"), "d2/e2/f": a_file(b"newer")})
    master = a_master(newest)
    pull = Pull(tree)
    for answer, _ in master.answers(pull.start()):
        pull.receive(answer)
    for paths in ([b""], [b"d1", b"d2"], [b"d1/e1", b"d2/e2"]):
        request = pull.next_request()
        assert isinstance(request, Folders)
        assert [folder.path for folder in request.folders] == paths
        for listing in listings(newest, request.folders[: len(paths) if b"" in paths or b"d1" in paths else 1]):
            pull.receive(listing)
    assert pull.wanted is None
    asked = [request.folders for request in pulled(pull, master) if isinstance(request, Folders)]
    assert [folder.path for folders in asked for folder in folders] == [b"", b"d2", b"d2/e2"]
    assert pull.wanted == newest


def test_a_delta_that_leads_elsewhere_is_not_believed() -> None:
    tree, newest = many(), many({"d1/e1/f": a_file(b"new")})
    edits = (FolderEdit(b"d1", (b"e1",)),)
    for answer in (
        Delta(base=tree.digest, to=newest.digest, edits=edits),
        Delta(base=newest.digest, to=tree.digest, edits=()),
    ):
        pull = Pull(tree)
        request = pull.start()
        pull.receive(answer)
        pull.finished(request)
        assert pull.wanted is None
    pull = Pull(tree, has=bytes(32))
    request = pull.start()
    pull.receive(Delta(base=tree.digest, to=newest.digest, edits=edits))
    pull.finished(request)
    assert pull.next_request() == Check(known=None, has=bytes(32))
    pulled_again = [answer for answer, _ in a_master(newest).answers(Check())]
    pull.receive(pulled_again[0])
    assert isinstance(pull.next_request(), Folders)


@pytest.mark.parametrize("size", [2, 0])
def test_contents_that_were_not_offered_do_not_ride_along(size: int) -> None:
    record = FileRecord(b"a", sha256_of(b"x"), bytes(16), 1, 1, 0o644)
    pull = Pull()
    pull.start()
    edits = (FolderEdit(b"", files=(record,)),)
    with pytest.raises(RemoteProtocolError, match="rides along"):
        pull.receive(Delta(base=bytes(32), to=bytes(32), edits=edits, inline=(Inline(0, size),)))


def test_same_is_no_answer_to_one_who_knows_nothing() -> None:
    pull = Pull(look=Look())
    pull.start()
    with pytest.raises(RemoteProtocolError, match="nothing is new"):
        pull.receive(Same())


@pytest.mark.parametrize(("answer", "code"), [(Error(code="no", text="why"), "no"), (Unknown(what="check"), "unknown")])
def test_a_refusal_is_told(answer: Answer, code: str) -> None:
    pull = Pull()
    pull.start()
    with pytest.raises(RemoteRefusalError) as caught:
        pull.receive(answer)
    assert caught.value.error_code == code


def test_a_peer_that_never_sends_what_it_offers_is_given_up() -> None:
    pull = Pull()
    pull.receive(Root(digest=sha256_of(b"root")))
    request = pull.next_request()
    with pytest.raises(RemoteProtocolError, match="does not send"):
        for _ in range(20):
            assert request is not None
            pull.finished(request)
            request = pull.next_request()


def test_a_peer_whose_tree_always_moves_is_given_up() -> None:
    pull = Pull()
    pull.start()
    with pytest.raises(RemoteProtocolError, match="another tree each time"):
        for _ in range(20):
            pull.receive(Error(code=MOVED))
            assert isinstance(pull.next_request(), Check)


def test_a_pull_takes_no_contents() -> None:
    with pytest.raises(LocalProtocolError):
        Pull().receive(Bundle(sizes=()))


def test_what_is_shared_costs_no_look() -> None:
    """The delta of a large tree with one change looks at the folders on the way only."""
    tree = many()
    newest = many({"d1/e1/f": a_file(b"new")})
    assert tree.digest != newest.digest
    moved = replace(a_file(b"new"), mode=0o755)
    assert delta(newest, edited(newest, {RelPath("d1/e1/f"): moved})) == {RelPath("d1/e1/f"): moved}
