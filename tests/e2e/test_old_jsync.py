"""A jsync of before our own dialect (0.1, commit 481da78) on the one side, this one on the other: they stay classic."""

from __future__ import annotations

import subprocess
import tarfile
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import pytest

from tests.support.site import PROJECT, Site, eventually, running_site, tree

pytestmark = pytest.mark.e2e

_OLD = "481da78"


@dataclass
class MixedSite(Site):
    """A site of which one role runs an older jsync."""

    old: Path = field(kw_only=True)
    is_old: bool = False

    def environment(self) -> dict[str, str]:
        """The environment of the jsync that is to run now."""
        source = self.old if self.is_old else PROJECT
        return {**super().environment(), "PYTHONPATH": str(source)}

    def up_with_old(self, host: str) -> None:
        """Start an agent of the older jsync."""
        self.is_old = True
        self.up(host)
        self.is_old = False


@pytest.fixture(scope="module")
def old_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The older jsync, from the history of this checkout."""
    pytest.importorskip("watchdog", reason="jsync 0.1 watches folders with watchdog")
    done = subprocess.run(["git", "-C", str(PROJECT), "archive", _OLD], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"the history of this checkout does not reach back to {_OLD}")
    folder = tmp_path_factory.mktemp("old-jsync")
    with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.mark.timeout(180)
@pytest.mark.parametrize("old_role", ["master", "slave-0"])
def test_they_keep_a_folder_the_same(old_role: str, old_source: Path, tmp_path: Path) -> None:
    new_role = "slave-0" if old_role == "master" else "master"
    site = MixedSite(tmp_path, old=old_source)
    shared = {"a.job.xml": b"<job/>\n", "sub/b.job.xml": b"<job order='yes'/>\n", "empty": None}
    for path, content in shared.items():
        if content is None:
            (site.remote / "_all" / path).mkdir()
        else:
            site.write(site.remote / "_all" / path, content)
    site.write(site.own() / "own.job.xml", b"<job/>\n")
    with running_site(site, [new_role]):
        site.up_with_old(old_role)
        first = {"a.job.xml": b"<job/>\n", "sub/b.job.xml": b"<job order='yes'/>\n", "own.job.xml": b"<job/>\n"}
        eventually(lambda: _files(site) == first, what="the first copy")
        site.write(site.remote / "_all" / "a.job.xml", b"<job><script/></job>\n")
        site.wait_for_line("slave-0", "SCHEDULER-955")
        eventually(lambda: _files(site).get("a.job.xml") == b"<job><script/></job>\n", what="the change")
        (site.own() / "own.job.xml").unlink()
        eventually(lambda: "own.job.xml" not in _files(site), what="the removal")
        diff = site.run("diff", "slave-0", "-o", "json")
        assert diff.json["in_sync"] is True, diff.stdout
        assert diff.json["slaves"][0]["master_source"] == diff.json["slaves"][0]["slave_source"] == "agent"
        assert site.run("files", "slave-0", "-o", "md5sum").stdout.count("\n") == 2
        assert not (site.cache() / "own.job.xml").exists()
        site.is_old = True
        assert site.run("diff", "slave-0").code == 0, "the older one can ask both, too"
        site.is_old = False
        assert 'version="1.3.12 (jsync' in site.log("master")


def _files(site: Site) -> dict[str, bytes]:
    return {path: content for path, content in tree(site.cache()).items() if content is not None}
