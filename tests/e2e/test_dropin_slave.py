"""jsync in a workload's place: a real supervisor, scripted from the captures, takes it for one of its own."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.agents import Pair, a_pair
from tests.support.captures import conversation
from tests.support.dropin import a_slave, at, is_copy, write
from tests.support.net import Lines, RawPeer, run
from tests.support.peer_supervisor import RealSupervisor
from tests.support.peers import ONE_SIX, ONE_THREE, Edition, eventually
from tests.support.site import tree

pytestmark = pytest.mark.e2e

EDITIONS = pytest.mark.parametrize("edition", [ONE_THREE, ONE_SIX], ids=["1.3", "1.6"])
FETCH = b"supervisor.remote_scheduler.configuration.fetch_updated_files"


def site_of(folder: Path, supervisor: RealSupervisor, **slave: Any) -> Pair:
    pair = a_pair(
        folder, master={"tcp_port": supervisor.port}, slave={"scheduler_id": "workload", "interval_s": 60.0, **slave}
    )
    supervisor.remote = pair.remote
    return pair


def elements(request: bytes) -> list[bytes]:
    return sorted(re.findall(rb"<[^>]*>", request))


@EDITIONS
def test_the_whole_conversation(edition: Edition, tmp_path: Path) -> None:
    """Captures 00 and 06 from the slave's side: the requests are a real slave's, and a wake-up is answered at once."""

    async def story() -> None:
        async with RealSupervisor(tmp_path, edition=edition) as supervisor:
            pair = site_of(tmp_path, supervisor)
            everybody, cache = pair.remote / "_all", pair.cache
            write(everybody / "alock.lock.xml", b"<lock/>\n", "2026-11-24T02:00:00Z")
            write(everybody / "sub" / "inner.job.xml", b"<job/>\n", "2026-11-24T02:00:00Z")
            write(everybody / "empty.txt", b"", "2026-11-24T02:00:00Z")
            (everybody / "emptydir").mkdir()
            async with a_slave(pair):
                await eventually(lambda: is_copy(cache, everybody), "the first copy")
                assert (cache / "alock.lock.xml").stat().st_mtime == at("2026-11-24T02:00:00Z")
                write(everybody / "alock.lock.xml", b"<lock max='3'/>\n", "2026-11-24T03:16:29Z")
                write(pair.own / "own.job.xml", b"<job/>\n")
                await eventually((cache / "own.job.xml").exists, "the change, by UDP")
                (everybody / "empty.txt").unlink()
                await eventually(lambda: not (cache / "empty.txt").exists(), "the removal, by UDP")
                last = supervisor.datagrams[-1]  # those of a second are one
                await eventually(lambda: supervisor.fetched_at[-1] > last, "a fetch behind the last of its datagrams")
            assert supervisor.errors == []
            registration, empty = [m.data for m in conversation("00-canonical") if m.is_request][:2]
            ours = re.sub(rb"(tcp|udp)_port=\"\d+\"", rb'\1_port="5000"', supervisor.requests[0])
            assert re.sub(rb'version="[^"]*"', b"", ours) == re.sub(rb'version="[^"]*"', b"", registration)
            assert supervisor.requests[1] == empty
            listed = elements(supervisor.requests[2])
            assert b'<configuration.directory name="emptydir"/>' in listed
            md5 = hashlib.md5(b"<job/>\n").hexdigest()
            entry = f'<configuration.file name="inner.job.xml" last_write_time="2026-11-24T02:00:00.000Z" md5="{md5}"/>'
            assert entry.encode() in listed
            assert all(request.endswith(b">") for request in supervisor.requests)  # neither NUL nor newline

    run(story())


@EDITIONS
def test_a_nul_that_comes_late_costs_nothing(edition: Edition, tmp_path: Path) -> None:
    """Section 1.3; a real slave loses its connection to it."""

    async def story() -> None:
        async with RealSupervisor(tmp_path, edition=edition, nul_late_s=0.05) as supervisor:
            pair = site_of(tmp_path, supervisor, interval_s=0.05)
            write(pair.remote / "_all" / "a.job.xml", b"<job/>\n")
            async with a_slave(pair):
                await eventually(lambda: len(supervisor.fetches) > 3, "some checks")
            assert len(supervisor.requests) - len(supervisor.fetches) == 1
            assert tree(pair.cache) == {"a.job.xml": b"<job/>\n"}

    run(story())


def test_without_a_udp_port_the_command_port_wakes_it(tmp_path: Path) -> None:
    """Section 6.6."""

    async def story() -> None:
        async with RealSupervisor(tmp_path) as supervisor:
            pair = site_of(tmp_path, supervisor, udp_port=None)
            write(pair.remote / "_all" / "a.job.xml", b"<job/>\n")
            async with a_slave(pair):
                await eventually((pair.cache / "a.job.xml").exists, "the first copy")
                assert b"udp_port" not in supervisor.requests[0]
                write(pair.remote / "_all" / "b.job.xml", b"<job/>\n")
                command = await RawPeer.connect(pair.slave.tcp_port)
                await command.send(b"<check_folders/>")
                assert b"<ok/>" in await command.answer()
                await eventually((pair.cache / "b.job.xml").exists, "the change, by TCP")
                await command.close()
            assert supervisor.datagrams == []

    run(story())


def test_without_any_wake_up_the_interval_brings_a_change(tmp_path: Path) -> None:
    """Section 14, row 8."""

    async def story() -> None:
        async with RealSupervisor(tmp_path, second_s=60) as supervisor:
            pair = site_of(tmp_path, supervisor, interval_s=0.1)
            async with a_slave(pair):
                await eventually(lambda: len(supervisor.fetches) > 1, "a check")
                write(pair.remote / "_all" / "a.job.xml", b"<job/>\n")
                await eventually((pair.cache / "a.job.xml").exists, "the change")
            assert supervisor.datagrams == []

    run(story())


def test_a_supervisor_that_goes_and_comes_back(tmp_path: Path) -> None:
    """Capture 04."""

    async def story() -> None:
        with Lines.of("sync_core.agent") as lines:
            async with RealSupervisor(tmp_path) as supervisor:
                pair = site_of(tmp_path, supervisor)
                write(pair.remote / "_all" / "a.job.xml", b"<job/>\n")
                async with a_slave(pair):
                    await eventually((pair.cache / "a.job.xml").exists, "the first copy")
                    await supervisor.die()
                    await eventually(lambda: any("ERRNO-111" in line for line in lines.messages("WARNING")), "refusal")
                    assert tree(pair.cache) == {"a.job.xml": b"<job/>\n"}
                    write(pair.remote / "_all" / "b.job.xml", b"<job/>\n")
                    async with RealSupervisor(pair.remote, port=supervisor.port):
                        await eventually((pair.cache / "b.job.xml").exists, "the change")
        warnings = lines.messages("WARNING")
        end = f"[127.0.0.1:{pair.master.tcp_port}]"
        assert warnings[0] == f"SCHEDULER-224  Supervisor has closed the connection {end}"
        assert f"ERRNO-111  Connection refused [connect] {end}" in warnings

    run(story())


def test_an_older_connection_that_is_closed_comes_back(tmp_path: Path) -> None:
    """Somebody else with our address and port throws us out (section 2.2); we take the place again."""

    async def story() -> None:
        async with RealSupervisor(tmp_path) as supervisor:
            pair = site_of(tmp_path, supervisor)
            async with a_slave(pair):
                await eventually(lambda: supervisor.fetches, "the first fetch")
                other = await RawPeer.connect(supervisor.port)
                await other.send(b'<register_remote_scheduler tcp_port="%d" version="1"/>' % pair.slave.tcp_port)
                await other.answer()
                assert await other.rest() == b""
                await eventually(lambda: len(supervisor.fetches) > 1, "the fetch of the new connection")
                await other.close()

    run(story())


@pytest.mark.parametrize(
    "refusal",
    [
        "SCHEDULER-121  The security settings do not allow this operation",
        "SCHEDULER-457  Remote scheduler '1' has not been registered",
    ],
)
def test_an_error_of_the_supervisor_leaves_the_copy_alone(refusal: str, tmp_path: Path) -> None:
    """Section 5.4: SCHEDULER-223, and another try."""

    async def story() -> None:
        with Lines.of("sync_core.agent") as lines:
            async with RealSupervisor(tmp_path) as supervisor:
                pair = site_of(tmp_path, supervisor)
                write(pair.remote / "_all" / "a.job.xml", b"<job/>\n")
                async with a_slave(pair):
                    await eventually((pair.cache / "a.job.xml").exists, "the first copy")
                    supervisor.refusals = [refusal]
                    write(pair.remote / "_all" / "b.job.xml", b"<job/>\n")
                    await eventually((pair.cache / "b.job.xml").exists, "the change")
            end = f"127.0.0.1:{pair.master.tcp_port}"
            assert f"SCHEDULER-223  Supervisor has reported an error: {end} [{refusal}]" in lines.messages("WARNING")

    run(story())


def test_names_that_the_schema_refuses_are_not_listed(tmp_path: Path) -> None:
    """Section 14, row 24: one such name in a real slave's cache makes every fetch fail."""

    async def story() -> None:
        with Lines.of("sync_core.agent") as lines:
            async with RealSupervisor(tmp_path) as supervisor:
                pair = site_of(tmp_path, supervisor, interval_s=0.1)
                write(pair.cache / "10€.txt", b"euro")
                write(pair.cache / "Ärger" / "in.txt", b"below")
                write(pair.cache / "umläut.txt", b"fine")
                write(pair.remote / "_all" / "umläut.txt", b"fine")
                async with a_slave(pair):
                    await eventually(lambda: len(supervisor.fetches) > 2, "some checks")
                assert supervisor.errors == []
                assert "umläut.txt".encode() in supervisor.fetches[0]
            warned = [line for line in lines.messages("WARNING") if "can't be listed" in line]
            assert len(warned) == 2
            assert sorted(tree(pair.cache)) == ["10€.txt", "umläut.txt", "Ärger", "Ärger/in.txt"]

    run(story())


