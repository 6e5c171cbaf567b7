"""jsync in the supervisor's place: real slaves, scripted from the captures, notice only what is better."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from tests.support.agents import a_pair
from tests.support.dropin import a_master, a_slave, site_for, write
from tests.support.net import Lines, run
from tests.support.peer_slave import RealSlave
from tests.support.peers import ONE_SIX, ONE_THREE, Edition, eventually
from tests.support.site import tree

pytestmark = pytest.mark.e2e


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


def test_the_32_bit_build_survives_the_removal_of_a_folder(tmp_path: Path) -> None:
    """Section 17: from the bottom up, over several answers, also where a file takes the place of the folder."""

    async def story() -> None:
        slave = RealSlave(tmp_path / "copy", 0)
        pair = site_for(tmp_path, slave)
        slave.connect_to(pair.master.tcp_port)
        everybody = pair.remote / "_all"
        names = (
            "gone/a",
            "gone/b",
            "gone/deep/c",
            "kind/a",
            "kind/b",
            "one/a",
            "stays",
            "two/x/1",
            "two/x/2",
            "two/y/1",
        )
        for name in names:
            write(everybody / name, b"x")
        async with a_master(pair), slave:
            await eventually(lambda: slave.is_idle, "the first copy")
            for name in ("gone", "kind", "one", "two"):
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
