"""jsync in the supervisor's place: real slaves, scripted from the captures, notice only what is better."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import shutil
import socket
from pathlib import Path

import pytest

from sync_core.model.reminder import Rhythm
from sync_core.model.security import AllowedHost, Level
from tests.support.agents import a_pair
from tests.support.captures import Message, Probe, conversation, probes
from tests.support.dropin import a_master, a_slave, show_state, site_for, write
from tests.support.net import Lines, RawPeer, run
from tests.support.peer_slave import RealSlave
from tests.support.peers import ONE_SIX, ONE_THREE, Edition, eventually
from tests.support.site import tree

pytestmark = pytest.mark.e2e

FETCH = b"<supervisor.remote_scheduler.configuration.fetch_updated_files/>"
CAPTURED = [message for message in conversation("00-canonical") if not message.is_request]


def content_of(name: str, message: Message) -> bytes:
    import base64

    found = re.search(rb'name="%s"[^>]*><content encoding="base64">([^<]*)<' % name.encode(), message.data)
    assert found is not None, name
    return base64.b64decode(found[1])


def untimed(answer: bytes) -> bytes:
    return re.sub(rb'<answer time="[^"]*">', b"<answer>", answer)


def fill_as_captured(everybody: Path, own: Path) -> None:
    """The folders of capture 00."""
    full = CAPTURED[1]
    for folder, name in ((own, "alljob.job.xml"), (own, "own.job.xml"), (everybody, "alock.lock.xml")):
        write(folder / name, content_of(name, full), "2026-11-24T02:00:00Z")
    write(everybody / "alljob.job.xml", b"<job>hidden by the slave's own</job>\n", "2026-11-24T01:00:00Z")
    write(everybody / "readme.txt", content_of("readme.txt", full), "2026-11-24T02:00:00Z")
    write(everybody / "sub" / "inner.job.xml", content_of("inner.job.xml", full), "2026-11-24T02:00:00Z")


def test_the_whole_recorded_conversation_byte_by_byte(tmp_path: Path) -> None:
    """Capture 00: registration, first copy, nothing new, a change, a removal, the state, a restart of the slave."""

    async def story() -> None:
        slave = RealSlave(tmp_path / "copy", 0)
        pair = site_for(tmp_path, slave)
        everybody = pair.remote / "_all"
        fill_as_captured(everybody, pair.own)
        slave.connect_to(pair.master.tcp_port)
        async with a_master(pair):
            async with slave:
                await eventually(lambda: slave.is_idle, "the first copy")
                slave.check()
                await eventually(lambda: slave.fetches == 2, "a check without news")
                write(everybody / "alock.lock.xml", content_of("alock.lock.xml", CAPTURED[3]), "2026-11-24T03:16:29Z")
                await eventually(lambda: slave.fetches == 3, "the change, by UDP")
                (everybody / "readme.txt").unlink()
                await eventually(lambda: slave.fetches == 4, "the removal, by UDP")
                assert [payload for _, payload in slave.datagrams] == [b"<check_folders/>"] * 2
            expected = [untimed(message.data) for message in CAPTURED]
            assert [untimed(answer) for answer in slave.answers] == expected[:5]
            assert slave.segments == [1] * 5
            assert slave.unsolicited == b""
            await name_is_known(pair.master.tcp_port)
            state = await show_state(pair.master.tcp_port)
            assert_has_all_of(state, CAPTURED[5].data, port=slave.port)

            async with RealSlave(tmp_path / "copy", pair.master.tcp_port, port=slave.port) as again:
                await eventually(lambda: again.is_idle, "the restarted slave")
                assert [untimed(answer) for answer in again.answers] == expected[6:8]

    run(story())


def assert_has_all_of(state: bytes, captured: bytes, *, port: int) -> None:
    """Every attribute that tools found in the recorded state is in ours, in the same order; times and names differ."""
    for element in (b"state", b"remote_schedulers", b"remote_scheduler"):
        ours = dict(attributes_of(element, state))
        theirs = dict(attributes_of(element, captured))
        if not name_of_localhost():
            theirs.pop(b"hostname", None)
        theirs.pop(b"wait_until", None)  # nothing of ours waits for an hour that a tool could show
        assert [name for name in ours if name in theirs] == list(theirs), element
    ours = dict(attributes_of(b"remote_scheduler", state))
    theirs = dict(attributes_of(b"remote_scheduler", captured))
    for name in (b"ip", b"scheduler_id", b"version", b"connected"):
        assert ours[name] == theirs[name]
    assert ours[b"tcp_port"] == b"%d" % port
    assert ours[b"configuration_directory"] == b"127.0.0.1#%d" % port
    assert b"<subprocesses/>" in state
    assert b"<connections" in state


def name_of_localhost() -> str:
    try:
        return socket.gethostbyaddr("127.0.0.1")[0]
    except OSError:
        return ""


async def name_is_known(port: int) -> None:
    """Wait until the name was looked up: nobody waits for that where an answer is due."""
    expected = f'hostname="{name_of_localhost()}"'.encode()
    for _ in range(200 if name_of_localhost() else 0):
        if expected in await show_state(port):
            return
        await asyncio.sleep(0.02)


def attributes_of(element: bytes, document: bytes) -> list[tuple[bytes, bytes]]:
    found = re.search(rb"<%s( [^>]*?)/?>" % element, document)
    assert found is not None, element
    return re.findall(rb' ([a-z_]+)="([^"]*)"', found[1])


@pytest.mark.parametrize("edition", [ONE_THREE, ONE_SIX], ids=["1.3", "1.6"])
def test_every_edition_is_served(edition: Edition, tmp_path: Path) -> None:
    async def story() -> None:
        slave = RealSlave(tmp_path / "copy", 0, edition=edition)
        pair = site_for(tmp_path, slave)
        slave.connect_to(pair.master.tcp_port)
        everybody = pair.remote / "_all"
        write(everybody / "a b & c<d>.txt", b"odd name\n")
        write(everybody / "empty.txt", b"")
        write(everybody / ".hidden", b"not for anybody")
        write(everybody / "x.job.xml~", b"somebody's file")
        (everybody / "emptydir").mkdir()
        (everybody / "link.lock.xml").symlink_to("empty.txt")
        write(everybody / os.fsdecode(b"uml_\xe4.txt"), b"latin-1")
        write(everybody / "umlä.txt", b"utf-8 within the schema's range")
        async with a_master(pair), slave:
            await eventually(lambda: slave.is_idle, "the first copy")
            expected = {name: content for name, content in tree(everybody).items() if name != ".hidden"}
            assert tree(slave.cache) == expected
            write(everybody / "sub" / "deep" / "new.job.xml", b"<job/>\n")
            await eventually((slave.cache / "sub" / "deep" / "new.job.xml").exists, "the change")
            shutil.rmtree(everybody / "sub")
            await eventually(lambda: not (slave.cache / "sub").exists(), "the removal")
            assert set(slave.segments) == {1}
            assert slave.unsolicited == b""
            assert "WARN" not in str(slave.log)

    run(story())


def test_a_change_of_kind_goes_through_in_both_directions(tmp_path: Path) -> None:
    """Section 14, row 13: the original's answer breaks its own slaves."""

    async def story() -> None:
        slave = RealSlave(tmp_path / "copy", 0)
        pair = site_for(tmp_path, slave)
        slave.connect_to(pair.master.tcp_port)
        spot = pair.remote / "_all" / "kind"
        write(spot, b"a file\n")
        async with a_master(pair), slave:
            await eventually(lambda: slave.is_idle, "the file")
            spot.unlink()
            write(spot / "x.job.xml", b"<job/>\n")
            await eventually((slave.cache / "kind" / "x.job.xml").exists, "the folder")
            shutil.rmtree(spot)
            write(spot, b"a file again\n")
            await eventually((slave.cache / "kind").is_file, "the file again")
            assert "WARN" not in str(slave.log)

    run(story())


