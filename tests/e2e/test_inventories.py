"""Agents of an inventory of many parts: two sources, files of variables, an executable."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.inventory_files import printing, write_files
from tests.support.net import free_port
from tests.support.site import Run, Site

pytestmark = pytest.mark.e2e


def test_agents_get_every_part_of_the_inventory(tmp_path: Path) -> None:
    site = Site(tmp_path, slaves=0)
    port = free_port()
    write_files(
        tmp_path,
        {
            "one/hosts.yaml": "masters: {hosts: {master: }}\n",
            "one/group_vars/all.yml": f"address: 127.0.0.1\nremote: {site.remote}\ntcp_port: {site.master_port}\n",
            "two.sh": printing('{"_meta": {"hostvars": {}}, "slaves": {"hosts": ["slave"]}}'),
            "host_vars/slave.yml": f"cache: caches/slave\ntcp_port: {port}\nudp_port: {port}\n",
        },
    )
    (site.remote / "_all" / "a.job.xml").write_text("<job/>")

    def run(*arguments: str) -> Run:
        return site.run(*arguments, "-i", "one", "-i", "two.sh", "-o", "json")

    try:
        first = run("up", "-d")
        assert (first.code, {agent["outcome"] for agent in first.json["agents"]}) == (0, {"started"})
        again = run("up", "-d")
        assert [agent["pid"] for agent in again.json["agents"]] == [agent["pid"] for agent in first.json["agents"]]
        assert {agent["outcome"] for agent in again.json["agents"]} == {"running"}
        other = site.run("up", "-d", "-i", "two.sh", "-i", "one")
        assert other.code == 2
        assert f"belongs to another inventory: {tmp_path}/one, {tmp_path}/two.sh" in other.stderr
        assert f"`jsync down master -i {tmp_path}/one -i {tmp_path}/two.sh` frees it" in other.stderr
        assert site.run("status", "-q", "-i", "one", "-i", "two.sh").code in {0, 1}
    finally:
        down = run("down")
    assert (down.code, {agent["outcome"] for agent in down.json["agents"]}) == (0, {"stopped"})
