"""Who may send how much."""

from __future__ import annotations

import pytest

from sync_core.model.security import Level
from sync_core.net.server import ServerLimits
from sync_core.net.server_limits import most_listed
from sync_core.protocol.messages import FetchUpdatedFiles
from tests.support.handlers import OK, Recorder, serving
from tests.support.http import post
from tests.support.net import RawPeer, run

LIST = b"supervisor.remote_scheduler.configuration.fetch_updated_files"
KIB = 1024


def a_list(entries: int) -> bytes:
    files = b"".join(b'<configuration.file name="job%06d.job.xml"/>' % number for number in range(entries))
    return b"<%b>%b</%b>" % (LIST, files, LIST)


def test_who_may_only_look_sends_little() -> None:
    assert ServerLimits().most_bytes(Level.INFO, 1_000_000) == 64 * KIB
    assert ServerLimits().most_bytes(Level.NO_ADD, 40_000) == 64 * KIB + 40_000 * 256
    assert ServerLimits().most_bytes(Level.ALL, 1 << 40) == 1 << 28


@pytest.mark.parametrize(
    ("view_entries", "listed"), [(0, 40_000), (10_000, 40_000), (20_000, 80_000), (None, 1_000_000)]
)
def test_a_list_may_be_some_times_as_long_as_the_view(view_entries: int | None, listed: int) -> None:
    assert most_listed(view_entries) == listed


@pytest.mark.parametrize("is_http", [False, True])
def test_a_list_of_too_many_entries_is_refused(is_http: bool) -> None:
    async def scenario() -> None:
        recorder = Recorder()
        async with serving(recorder, most_entries=lambda: 2000) as server:
            for entries, is_fine in ((2000, True), (3000, False)):
                peer = await RawPeer.connect(server.port)
                await peer.send(post(a_list(entries)) if is_http else a_list(entries))
                answer = await peer.reader.readuntil(b"</spooler>")
                assert (b"XML-ERROR" not in answer) == is_fine
                await peer.close()
            assert is_http or [type(request) for request in recorder.requests] == [FetchUpdatedFiles]

    run(scenario())


def test_the_bound_is_that_of_the_moment() -> None:
    most_entries = [10]

    async def scenario() -> None:
        async with serving(Recorder(), most_entries=lambda: most_entries[0]) as server:
            peer = await RawPeer.connect(server.port)
            await peer.send(a_list(1000))
            assert b"XML-ERROR" in await peer.answer()
            most_entries[0] = 1000
            await peer.send(a_list(1000))
            assert await peer.answer() == OK
            await peer.close()

    run(scenario())
