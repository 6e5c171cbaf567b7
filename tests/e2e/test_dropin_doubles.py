"""The scripted JobSchedulers among themselves, without any jsync: what kills a real slave kills the scripted one."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from tests.support.peer_slave import RealSlave
from tests.support.peer_supervisor import RealSupervisor
from tests.support.peers import ONE_SIX, ONE_THREE, Edition, eventually

pytestmark = pytest.mark.e2e

DEADLY = {
    "two files": ("d/a", "d/b"),
    "two empty folders": ("d/e/", "d/f/"),
    "a file and a folder": ("d/a", "d/e/"),
    "two files below": ("d/e/a", "d/e/b"),
    "two folders further below": ("d/e/f/g/", "d/e/f/h/"),
}
HARMLESS = {"empty": ("d/",), "one file": ("d/a",), "one in each": ("d/e/f/a",)}


def removed(tmp_path: Path, names: tuple[str, ...], edition: Edition) -> RealSlave:
    """Let a real supervisor tell a real slave that ``d`` is gone; return the slave after its next conversation."""
    everybody = tmp_path / "remote" / "_all"
    for name in names:
        place = everybody / name
        (place if name.endswith("/") else place.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            place.write_bytes(b"x")

    async def story() -> RealSlave:
        async with (
            RealSupervisor(tmp_path / "remote", edition=edition, second_s=3600) as supervisor,
            RealSlave(tmp_path / "copy", supervisor.port, edition=edition) as slave,
        ):
            await eventually(lambda: slave.is_idle, "the first copy")
            shutil.rmtree(everybody / "d")
            slave.check()
            await eventually(lambda: slave.is_dead or not (slave.cache / "d").exists(), "the removal")
            if slave.is_dead:
                with pytest.raises(OSError, match="onnect"):
                    await asyncio.open_connection("127.0.0.1", slave.port)
            return slave

    return asyncio.run(story())


@pytest.mark.parametrize("names", DEADLY.values(), ids=DEADLY)
def test_it_dies_of_a_removed_folder_with_several_entries(tmp_path: Path, names: tuple[str, ...]) -> None:
    assert removed(tmp_path, names, ONE_THREE).is_dead
    assert (tmp_path / "copy" / "d").is_dir()


@pytest.mark.parametrize("names", HARMLESS.values(), ids=HARMLESS)
def test_one_entry_in_each_does_it_no_harm(tmp_path: Path, names: tuple[str, ...]) -> None:
    assert not removed(tmp_path, names, ONE_THREE).is_dead


def test_later_editions_do_not_die_of_it(tmp_path: Path) -> None:
    assert not removed(tmp_path, DEADLY["two files"], ONE_SIX).is_dead
