"""Simulated slaves of the dialect against a master that speaks it from memory."""

from __future__ import annotations

import pytest

from benchmarks.crowd.dialect import DialectSpeaker
from sync_core.model.edit import tree_of
from sync_core.model.file import File, md5_of, sha256_of
from sync_core.model.folder import Folder
from sync_core.model.path import RelPath
from sync_core.protocol.dialect.messages import Check
from sync_core.protocol.dialect.preface import PREFACE
from sync_core.protocol.dialect.server import Asked, DialectServer
from tests.support.dialect_wire import PretendMaster

_INVITED = b'<spooler><answer><ok jsync="2"/></answer></spooler>\0'


class Line:
    """A master at the other end of a slave; remembers what was asked."""

    def __init__(self, contents: dict[str, bytes], *, rides_along: bool) -> None:
        self._contents = {sha256_of(content): content for content in contents.values()}
        self.master = PretendMaster(newest=_tree(contents), read=self._contents.__getitem__, rides_along=rides_along)
        self.checks: list[Check] = []
        self._server = DialectServer()

    def change(self, contents: dict[str, bytes]) -> None:
        self._contents |= {sha256_of(content): content for content in contents.values()}
        self.master.newest = _tree(contents)

    def converse(self, speaker: DialectSpeaker, asked: bytes) -> None:
        """Carry everything to and fro until both are silent."""
        while asked:
            self._server.receive_data(asked)
            answered = bytearray()
            while isinstance(event := self._server.next_event(), Asked):
                if isinstance(event.request, Check):
                    self.checks.append(event.request)
                for answer, contents in self.master.answers(event.request):
                    answered += self._server.answer(answer)
                    if contents:
                        answered += self._server.contents(contents)
            asked = speaker.receive(bytes(answered))


def _tree(contents: dict[str, bytes]) -> Folder:
    return tree_of([(RelPath(path), _file(content)) for path, content in contents.items()])


def _file(content: bytes) -> File:
    return File(md5=md5_of(content), sha256=sha256_of(content), size_bytes=len(content), last_write_time=1, mode=0o644)


def begun(line: Line) -> DialectSpeaker:
    speaker = DialectSpeaker(7, 5000)
    assert b'version="1.3.12 (jsync 0.2.0)"' in speaker.begin()
    asked = speaker.receive(_INVITED)
    assert asked.startswith(PREFACE)
    line.converse(speaker, asked[len(PREFACE) :])
    return speaker


@pytest.mark.parametrize("rides_along", [True, False])
def test_it_comes_to_the_masters_tree_and_says_so(rides_along: bool) -> None:
    first = {"a.job.xml": b"one", "b/c.job.xml": b"two" * 1000, "b/empty": b""}
    line = Line(first, rides_along=rides_along)
    speaker = begun(line)
    assert speaker.holds("a.job.xml", md5_of(b"one"))
    assert line.checks[-1].has == line.master.newest.digest
    line.change({**first, "a.job.xml": b"three"})
    line.converse(speaker, speaker.check())
    assert speaker.holds("a.job.xml", md5_of(b"three"))
    assert line.checks[-1].has == line.master.newest.digest


def test_a_check_with_nothing_new_is_one_question() -> None:
    line = Line({"a.job.xml": b"one"}, rides_along=True)
    speaker = begun(line)
    before = len(line.checks)
    line.converse(speaker, speaker.check())
    assert len(line.checks) == before + 1


def test_a_content_that_is_another_one_is_refused() -> None:
    line = Line({"a.job.xml": b"one"}, rides_along=False)
    line.master.read = lambda _: b"two"
    with pytest.raises(ValueError, match="another digest"):
        begun(line)


def test_a_master_that_does_not_speak_it_is_said() -> None:
    with pytest.raises(ValueError, match="does not speak the dialect"):
        DialectSpeaker(7, 5000).receive(b'<spooler><answer><ok jsync="1"/></answer></spooler>\0')
