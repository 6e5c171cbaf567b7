"""Bad input gets a clear error, and nothing is lost."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from tests.support.site import Site, eventually, running_site, tree

pytestmark = pytest.mark.e2e

NOBODY = 65534


def test_malformed_xml_is_answered_and_the_connection_lives(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with running_site(site, ["master"]), socket.create_connection(("127.0.0.1", site.master_port), timeout=30) as peer:
        for request, expected in (
            (b"<show_state></show_statf>", b'code="XML-ERROR"'),
            (b"<unknown_cmd/>", b'code="LIBXML2-007"'),
            (b"<supervisor.remote_scheduler.configuration.fetch_updated_files/>", b'code="SCHEDULER-457"'),
            (b"<show_state/>", b"<state "),
        ):
            peer.sendall(request)
            answer = b""
            while not answer.endswith(b"\0"):
                block = peer.recv(65536)
                assert block, f"closed after {request!r}"
                answer += block
            assert expected in answer


def test_a_remote_folder_that_vanished_is_an_error_and_not_an_empty_tree(tmp_path: Path) -> None:
    site = Site(tmp_path, interval_s=1)
    site.write(site.remote / "_all" / "a.job.xml", b"<job/>\n")
    with running_site(site):
        eventually(lambda: tree(site.cache()), what="the first copy")
        site.remote.rename(site.folder / "unmounted")
        site.wait_for_line("master", "SCHEDULER-882")
        site.wait_for_line("slave-0", "SCHEDULER-223")
        run = site.run("diff", "slave-0", "-o", "json")
        assert run.code == 2
        (slave,) = run.json["slaves"]
        assert (slave["in_sync"], slave["error"]["code"]) == (None, "root-vanished")
        assert tree(site.cache()) == {"a.job.xml": b"<job/>\n"}
        (site.folder / "unmounted").rename(site.remote)
        site.write(site.remote / "_all" / "b.job.xml", b"<job/>\n")
        eventually((site.cache() / "b.job.xml").exists, what="the next change")


def test_an_all_folder_that_vanished_empties_nobody(tmp_path: Path) -> None:
    site = Site(tmp_path, interval_s=1)
    for name in ("a.job.xml", "b.job.xml", "c.job.xml"):
        site.write(site.remote / "_all" / name, b"<job/>\n")
    with running_site(site):
        eventually(lambda: len(tree(site.cache())) == 3, what="the first copy")
        shutil.rmtree(site.remote / "_all")
        site.wait_for_line("slave-0", "max_delete")
        assert len(tree(site.cache())) == 3
        status = site.run("status", "slave-0", "-o", "json")
        assert status.code == 1
        assert "max_delete" in status.json["agents"][0]["last_error"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to make a file that its reader doesn't own")
def test_an_unreadable_file_is_reported_and_the_slave_keeps_its_old_copy(tmp_path: Path) -> None:
    rights = "-dac_override,-dac_read_search"
    site = Site(tmp_path, interval_s=2, prefix=("setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}"))
    secret = site.remote / "_all" / "secret.job.xml"
    site.write(secret, b"<job/>\n")
    with running_site(site):
        eventually(lambda: len(tree(site.cache())) == 1, what="the first copy")
        site.write(secret, b"<job title='new'/>\n")
        os.chown(secret, NOBODY, NOBODY)
        secret.chmod(0)
        site.write(site.remote / "_all" / "other.job.xml", b"<job/>\n")
        eventually((site.cache() / "other.job.xml").exists, what="the other change")
        site.wait_for_line("master", "secret.job.xml is left out")
        assert (site.cache() / "secret.job.xml").is_file()
        run = site.run("diff", "slave-0", "-o", "json")
        assert run.code == 2
        assert "secret.job.xml" in run.json["slaves"][0]["error"]["message"]
        os.chown(secret, 0, 0)
        secret.chmod(0o644)
        copy = site.cache() / "secret.job.xml"
        eventually(lambda: copy.read_bytes() == b"<job title='new'/>\n", what="the new content")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to make a small file system")
def test_a_full_disk_leaves_the_old_state(tmp_path: Path) -> None:
    site = Site(tmp_path, interval_s=1)
    site.cache().mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(site.cache())],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        site.write(site.remote / "_all" / "a.job.xml", b"<job/>\n")
        with running_site(site):
            eventually(lambda: tree(site.cache()) == {"a.job.xml": b"<job/>\n"}, what="the first copy")
            site.write(site.remote / "_all" / "big.job.xml", os.urandom(200_000))
            site.write(site.remote / "_all" / "a.job.xml", b"<job title='new'/>\n")
            site.wait_for_line("slave-0", "No space left")
            assert set(tree(site.cache())) == {"a.job.xml"}
            site.write(site.remote / "_all" / "big.job.xml", b"small\n")
            eventually(site.in_sync, what="in sync")
            assert tree(site.cache()) == {"a.job.xml": b"<job title='new'/>\n", "big.job.xml": b"small\n"}
    finally:
        subprocess.run(["umount", "-l", str(site.cache())], check=False)


def test_a_file_that_is_being_written_is_never_handed_out(tmp_path: Path) -> None:
    site = Site(tmp_path, interval_s=1)
    growing = site.remote / "_all" / "growing.job.xml"
    site.write(site.remote / "_all" / "a.job.xml", b"<job/>\n")
    with running_site(site):
        eventually(lambda: tree(site.cache()), what="the first copy")
        with growing.open("wb") as file:
            file.write(b"<job>")
            file.flush()
            checks = site.log("slave-0").count("check configuration directory")
            eventually(
                lambda: site.log("slave-0").count("check configuration directory") >= checks + 2, what="two checks"
            )
            assert not (site.cache() / "growing.job.xml").exists()
            diff = site.run("diff", "slave-0", "-o", "json").json["slaves"][0]
            assert (diff["in_sync"], diff["settling"]) == (True, 1)
            file.write(b"</job>\n")
        eventually((site.cache() / "growing.job.xml").exists, what="the finished file")
        assert growing.read_bytes() == (site.cache() / "growing.job.xml").read_bytes() == b"<job></job>\n"
