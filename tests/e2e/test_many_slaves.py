"""Thousands of JobSchedulers at one master: each is told of a change, once, and fetches it."""

from __future__ import annotations

import hashlib
import resource
import sys
from pathlib import Path

import pytest

from tests.support.crowd import FIRST_PORT, CrowdSite, a_crowd
from tests.support.site import eventually, running_site

pytestmark = pytest.mark.e2e

COUNT = 3500
_NEW = b"<job title='new'/>\n"


def _signals(site: CrowdSite) -> int:
    return site.log("master").count("sending UDP command check_folders")


@pytest.mark.timeout(300)
def test_every_one_of_thousands_is_told_once_and_fetches(tmp_path: Path) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < 2 * COUNT + 200:
        pytest.skip(f"this system allows {hard} open files, {2 * COUNT + 200} are needed")
    site = CrowdSite(tmp_path, COUNT)
    site.write(site.remote / "_all" / "a.job.xml", b"<job/>\n")
    for number in range(FIRST_PORT, FIRST_PORT + 50):
        site.write(site.remote / f"127.0.0.1#{number}" / "own.job.xml", b"<job/>\n")
    with running_site(site, ["master"]), a_crowd(site) as crowd:
        assert crowd.ready["ready"] == COUNT
        site.write(site.remote / "_all" / "new.job.xml", _NEW)
        eventually(lambda: _signals(site) >= COUNT, timeout_s=120, what="signals")
        eventually(lambda: site.run("status", "master", "-o", "json").json["agents"][0]["slaves_in_sync"] == COUNT)
        story = crowd.story()
        assert story["errors"] == []
        assert (story["told"], story["told_twice"], story["fetched"]) == (COUNT, 0, COUNT)
        assert _signals(site) == COUNT
        md5 = hashlib.md5(_NEW).hexdigest()
        (own, own_count), (common, common_count) = story["lists"]
        assert (own_count, common_count) == (50, COUNT - 50)
        assert md5 in own
        assert md5 in common
        assert "own.job.xml" in own


def test_a_system_that_forbids_so_many_connections_is_an_error_in_the_log(tmp_path: Path) -> None:
    site = CrowdSite(tmp_path, 200)
    limit = "resource.setrlimit(resource.RLIMIT_NOFILE, (300, 300))"
    site.prefix = (sys.executable, "-c", f"import os, resource, sys; {limit}; os.execv(sys.argv[1], sys.argv[1:])")
    with running_site(site, ["master"]):
        line = site.wait_for_line("master", "the limit of open files")
        assert "the inventory has 200 slaves of this master, but the system lets it have 150 connections" in line
        assert line.rstrip().endswith("to 456")
