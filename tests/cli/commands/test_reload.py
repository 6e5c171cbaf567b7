"""``jsync reload`` as a user sees it; what it does to agents is in ``tests/e2e/test_reload.py``."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync_core.agent.settings import restart_md5, settings_md5
from tests.support.agents import Pair, a_pair
from tests.support.cli import run_cli
from tests.support.fleet import inventory_of
from tests.support.site import Site


def _running(site: Site, folder: Path, host: str, *, is_of_today: bool) -> None:
    """Let it look as if this very process were the host's agent."""
    inventory = inventory_of(site)
    pair: Pair = a_pair(folder)
    pair.state = site.state
    digest = settings_md5(inventory, inventory.hosts[host]) if is_of_today else "yesterday"
    pair.write_record(
        inventory.hosts[host],
        inventory=inventory.source,
        settings_md5=digest,
        restart_md5=restart_md5(inventory.hosts[host]),
    )


def test_what_would_be_done_as_a_table_and_as_a_document(tmp_path: Path) -> None:
    site = Site(tmp_path, slaves=2)
    _running(site, tmp_path / "1", "master", is_of_today=False)
    _running(site, tmp_path / "2", "slave-0", is_of_today=True)
    shown = run_cli("reload", "-C", environ=site.environment())
    assert shown.exit_code == 1
    rows = [line.split() for line in shown.out.splitlines()[1:]]
    assert [" ".join(word for word in row if not word.isdecimal()) for row in rows] == [
        "master would be reloaded changed",
        "slave-0 unchanged ok",
        "slave-1 not-running failed",
    ]
    assert "jsync: the agent of slave-1 does not run\n  hint: `jsync up -d slave-1` starts it\n" in shown.err
    document = run_cli("reload", "-C", "-o", "json", environ=site.environment()).document
    assert (document["schema"], document["ok"], document["is_check"]) == ("jsync.reload/1", False, True)
    assert [agent["outcome"] for agent in document["agents"]] == ["reloaded", "unchanged", "not-running"]


@pytest.mark.parametrize("quiet", [["-q"], []])
def test_all_is_well(tmp_path: Path, quiet: list[str]) -> None:
    site = Site(tmp_path)
    _running(site, tmp_path / "1", "master", is_of_today=True)
    done = run_cli("reload", "master", *quiet, environ=site.environment())
    assert (done.exit_code, done.err, bool(done.out)) == (0, "", not quiet)
