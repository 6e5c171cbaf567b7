"""jsync in the supervisor's place: what single requests are answered, as recorded from a real one."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from sync_core.model.security import AllowedHost, Level
from tests.support.agents import a_pair
from tests.support.captures import Probe, probes
from tests.support.dropin import a_master, a_slave, show_state, site_for, write
from tests.support.net import Lines, RawPeer, run

pytestmark = pytest.mark.e2e

FETCH = b"<supervisor.remote_scheduler.configuration.fetch_updated_files/>"


def registration(port: int, *, scheduler_id: str = "probe", more: str = "") -> bytes:
    return (
        f'<register_remote_scheduler scheduler_id="{scheduler_id}" tcp_port="{port}"{more} version="1.3.12"/>'
    ).encode()


def test_a_second_connection_of_the_same_port_closes_the_first(tmp_path: Path) -> None:
    """Capture 06 at 67 s, SCHEDULER-714."""

    async def story() -> None:
        pair = site_for(tmp_path)
        with Lines.of("sync_core.agent") as lines:
            async with a_master(pair):
                first, second = [await RawPeer.connect(pair.master.tcp_port) for _ in range(2)]
                await first.send(registration(5998))
                assert b"<ok/>" in await first.answer()
                await second.send(registration(5998))
                assert b"<ok/>" in await second.answer()
                assert await first.rest() == b""
                await second.send(FETCH)
                assert b"<configuration.directory/>" in await second.answer()
                state = await show_state(pair.master.tcp_port)
                assert b'<remote_schedulers count="1" connected="1"' in state
                await first.close()
                await second.close()
            (warning,) = lines.messages("WARNING")
            assert warning.startswith("SCHEDULER-714  Scheduler 127.0.0.1:5998 is already registered via connection ")

    run(story())


# Folders below remote, the registration, and what is fetched. Capture 10; but a folder by scheduler id does not stick
# to a slave that comes back as no cluster member, and a cluster member that also has a host#port folder gets that one
# (cli.md section 1).
CHOICES = {
    "cluster member": (
        ["_all/a", "clus/c"],
        registration(5997, scheduler_id="clus", more=' is_cluster_member="yes"'),
        [b"a", b"c"],
    ),
    "no cluster member": (["_all/a", "clus/c"], registration(5997, scheduler_id="clus"), [b"a"]),
    "localhost#port": (["_all/a", "localhost#5997/l"], registration(5997), [b"a", b"l"]),
    "another port": (["_all/a", "localhost#5996/l"], registration(5997), [b"a"]),
    "no port": (["_all/a", "localhost#/l", "localhost/m"], registration(5997), [b"a"]),
    "neither": ([], registration(5997), []),
    "no _all": (["127.0.0.1#5997/c"], registration(5997), [b"c"]),
    "own before _all": (["_all/a", "127.0.0.1#5997/a"], registration(5997), [b"a"]),
    "an id cannot leave": (["_all/a"], registration(5997, scheduler_id="..", more=' is_cluster_member="yes"'), [b"a"]),
}


@pytest.mark.parametrize("case", CHOICES.values(), ids=CHOICES.keys())
def test_the_directory_of_a_slave(case: tuple[list[str], bytes, list[bytes]], tmp_path: Path) -> None:
    paths, register, expected = case

    async def story() -> None:
        pair = site_for(tmp_path)
        (pair.remote / "_all").rmdir()
        for path in paths:
            write(pair.remote / path, path.encode())
        async with a_master(pair):
            peer = await RawPeer.connect(pair.master.tcp_port)
            await peer.send(register)
            await peer.answer()
            await peer.send(FETCH)
            answer = await peer.answer()
            assert re.findall(rb'<configuration.file name="([^"]*)"', answer) == expected
            if paths == CHOICES["own before _all"][0]:
                assert b"MTI3LjAuMC4xIzU5OTcvYQ==" in answer
            await peer.close()

    run(story())


@pytest.mark.parametrize("probe", probes(), ids=lambda probe: probe.title)
def test_odd_requests_are_answered_as_by_the_real_supervisor(probe: Probe, tmp_path: Path) -> None:
    """Capture 02, over a socket: the same elements and codes, and the connection is as it was."""

    async def story() -> None:
        pair = site_for(tmp_path, port=5999)
        fill_for_probes(pair.remote / "_all")
        async with a_master(pair):
            peer = await RawPeer.connect(pair.master.tcp_port)
            answers = []
            for number, packet in enumerate(probe.packets):
                await peer.send(packet)
                if len(probe.packets) == len(probe.answers) or (number == len(probe.packets) - 1 and probe.answers):
                    answers.append(await peer.answer() if probe.title != "HTTP" else await peer.rest())
                else:
                    await asyncio.sleep(0.02)  # it is the separate packet that counts
            if probe.title == "HTTP":
                assert answers[0].startswith(b"HTTP/1.0 404 ")
                await peer.close()
                return
            assert len(answers) == len(probe.answers)
            for ours, recorded in zip(answers, probe.answers, strict=True):
                is_whole = recorded.endswith(b"\0")
                assert outline(ours)[: None if is_whole else len(outline(recorded))] == outline(recorded)
            if not probe.is_open:  # "half close"
                peer.writer.write_eof()
                assert await peer.rest() == b""
            else:
                await assert_open(peer, probe)
            await peer.close()

    run(story())


def fill_for_probes(everybody: Path) -> None:
    """The folder of capture 02."""
    write(everybody / "alljob.job.xml", b"<job/>\n", "2026-11-24T02:00:00Z")
    write(everybody / "alock.lock.xml", b"<lock/>\n", "2026-11-24T03:02:45Z")
    write(everybody / "newdir" / "n.job.xml", b"<job/>\n", "2026-11-24T03:03:07Z")


def outline(answer: bytes) -> list[bytes]:
    """Return the tags and line ends of an answer without times, contents, and the wording of refusals."""
    plain = re.sub(rb'(time|text|last_write_time)="[^"]*"', b"", answer)
    return re.findall(rb"<[^>]*>|\r\n *|\n|\0", plain)


async def assert_open(peer: RawPeer, probe: Probe) -> None:
    """Whatever was begun is ended first; then the connection still answers."""
    endings = {"bare text": b"\n", "bare text + NUL": b"\n", "prolog only": b"<s/>", "prolog only + LF": b"<s/>"}
    if probe.title in endings:
        await peer.send(endings[probe.title])
        await peer.answer()
    await peer.send(b"<check_folders/>")
    assert b"<ok/>" in await peer.answer()


LEVELS = {
    None: ["EOF"] * 4,
    Level.NONE: ["EOF"] * 4,
    Level.SIGNAL: ["EOF"] * 4,
    Level.INFO: ["state", "SCHEDULER-121", "SCHEDULER-457", "ok"],
    Level.NO_ADD: ["state", "ok", "configuration.directory", "ok"],
    Level.ALL: ["state", "ok", "configuration.directory", "ok"],
}


@pytest.mark.parametrize("level", LEVELS, ids=str)
def test_what_each_security_level_allows(level: Level | None, tmp_path: Path) -> None:
    """Capture 09; with ``info`` the fetch is refused one step earlier, for its level (section 10)."""

    async def story() -> None:
        allowed = () if level is None else (AllowedHost(host="127.0.0.1", level=level),)
        pair = site_for(tmp_path, allowed_hosts=allowed)
        async with a_master(pair):
            found = []
            peer = await RawPeer.connect(pair.master.tcp_port)
            for request in (b"<show_state/>", registration(5999), FETCH, b"<check_folders/>"):
                try:
                    await peer.send(request)
                    found.append(result_of(await peer.answer()))
                except (asyncio.IncompleteReadError, OSError):
                    found.append("EOF")
            assert found == LEVELS[level]
            await peer.close()

    run(story())


def result_of(answer: bytes) -> str:
    found = re.search(rb'<answer time="[^"]*"><(?:ERROR [^>]*code="([^"]*)"|([a-z_.]+))', answer)
    assert found is not None, answer
    return (found[1] or found[2]).decode()


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (b"<show_cluster/>", b'<cluster><remote_schedulers count="0" connected="0" active="0"/></cluster>'),
        (b'<param.get name="x"/>', b"<ok/>"),
        (b"<params.get/>", b"<params/>"),
        (b"<s/>", b'<remote_schedulers count="0" connected="0" active="0"/>'),
        (b'<show_state what="bad"/>', b'code="SCHEDULER-164"'),
        (b'<terminate timeout="9"/>', b'code="SCHEDULER-105" text="SCHEDULER-105  Unknown command \'terminate\'"'),
        (b"<never_heard_of/>", b'code="LIBXML2-007"'),
    ],
)
def test_other_commands_of_section_11(request_: bytes, expected: bytes, tmp_path: Path) -> None:
    async def story() -> None:
        pair = a_pair(tmp_path)
        async with a_master(pair):
            assert expected in await show_state(pair.master.tcp_port, request_)
        async with a_slave(pair):
            assert expected in await show_state(pair.slave.tcp_port, request_)

    run(story())