def test_times_out_of_range_are_listed_in_a_form_that_the_schema_takes(tmp_path: Path) -> None:
    """Section 1.6: a real slave writes a bare hour for the first days of 1970, and is refused."""

    async def story() -> None:
        async with RealSupervisor(tmp_path) as supervisor:
            pair = site_of(tmp_path, supervisor, interval_s=0.1)
            for name, seconds in (("early.txt", 5), ("late.txt", 5_000_000_000)):
                write(pair.remote / "_all" / name, b"x", seconds)
            async with a_slave(pair):
                await eventually(lambda: len(supervisor.fetches) > 2, "some checks")
            assert supervisor.errors == []
            assert tree(pair.cache) == tree(pair.remote / "_all")

    run(story())


def test_many_wake_ups_at_once_make_few_checks(tmp_path: Path) -> None:
    async def story() -> None:
        async with RealSupervisor(tmp_path) as supervisor:
            pair = site_of(tmp_path, supervisor)
            async with a_slave(pair):
                await eventually(lambda: supervisor.fetches, "the first fetch")
                loop = asyncio.get_running_loop()
                transport, _ = await loop.create_datagram_endpoint(
                    asyncio.DatagramProtocol, remote_addr=("127.0.0.1", pair.slave.udp_port or 0)
                )
                for _ in range(50):
                    transport.sendto(b"<check_folders/>")
                await eventually(lambda: len(supervisor.fetches) > 1, "a check")
                transport.close()
                await asyncio.sleep(0)
            assert len(supervisor.fetches) < 20

    run(story())


def test_a_name_that_leaves_the_cache_is_refused(tmp_path: Path) -> None:
    """Capture 03, "nested name with ..": nothing is written outside, and the slave says what it was."""

    async def story() -> None:
        with Lines.of("sync_core.agent") as lines:
            async with RealSupervisor(tmp_path) as supervisor:
                pair = site_of(tmp_path, supervisor)
                write(pair.remote / "_all" / os.fsdecode(b"back\\slash.txt"), b"x")
                async with a_slave(pair):
                    await eventually(lambda: "slash.txt" in str(lines.messages("WARNING")), "the refusal")
                assert tree(pair.cache) == {}

    run(story())