def test_equal_times_with_different_contents_are_sent(tmp_path: Path) -> None:
    """Section 14, row 5."""

    async def story() -> None:
        slave = RealSlave(tmp_path / "copy", 0)
        pair = site_for(tmp_path, slave)
        slave.connect_to(pair.master.tcp_port)
        path = pair.remote / "_all" / "same.job.xml"
        write(path, b"<job>1</job>\n", 1_700_000_000)
        async with a_master(pair), slave:
            await eventually(lambda: slave.is_idle, "the first copy")
            write(path, b"<job>2</job>\n", 1_700_000_000)
            await eventually(lambda: (slave.cache / path.name).read_bytes() == b"<job>2</job>\n", "the second content")

    run(story())


def test_both_roles_say_where_they_listen_and_what_they_use(tmp_path: Path) -> None:
    async def story() -> None:
        pair = a_pair(tmp_path)
        master, slave = pair.master.tcp_port, pair.slave.tcp_port
        with Lines.of("sync_core.agent") as lines:
            async with a_master(pair), a_slave(pair):
                pass
        for line in (
            f"SCHEDULER-956  Scheduler expects commands from TCP port {master} ",
            f"SCHEDULER-718  Using 'remote' configuration directory '{pair.remote}/'",
            f"SCHEDULER-956  Scheduler expects commands from UDP port {slave} ",
            f"SCHEDULER-956  Scheduler expects commands from TCP port {slave} ",
            f"SCHEDULER-718  Using 'cache' configuration directory '{pair.cache}/'",
        ):
            assert line in lines.messages("INFO")

    run(story())


