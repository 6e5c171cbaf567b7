"""Roots on disks that go away: nothing is written to the mount point, and nothing is served from it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.support.mounts import Mounts, mounts
from tests.support.site import Run, Site, eventually

CHANGED = "is not what it was"


@pytest.fixture
def space() -> Iterator[Mounts]:
    with mounts() as found:
        yield found


@pytest.fixture
def site(tmp_path: Path, space: Mounts) -> Iterator[Site]:
    site = Site(tmp_path, interval_s=1, prefix=space.prefix)
    site.cache().mkdir(parents=True)
    (site.remote / "_all" / "a").write_bytes(b"1")
    try:
        yield site
    finally:
        site.run("down")


def status(site: Site, host: str) -> tuple[Run, str]:
    run = site.run("status", host, "-o", "json")
    (agent,) = run.json["agents"]
    return run, agent["last_error"] or ""


def is_refused(site: Site, host: str) -> bool:
    run, error = status(site, host)
    return run.code == 1 and CHANGED in error and f"jsync up --accept-new-root {host}" in error


def holds(space: Mounts, site: Site, names: list[str]) -> bool:
    return space.names(site.cache()) == names


def test_a_cache_that_was_unmounted_is_not_filled_again(site: Site, space: Mounts) -> None:
    space.tmpfs(site.cache())
    site.up()
    eventually(lambda: space.names(site.cache()) == ["a"], what="the copy")
    space.run("umount", str(site.cache()))
    eventually(lambda: is_refused(site, "slave-0"), what="it is told")
    site.write(site.remote / "_all" / "b", b"2")
    site.wait_for_line("slave-0", CHANGED)
    site.run("down", "slave-0")
    site.up("slave-0")  # a restart forgets nothing
    eventually(lambda: is_refused(site, "slave-0"), what="it is told again")
    site.run("down", "slave-0")
    assert CHANGED in site.run("sync", "slave-0").stderr
    assert space.names(site.cache()) == []
    assert site.run("up", "--accept-new-root").code == 2
    assert site.run("up", "--accept-new-root", "slave-0").code == 0
    eventually(lambda: space.names(site.cache()) == ["a", "b"], what="the copy")
    eventually(lambda: status(site, "slave-0")[0].code == 0, what="all is well")


def test_a_cache_that_is_mounted_again_is_kept_on(site: Site, space: Mounts) -> None:
    disk = site.folder / "disk"
    disk.mkdir()
    space.run("mount", "--bind", str(disk), str(site.cache()))
    site.up()
    eventually(lambda: space.names(site.cache()) == ["a"], what="the copy")
    space.run("umount", str(site.cache()))
    eventually(lambda: is_refused(site, "slave-0"), what="it is told")
    space.run("mount", "--bind", str(disk), str(site.cache()))
    eventually(lambda: status(site, "slave-0")[0].code == 0, what="all is well")
    assert not any(site.cache().iterdir())  # seen from outside: the mount point


def test_a_remote_on_another_file_system_is_not_served(site: Site, space: Mounts) -> None:
    site.up()
    eventually(lambda: space.names(site.cache()) == ["a"], what="the copy")
    space.tmpfs(site.remote)
    space.run("mkdir", str(site.remote / "_all"))
    space.run("touch", str(site.remote / "_all" / "other"))
    eventually(lambda: is_refused(site, "master"), what="it is told")
    site.wait_for_line("master", CHANGED)
    assert space.names(site.cache()) == ["a"]
    assert site.run("up", "--accept-new-root", "master").code == 0
    eventually(lambda: space.names(site.cache()) == ["other"], what="the new one")


def test_deploys_on_the_same_file_system_are_no_alarm(site: Site, space: Mounts) -> None:
    site.more["slave-0"] = {"max_delete": 1000}
    site.write_inventory()
    releases = site.folder / "releases"
    for number in "12":
        (releases / number / "_all").mkdir(parents=True)
        (releases / number / "_all" / f"r{number}").write_bytes(b"1")
    site.up()
    eventually(lambda: space.names(site.cache()) == ["a"], what="the copy")
    space.run("mv", str(site.remote), str(site.folder / "old"))
    space.run("cp", "-a", str(site.folder / "old"), str(site.remote))
    (site.remote / "_all" / "b").write_bytes(b"2")
    eventually(lambda: space.names(site.cache()) == ["a", "b"], what="what was copied back")
    for number in "12":
        space.run("mv", str(site.remote), str(site.folder / f"before-{number}"))
        space.run("ln", "-sfn", str(releases / number), str(site.remote))
        site.write(releases / number / "_all" / "c", b"3")
        wanted = ["c", f"r{number}"]
        eventually(partial(holds, space, site, wanted), what=f"release {number}")
    assert CHANGED not in site.log("master")
