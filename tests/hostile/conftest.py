from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.hostile.driver import ADDRESSES, ALLOWED, Target
from tests.support.site import Site, eventually, running_site, tree


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A master and its slave, both of which others may reach too; there is another one that does not run."""
    folder: Path = tmp_path_factory.mktemp("hostile")
    slave = {"allowed_hosts": ALLOWED, "address": ADDRESSES["peer"]}
    site = Site(folder, slaves=2, more={"master": {"allowed_hosts": ALLOWED}, "slave-0": slave})
    for number in range(20):
        site.write(site.remote / "_all" / f"job-{number}.job.xml", b"<job/>\n" * 100)
    site.write(site.remote / "slave-1" / "own.job.xml", b"<job/>\n")
    with running_site(site, ("master", "slave-0")):
        eventually(lambda: len(tree(site.cache())) == 20, what="the first copy")
        yield site


@pytest.fixture(scope="module")
def target(site: Site) -> Callable[[str], Target]:
    """Give the agent of that role, warmed up."""
    targets: dict[str, Target] = {}

    def of(role: str) -> Target:
        if role not in targets:
            host, port = ("master", site.master_port) if role == "master" else ("slave-0", site.ports["slave-0"])
            targets[role] = Target(site, host, port)
            asyncio.run(targets[role].warm_up())
        return targets[role]

    return of