def test_a_supervisor_that_was_away_is_found_again(tmp_path: Path) -> None:
    """Capture 04: the connection is lost, tries are refused, then registration and fetch as before."""

    async def story() -> None:
        slave = RealSlave(tmp_path / "copy", 0)
        pair = site_for(tmp_path, slave)
        slave.connect_to(pair.master.tcp_port)
        write(pair.remote / "_all" / "a.job.xml", b"<job/>\n")
        async with slave:
            await eventually(lambda: "Errno 111" in str(slave.log), "a try in vain")
            async with a_master(pair):
                await eventually(lambda: slave.is_idle, "the first copy")
            await eventually(lambda: "SCHEDULER-224" in str(slave.log), "the loss")
            write(pair.remote / "_all" / "b.job.xml", b"<job/>\n")
            async with a_master(pair):
                await eventually(lambda: slave.is_idle, "the second copy")
                assert sorted(tree(slave.cache)) == ["a.job.xml", "b.job.xml"]
                assert slave.requests.count(slave.registration) == 2

    run(story())


def test_a_second_connection_of_the_same_port_closes_the_first(tmp_path: Path) -> None:
    """Capture 06 at 67 s, SCHEDULER-714."""

    async def story() -> None:
        pair = site_for(tmp_path)
        with Lines.of("sync_core.agent") as lines:
            async with a_master(pair):
                first, second = [await RawPeer.connect(pair.master.tcp_port) for _ in range(2)]
                registration = b'<register_remote_scheduler scheduler_id="s" tcp_port="5998" version="1.3.12"/>'
                await first.send(registration)
                assert b"<ok/>" in await first.answer()
                await second.send(registration)
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


def registration(port: int, *, scheduler_id: str = "probe", more: str = "") -> bytes:
    return (
        f'<register_remote_scheduler scheduler_id="{scheduler_id}" tcp_port="{port}"{more} version="1.3.12"/>'
    ).encode()


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


def test_a_remote_folder_that_is_not_there_wipes_nobody(tmp_path: Path) -> None:
    """Section 14, row 10; the original answers an empty tree, and the slave's copy is gone."""

    async def story() -> None:
        slave = RealSlave(tmp_path / "copy", 0)
        pair = site_for(tmp_path, slave, interval_s=0.2)
        slave.connect_to(pair.master.tcp_port)
        write(pair.remote / "_all" / "a.job.xml", b"<job/>\n")
        async with a_master(pair), slave:
            await eventually(lambda: slave.is_idle, "the first copy")
            pair.remote.rename(tmp_path / "unmounted")
            for _ in range(3):  # the folder is missed at the next scan
                await asyncio.sleep(0.2)
                slave.check()
            await eventually(lambda: "SCHEDULER-882" in str(slave.log), "the refusal")
            assert tree(slave.cache) == {"a.job.xml": b"<job/>\n"}

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


QUICK = Rhythm(repeat_s=0.3, warn_after_s=0.6, warn_again_s=3.0)
"""Thirty seconds, sixty and three hundred, a hundred times as fast."""


