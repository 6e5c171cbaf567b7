"""Both ends joined by a pretend wire that cuts what it carries: an empty slave gets the tree and its contents."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.edit import edited, folder_of
from sync_core.model.file import File, md5_of, sha256_of
from sync_core.model.folder import EMPTY_FOLDER, Folder, walk
from sync_core.model.path import RelPath
from sync_core.protocol.dialect.client import Answered, DialectAnswer, Finished
from sync_core.protocol.dialect.contents import WantedContent, windows
from sync_core.protocol.dialect.messages import Check, Request, Same, Unknown
from sync_core.protocol.dialect.pull import Pull
from tests.protocol.dialect.strategies import content_of, trees
from tests.support.dialect_wire import DialectWire, PretendMaster, contents_of, joined
from tests.support.wire import cut_at, whole

splits = st.one_of(
    st.just(whole),
    st.lists(st.integers(1, 400), max_size=6).map(cut_at),
    st.just(lambda data: [data[n : n + 1] for n in range(len(data))]),
)


def drive(wire: DialectWire, pull: Pull, *, most_bytes: int = 500) -> list[DialectAnswer]:
    """Do what a slave does: come to the newest tree, then ask for its contents; return all events."""
    found, requests = list[DialectAnswer](), list[Request]([pull.start()])
    while requests:
        events = wire.carry(wire.client.ask(requests.pop(0)))
        found += events
        for event in events:
            if isinstance(event, Answered):
                pull.receive(event.answer)
            elif isinstance(event, Finished):
                pull.finished(event.request)
        while (following := pull.next_request()) is not None:
            requests.append(following)
    assert pull.wanted is not None
    wanted = [
        WantedContent(path, entry.sha256, entry.size_bytes)
        for path, entry in walk(pull.wanted)
        if isinstance(entry, File) and entry.sha256 is not None and entry.size_bytes is not None
    ]
    for request in windows(wanted, most_bytes=most_bytes):
        found += wire.carry(wire.client.ask(request))
    return joined(found)


@given(trees, trees, splits)
def test_a_slave_gets_tree_and_contents_however_the_wire_cuts(known: Folder, newest: Folder, split: object) -> None:
    master = PretendMaster(newest, content_of)
    master.history.offer(known)
    pull = Pull(known)
    events = drive(DialectWire(master, split=split), pull, most_bytes=10_000)  # type: ignore[arg-type]
    assert pull.wanted is not None
    assert pull.wanted.digest == newest.digest
    needed = {entry.sha256 for _, entry in walk(newest) if isinstance(entry, File) and entry.sha256 is not None}
    assert set(contents_of(events)) == needed


@given(trees, trees, splits)
def test_the_wires_cuts_mean_nothing(known: Folder, newest: Folder, split: object) -> None:
    found = []
    for cut in (whole, split):
        master = PretendMaster(newest, content_of)
        master.history.offer(known)
        found.append(drive(DialectWire(master, split=cut), Pull(known), most_bytes=10_000))  # type: ignore[arg-type]
    assert found[0] == found[1]


def a_file(content: bytes) -> File:
    return File(md5=md5_of(content), sha256=sha256_of(content), size_bytes=len(content), last_write_time=1, mode=0o600)


def test_a_check_with_nothing_new_is_some_bytes() -> None:
    tree = folder_of({f"{n}": a_file(b"%d" % n) for n in range(1000)})
    wire = DialectWire(PretendMaster(tree, content_of))
    question = wire.client.ask(Check(known=tree.digest, has=tree.digest))
    assert wire.carry(question)[0] == Answered(request=Check(known=tree.digest, has=tree.digest), answer=Same())
    assert len(question) + wire.sent_bytes < 120


def test_one_new_file_is_one_question_with_its_content() -> None:
    tree = folder_of({f"{n}": folder_of({f"{m}": a_file(b"%d" % m) for m in range(50)}) for n in range(20)})
    content = bytes(range(256)) * 5
    newest = edited(tree, {RelPath("7/7"): a_file(content)})
    master = PretendMaster(newest, content_of)
    master.history.offer(tree)
    wire, pull = DialectWire(master), Pull(tree)
    events = wire.carry(wire.client.ask(pull.start()))
    for event in events:
        if isinstance(event, Answered):
            pull.receive(event.answer)
    assert pull.wanted == newest
    assert [(item.path, item.sha256) for item in pull.inline] == [("7/7", sha256_of(content))]
    assert contents_of(events) == {sha256_of(content): content}
    assert wire.sent_bytes < 2000


def test_ten_thousand_files_come_in_some_dozen_frames() -> None:
    contents = {sha256_of(text): text for text in (b"%05d" % n + b"x" * 2043 for n in range(10_000))}
    tree = folder_of(
        {
            f"{d}": folder_of({f"{n}.xml": a_file(b"%05d" % (d * 100 + n) + b"x" * 2043) for n in range(100)})
            for d in range(100)
        }
    )
    wire = DialectWire(PretendMaster(tree, contents.__getitem__))
    pull = Pull()
    assert wire.carry(wire.client.ask(pull.start()))
    frames = 0
    wanted = [
        WantedContent(path, entry.sha256 or b"", entry.size_bytes or 0)
        for path, entry in walk(tree)
        if isinstance(entry, File)
    ]
    found = list[DialectAnswer]()
    for request in windows(wanted):
        found += wire.carry(wire.client.ask(request))
        frames += 2
    assert contents_of(found) == contents
    assert frames <= 60


def test_an_unknown_request_leaves_the_connection_as_it_was() -> None:
    wire = DialectWire(PretendMaster(EMPTY_FOLDER, content_of))
    request = Check(known=EMPTY_FOLDER.digest)
    later = wire.client.ask(request).replace(b"check", b"later")
    assert wire.carry(later)[0] == Answered(request=request, answer=Unknown(what="later"))
    assert wire.carry(wire.client.ask(request))[0] == Answered(request=request, answer=Same())
