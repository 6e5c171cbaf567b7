"""What commands import whose agents run here: the start of the process is most of what people and scripts wait for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.site import Site, running_site

pytestmark = pytest.mark.e2e

_NEITHER = {
    "aiohttp",
    "filelock",
    "logging.handlers",
    "lxml",
    "paramiko",
    "psutil",
    "rich.table",
    "sqlite3",
    "sync_core.fleet.contents",
    "sync_core.inventory.listing",
    "sync_core.tree",
    "yaml",
}
_NOT_FOR_STATUS = _NEITHER | {"msgspec", "sync_core.protocol", "zstandard"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(Site(tmp_path_factory.mktemp("imports"))) as running:
        yield running


@pytest.mark.parametrize(
    ("argv", "unwanted"), [(["status"], _NOT_FOR_STATUS), (["diff", "slave-0"], _NEITHER)], ids=["status", "diff"]
)
def test_what_is_not_needed_is_not_imported(site: Site, argv: list[str], unwanted: set[str]) -> None:
    script = "import sys; from cli.main import main; main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    run = subprocess.run(
        [sys.executable, "-c", script, *argv, "-o", "json"],
        env=site.environment(),
        cwd=Path(__file__).parents[2],
        check=True,
        capture_output=True,
        text=True,
    )
    assert f'"schema": "jsync.{argv[0]}/' in run.stdout
    assert unwanted & set(run.stderr.split()) == set()
