"""Roots below folders of somebody else: what he puts in their place is neither written to nor served."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.support.disk import read_tree, write_tree
from tests.support.site import Site, eventually

OTHER = 65534
"""The user who is neither root nor runs the agents."""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="acts as two users")


@pytest.fixture
def site() -> Iterator[Site]:
    """A site that runs as root, where ``caches`` and ``shared`` are another user's, and ``secret`` is root's."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        for shared in ("caches", "shared"):
            (folder / shared).mkdir()
            os.chown(folder / shared, OTHER, OTHER)
        write_tree(folder / "secret", {"_all/key": b"secret"})
        (folder / "secret").chmod(0o700)
        site = Site(folder, interval_s=1)
        site.write(site.remote / "_all" / "key", b"theirs")
        try:
            yield site
        finally:
            site.run("down")


def bend(place: Path, target: Path) -> None:
    """Have the other user put a link there."""
    subprocess.run(["ln", "-s", str(target), str(place)], user=OTHER, check=True, timeout=60)


def holds(site: Site, wanted: dict[str, bytes]) -> bool:
    return read_tree(site.cache()) == wanted


def error(site: Site, host: str) -> str:
    run = site.run("status", host, "-o", "json")
    (agent,) = run.json["agents"]
    return (agent["last_error"] or "") if run.code == 1 else ""


def test_a_slave_of_root_writes_to_no_folder_that_another_chose(site: Site) -> None:
    bend(site.cache(), site.folder / "secret/_all")
    site.up()
    eventually(lambda: f"chown root {site.folder}/caches" in error(site, "slave-0"), what="it is told")
    site.wait_for_line("slave-0", "trust_path")
    site.run("down", "slave-0")
    run = site.run("sync", "slave-0")
    assert run.code != 0 and "trust_path" in run.stderr
    assert read_tree(site.folder / "secret") == {"_all": None, "_all/key": b"secret"}


def test_a_master_of_root_serves_no_folder_that_another_chose(site: Site) -> None:
    site.more = {"master": {"remote": str(site.folder / "shared/remote")}}
    os.chown(site.folder / "caches", 0, 0)
    site.write_inventory()
    bend(site.folder / "shared/remote", site.folder / "secret")
    site.up()
    eventually(lambda: f"chown root {site.folder}/shared" in error(site, "master"), what="it is told")
    assert "trust_path" in site.wait_for_line("master", "SCHEDULER-882")
    site.wait_for_line("slave-0", "SCHEDULER-882")
    assert read_tree(site.cache()) == {}


def test_a_change_of_the_owner_mends_it(site: Site) -> None:
    site.up()
    eventually(lambda: error(site, "slave-0"), what="it is told")
    os.chown(site.folder / "caches", 0, 0)
    eventually(partial(holds, site, {"key": b"theirs"}), what="the copy")
    os.chown(site.folder, OTHER, OTHER)
    eventually(lambda: error(site, "slave-0") and error(site, "master"), what="both are told")
    os.chown(site.folder, 0, 0)
    site.write(site.remote / "_all" / "more", b"1")
    eventually(partial(holds, site, {"key": b"theirs", "more": b"1"}), what="the new copy")


def test_who_trusts_the_path_goes_on(site: Site) -> None:
    write_tree(site.folder / "shared/remote/_all", {"key": b"shared"})
    trusted = {"trust_path": True}
    site.more = {"master": {"remote": str(site.folder / "shared/remote"), **trusted}, "slave-0": trusted}
    site.write_inventory()
    site.up()
    eventually(partial(holds, site, {"key": b"shared"}), what="the copy")


def test_links_of_root_lead_to_releases(site: Site) -> None:
    os.chown(site.folder / "caches", 0, 0)
    for number in "12":
        write_tree(site.folder / "releases" / number, {"_all/key": number.encode()})
    site.more = {"master": {"remote": str(site.folder / "current")}}
    site.write_inventory()
    for number in "12":
        subprocess.run(
            ["ln", "-sfn", f"releases/{number}", str(site.folder / "current")], check=True, timeout=60, cwd=site.folder
        )
        if number == "1":
            site.up()
        eventually(partial(holds, site, {"key": number.encode()}), what=f"release {number}")
