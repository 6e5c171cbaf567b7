"""A jsync of before our own dialect (0.1, commit 481da78) on the one side, this one on the other: they stay classic."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import pytest

from sync_core import __version__
from tests.support.site import PROJECT, Run, Site, eventually, running_site, tree

pytestmark = pytest.mark.e2e

_OLD = "481da78"
_GIT = ("git", "-c", f"safe.directory={PROJECT}", "-C", str(PROJECT))  # also where the clone is another user's


@dataclass
class MixedSite(Site):
    """A site of which one role runs an older jsync."""

    old: Path = field(kw_only=True)
    runs_old: bool = False

    def environment(self) -> dict[str, str]:
        """The environment of the jsync that is to run now."""
        source = self.old if self.runs_old else PROJECT
        return {**super().environment(), "PYTHONPATH": str(source)}

    def run_old(self, *arguments: str) -> Run:
        """Run one command of the older jsync to its end."""
        self.runs_old = True
        try:
            return self.run(*arguments)
        finally:
            self.runs_old = False

    def up_with_old(self, host: str) -> None:
        """Start an agent of the older jsync; it must be ready."""
        run = self.run_old("up", "-d", host)
        assert run.code == 0, run.stdout + run.stderr


@pytest.fixture(scope="module")
def old_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The older jsync, from the history of this checkout; it watches folders with watchdog."""
    if not _has_history():
        pytest.skip(f"no git history back to {_OLD} here: a shallow clone, or files without one")
    done = subprocess.run([*_GIT, "archive", _OLD], capture_output=True, check=True)
    folder = tmp_path_factory.mktemp("old-jsync")
    with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.mark.timeout(180)
@pytest.mark.parametrize("old_role", ["master", "slave-0"])
def test_they_keep_a_folder_the_same(old_role: str, old_source: Path, tmp_path: Path) -> None:
    site = MixedSite(tmp_path, old=old_source)
    shared = site.remote / "_all"
    (shared / "empty").mkdir()
    site.write(shared / "a.job.xml", b"<job/>\n")
    site.write(shared / "sub/b.job.xml", b"<job order='yes'/>\n")
    site.write(shared / "gone/inner/c.job.xml", b"<job/>\n")
    site.write(shared / "gone/d.job.xml", b"<job/>\n")
    site.write(site.own() / "own.job.xml", b"<job/>\n")
    with _mixed(site, old_role):
        eventually(lambda: _is_complete(site), what="the first copy")

        heard = _wake_ups(site)
        site.write(shared / "a.job.xml", b"<job><script/></job>\n")
        eventually(lambda: _is_complete(site), what="the change")
        assert _wake_ups(site) > heard

        heard = _wake_ups(site)
        (site.own() / "own.job.xml").unlink()
        shutil.rmtree(shared / "gone")
        eventually(lambda: _is_complete(site), what="the removals")
        assert _wake_ups(site) > heard
        assert sorted(tree(site.cache())) == ["a.job.xml", "empty", "sub", "sub/b.job.xml"]

        diff = site.run("diff", "slave-0", "-o", "json")
        assert diff.json["in_sync"] is True, diff.stdout
        assert diff.json["slaves"][0]["master_source"] == diff.json["slaves"][0]["slave_source"] == "agent"
        assert site.run("files", "slave-0", "-o", "md5sum").stdout.count("\n") == 2
        assert site.run_old("diff", "slave-0").code == 0, "the older one can ask both, too"


@pytest.mark.timeout(180)
@pytest.mark.parametrize("old_role", ["master", "slave-0"])
def test_more_than_one_answer_carries_gets_there(old_role: str, old_source: Path, tmp_path: Path) -> None:
    site = MixedSite(tmp_path, old=old_source)
    for number in range(3):
        site.write(site.remote / "_all" / f"{number}.bin", bytes([number]) * (3 << 20))
    with _mixed(site, old_role):
        eventually(lambda: _is_complete(site), what="the copy")
        assert site.in_sync("slave-0")


@contextmanager
def _mixed(site: MixedSite, old_role: str) -> Iterator[None]:
    """Run both agents, each of its own version."""
    new_role = "slave-0" if old_role == "master" else "master"
    with running_site(site, [new_role]):
        site.up_with_old(old_role)
        versions = {agent["host"]: agent["version"] for agent in site.run("status", "-o", "json").json["agents"]}
        assert versions == {old_role: "0.1.0", new_role: __version__}
        yield


def _has_history() -> bool:
    """Whether this is a clone with the commit, or one that has to have it: only a shallow one need not."""
    if not (PROJECT / ".git").exists() or shutil.which("git") is None:
        return False
    is_shallow = subprocess.run([*_GIT, "rev-parse", "--is-shallow-repository"], capture_output=True, check=True)
    known = subprocess.run([*_GIT, "cat-file", "-e", f"{_OLD}^{{commit}}"], capture_output=True, check=False)
    return known.returncode == 0 or is_shallow.stdout.strip() == b"false"


def _wake_ups(site: Site) -> int:
    return site.log("slave-0").count("SCHEDULER-955")


def _is_complete(site: Site) -> bool:
    return tree(site.cache()) == {**tree(site.remote / "_all"), **tree(site.own())}
