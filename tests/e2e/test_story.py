"""The story of the product with real processes: register, list, fetch, wake-up, diff."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.job_files import fill_with_generated_files, fill_with_live_files
from tests.support.site import Site, eventually, running_site, tree

pytestmark = pytest.mark.e2e


def test_the_conversation_can_be_followed_in_both_logs(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.write(site.remote / "_all" / "stress" / "a.job.xml", b"<job/>\n")
    with running_site(site):
        port = site.ports["slave-0"]
        client = f"(Supervisor_client 127.0.0.1:{site.master_port}) "
        site.wait_for_line(
            "master", 'SCHEDULER-965  Executing command: <register_remote_scheduler scheduler_id="slave-0"'
        )
        site.wait_for_line("slave-0", f"{client}SCHEDULER-950  Scheduler has been registered")
        site.wait_for_line("slave-0", f"check configuration directory {site.cache()}/")
        site.wait_for_line("slave-0", f"{client}SCHEDULER-701  Replicating '/stress/'")
        site.wait_for_line("slave-0", f"{client}SCHEDULER-701  Replicating '/stress/a.job.xml' [")

        site.write(site.remote / "_all" / "stress" / "b.job.xml", b"<job/>\n")
        site.wait_for_line("master", f"sending UDP command check_folders to 127.0.0.1:{port}")
        site.wait_for_line("slave-0", "SCHEDULER-955  UDP message from 127.0.0.1: <check_folders/>")
        site.wait_for_line("slave-0", f"{client}SCHEDULER-701  Replicating '/stress/b.job.xml' [")

        (site.remote / "_all" / "stress" / "b.job.xml").unlink()
        site.wait_for_line("slave-0", f"{client}SCHEDULER-702  Removing '/stress/b.job.xml'")

        site.run("down", "master")
        site.wait_for_line("slave-0", f"{client}SCHEDULER-224  Supervisor has closed the connection")
        site.wait_for_line("slave-0", f"{client}ERRNO-111  Connection refused [connect] [127.0.0.1:{site.master_port}]")
        assert tree(site.cache()) == {"stress": None, "stress/a.job.xml": b"<job/>\n"}


def test_only_the_slaves_concerned_are_woken(tmp_path: Path) -> None:
    site = Site(tmp_path, slaves=2)
    site.own("slave-0")
    site.own("slave-1")
    with running_site(site):
        eventually(site.in_sync, what="in sync")
        site.write(site.own("slave-1") / "mine.job.xml", b"<job/>\n")
        eventually((site.cache("slave-1") / "mine.job.xml").exists, what="the file at slave-1")
        site.wait_for_line("slave-1", "SCHEDULER-955")
        assert "SCHEDULER-955" not in site.log("slave-0")
        assert tree(site.cache("slave-0")) == {}


Fill = Callable[[Path], int]


@pytest.fixture(scope="module", params=[fill_with_live_files, fill_with_generated_files], ids=["live", "generated"])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, int]]:
    site = Site(tmp_path_factory.mktemp("filled"))
    fill: Fill = request.param
    count = fill(site.remote / "_all")
    some = sorted(path for path in (site.remote / "_all").rglob("*.xml"))[:7]
    for path in some:
        mine = site.own() / path.relative_to(site.remote / "_all")
        mine.parent.mkdir(parents=True, exist_ok=True)
        mine.write_bytes(b"<job title='mine'/>\n")
    (site.own() / "only-mine.job.xml").write_bytes(b"<job/>\n")
    with running_site(site):
        eventually(site.in_sync, what="in sync")
        yield site, count + 1


def _expected(site: Site) -> dict[str, bytes | None]:
    return {**tree(site.remote / "_all"), **tree(site.own())}


def test_a_real_tree_arrives_as_it_is(filled: tuple[Site, int]) -> None:
    site, count = filled
    assert tree(site.cache()) == _expected(site)
    sums = site.run("files", "slave-0", "-o", "md5sum").stdout
    assert len(sums.splitlines()) == count
    checked = subprocess.run(
        ["md5sum", "--check", "--strict", "--quiet"],
        input=sums,
        cwd=site.cache(),
        text=True,
        capture_output=True,
        check=False,
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
    assert site.run("files", "master", "--for", "slave-0", "-o", "md5sum").stdout == sums


def test_diff_sees_changes_until_the_wake_up_has_done_its_work(filled: tuple[Site, int]) -> None:
    site, _ = filled
    everything = site.remote / "_all"
    edited, deleted, renamed = sorted(
        p for p in everything.rglob("*.xml") if not (site.own() / p.relative_to(everything)).exists()
    )[:3]
    site.run("down", "slave-0")
    site.write(edited, b"<job title='edited'/>\n")
    site.write(everything / "new-folder" / "new.job.xml", b"<job/>\n")
    deleted.unlink()
    renamed.rename(renamed.with_name("renamed.lock.xml"))
    names = {path.relative_to(everything).as_posix() for path in (edited, deleted, renamed)}
    names |= {
        "new-folder",
        "new-folder/new.job.xml",
        renamed.with_name("renamed.lock.xml").relative_to(everything).as_posix(),
    }

    def seen() -> bool:
        run = site.run("diff", "slave-0", "-o", "json")
        assert run.code == 1, run
        (slave,) = run.json["slaves"]
        return {entry["path"] for entry in slave["entries"]} == names

    eventually(seen, what="all differences")
    (slave,) = site.run("diff", "slave-0", "-o", "json").json["slaves"]
    states = {entry["path"]: entry["state"] for entry in slave["entries"]}
    assert states[edited.relative_to(everything).as_posix()] == "changed"
    assert states[deleted.relative_to(everything).as_posix()] == "extra"
    assert states["new-folder/new.job.xml"] == "missing"
    assert (slave["master_source"], slave["slave_source"]) == ("agent", "local")
    site.up("slave-0")
    eventually(site.in_sync, what="in sync")
    assert tree(site.cache()) == _expected(site)


def test_a_folder_that_goes_or_changes_its_kind_follows(filled: tuple[Site, int]) -> None:
    site, _ = filled
    spot = site.remote / "_all" / "kind"
    site.write(spot / "x.job.xml", b"<job/>\n")
    eventually((site.cache() / "kind" / "x.job.xml").is_file, what="the folder")
    shutil.rmtree(spot)
    site.write(spot, b"now a file\n")
    eventually((site.cache() / "kind").is_file, what="the file")
    spot.unlink()
    eventually(lambda: not (site.cache() / "kind").exists(), what="the removal")
    assert tree(site.cache()) == _expected(site)
