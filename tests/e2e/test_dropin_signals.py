"""jsync in the supervisor's place: how real slaves are told of changes, again and again."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from pathlib import Path

import pytest

from sync_core.model.reminder import Rhythm
from tests.support.agents import a_pair
from tests.support.dropin import a_master, a_slave, show_state, site_for, write
from tests.support.net import Lines, run
from tests.support.peer_slave import RealSlave
from tests.support.peers import eventually
from tests.support.site import tree

pytestmark = pytest.mark.e2e

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