def test_a_slave_that_does_not_answer_is_told_again_and_again_and_then_warned_of(tmp_path: Path) -> None:
    """Capture 06: the original says it every five seconds. Ours: at once, then every 30 s, by TCP too."""

    async def story() -> None:
        slave = RealSlave(tmp_path / "copy", 0, hears_udp=False)
        slave.ignores_commands = True
        pair = site_for(tmp_path, slave)
        slave.connect_to(pair.master.tcp_port)
        with Lines.of("sync_core.agent") as lines:
            async with a_master(pair, rhythm=QUICK), slave:
                await eventually(lambda: slave.is_idle, "the first copy")
                write(pair.remote / "_all" / "a.job.xml", b"<job/>\n")
                await eventually(lambda: len(slave.datagrams) == 4, "four datagrams")
                pauses = [later - sooner for (sooner, _), (later, _) in itertools.pairwise(slave.datagrams)]
                assert all(pause > 0.25 for pause in pauses)
                assert {payload for _, payload in slave.datagrams} == {b"<check_folders/>"}
                await eventually(lambda: len(slave.tcp_commands) >= 2, "the same by TCP")
                state = await show_state(pair.master.tcp_port)
                assert b'configuration_changed="yes"' in state
                assert b'code="SCHEDULER-474" text="SCHEDULER-474  Workload scheduler is not responding' in state
                slave.check()
                await eventually((slave.cache / "a.job.xml").exists, "the change, in the end")
                told = len(slave.datagrams)
                state = await show_state(pair.master.tcp_port)
                assert b"configuration_changed" not in state
                assert b"<ERROR" not in state
                await asyncio.sleep(2 * QUICK.repeat_s)
                assert len(slave.datagrams) == told
            warnings = [line for line in lines.messages("WARNING") if line.startswith("SCHEDULER-474")]
            assert len(warnings) == 1
            assert "Workload scheduler's configuration can not be updated." in warnings[0]

    run(story())


def test_a_slave_behind_a_firewall_for_udp_is_reminded_by_tcp(tmp_path: Path) -> None:
    async def story() -> None:
        slave = RealSlave(tmp_path / "copy", 0, hears_udp=False)
        pair = site_for(tmp_path, slave)
        slave.connect_to(pair.master.tcp_port)
        async with a_master(pair, rhythm=QUICK), slave:
            await eventually(lambda: slave.is_idle, "the first copy")
            write(pair.remote / "_all" / "a.job.xml", b"<job/>\n")
            await eventually((slave.cache / "a.job.xml").exists, "the change")
            assert len(slave.datagrams) == 2
            assert slave.tcp_commands == [b'<?xml version="1.0" encoding="ISO-8859-1"?>\n<check_folders/>']

    run(story())


@pytest.mark.parametrize("hears_udp", [True, None], ids=["udp", "no udp port"])
def test_a_real_slave_checks_every_interval_because_it_is_told_to(hears_udp: bool | None, tmp_path: Path) -> None:
    """Section 14, row 8: by itself it never would."""

    async def story() -> None:
        slave = RealSlave(tmp_path / "copy", 0, hears_udp=hears_udp)
        pair = site_for(tmp_path, slave, interval_s=0.3)
        slave.connect_to(pair.master.tcp_port)
        async with a_master(pair), slave:
            await eventually(lambda: slave.fetches == 4, "some checks")
            told = slave.datagrams if hears_udp else slave.tcp_commands
            assert 3 <= len(told) <= 4
            assert slave.unsolicited == b""

    run(story())


def test_jsync_slaves_check_by_themselves_and_are_not_told_to(tmp_path: Path) -> None:
    async def story() -> None:
        pair = a_pair(tmp_path, master={"interval_s": 0.2}, slave={"interval_s": 0.2})
        with Lines.of("sync_core.agent") as lines:
            async with a_master(pair), a_slave(pair):
                await eventually(
                    lambda: str(lines.messages("INFO")).count("check configuration directory") > 3, "checks"
                )
            assert "check_folders" not in str(lines.messages("INFO"))

    run(story())


def test_a_slaves_folder_that_vanished_is_said_until_it_is_fetched(tmp_path: Path) -> None:
    """Section 14, row 9: the original says it once, and a lost datagram stays lost."""

    async def story() -> None:
        slave = RealSlave(tmp_path / "copy", 0, hears_udp=False)
        slave.ignores_commands = True
        pair = site_for(tmp_path, slave)
        slave.connect_to(pair.master.tcp_port)
        write(pair.remote / "_all" / "a.job.xml", b"<job/>\n")
        write(pair.own / "own.job.xml", b"<job/>\n")
        async with a_master(pair, rhythm=QUICK), slave:
            await eventually(lambda: slave.is_idle, "the first copy")
            shutil.rmtree(pair.remote / f"127.0.0.1#{slave.port}")
            await eventually(lambda: len(slave.datagrams) == 3, "three datagrams")
            slave.check()
            await eventually(lambda: sorted(tree(slave.cache)) == ["a.job.xml"], "the removal")

    run(story())


def test_the_32_bit_build_survives_the_removal_of_a_folder(tmp_path: Path) -> None:
    """Section 17: first the files, then the empty folder, also where a file takes its place."""

    async def story() -> None:
        slave = RealSlave(tmp_path / "copy", 0, is_fragile=True)
        pair = site_for(tmp_path, slave)
        slave.connect_to(pair.master.tcp_port)
        everybody = pair.remote / "_all"
        for name in ("gone/a", "gone/b", "gone/deep/c", "kind/a", "kind/b", "one/a", "stays"):
            write(everybody / name, b"x")
        async with a_master(pair), slave:
            await eventually(lambda: slave.is_idle, "the first copy")
            for name in ("gone", "kind", "one"):
                shutil.rmtree(everybody / name)
            write(everybody / "kind", b"now a file")
            await eventually(lambda: tree(slave.cache) == {"kind": b"now a file", "stays": b"x"}, "the removal")
            assert not slave.is_dead

    run(story())


def test_names_that_real_slaves_cannot_handle_are_left_out_and_left_alone(tmp_path: Path) -> None:
    """Section 14, row 24."""

    async def story() -> None:
        slave = RealSlave(tmp_path / "copy", 0)
        pair = site_for(tmp_path, slave)
        slave.connect_to(pair.master.tcp_port)
        everybody = pair.remote / "_all"
        write(everybody / "10€.txt", b"euro")
        write(everybody / "Ä" / "x.txt", b"below")
        write(everybody / "fine.txt", b"fine")
        write(slave.cache / "10€.txt", b"of an earlier supervisor")
        with Lines.of("sync_core.agent") as lines:
            async with a_master(pair), slave:
                await eventually(lambda: slave.is_idle, "the first copy")
                write(everybody / "fine.txt", b"changed")
                await eventually(lambda: (slave.cache / "fine.txt").read_bytes() == b"changed", "the change")
                assert tree(slave.cache) == {"10€.txt": b"of an earlier supervisor", "fine.txt": b"changed"}
            warned = [line for line in lines.messages("WARNING") if "is not sent to JobSchedulers" in line]
            assert len(warned) == 2

    run(story())


def test_times_out_of_range_come_back_in_a_form_that_is_understood(tmp_path: Path) -> None:
    """Section 1.6: a real slave lists the first days of 1970 by a bare hour; a real supervisor refuses that."""

    async def story() -> None:
        slave = RealSlave(tmp_path / "copy", 0)
        pair = site_for(tmp_path, slave)
        slave.connect_to(pair.master.tcp_port)
        write(pair.remote / "_all" / "early.txt", b"1", 5)
        write(pair.remote / "_all" / "late.txt", b"2", 5_000_000_000)
        write(slave.cache / "older.txt", b"3", 5)
        write(pair.remote / "_all" / "older.txt", b"3", 5)
        async with a_master(pair), slave:
            await eventually(lambda: slave.is_idle, "the first copy")
            assert b'last_write_time="00:00:05"' in slave.requests[1]
            slave.check()
            await eventually(lambda: slave.fetches == 2, "a check")
            assert b'last_write_time="1970-04-12T00:00:00.000Z"' in slave.requests[2]
            assert b'last_write_time="2038-01-19T03:14:07.000Z"' in slave.requests[2]
            assert b"<configuration.directory/>" in slave.answers[2]

    run(story())


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
