from __future__ import annotations

from pathlib import Path

import pytest

from sync_core.inventory import find
from sync_core.model.errors import UsageError


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, with a config folder of our own, and return the latter's inventory path."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "jsync" / "jsync.yaml"


def test_the_order_is_option_variable_here_config_folder(config: Path) -> None:
    config.parent.mkdir(parents=True)
    config.touch()
    assert find((), environ={}) == (config,)
    Path("jsync.yaml").touch()
    assert find((), environ={"JSYNC_INVENTORY": ""}) == (Path("jsync.yaml"),)
    assert find((), environ={"JSYNC_INVENTORY": "by-variable.yaml"}) == (Path("by-variable.yaml"),)
    options = (Path("one.yaml"), Path("two"))
    assert find(options, environ={"JSYNC_INVENTORY": "by-variable.yaml"}) == options


@pytest.mark.skipif(Path("/etc/jsync/jsync.yaml").exists(), reason="this machine has an inventory in /etc/jsync")
def test_without_any_the_error_lists_all_places(config: Path) -> None:
    with pytest.raises(UsageError) as caught:
        find((), environ={})
    assert str(caught.value) == (
        f"no inventory: looked at -i, $JSYNC_INVENTORY, ./jsync.yaml, {config}, /etc/jsync/jsync.yaml"
    )
    assert caught.value.hint == "`jsync init` writes a working example"


@pytest.mark.usefixtures("config")
def test_a_place_that_can_not_be_looked_at_counts_as_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/" + "x" * 300)  # no file system takes such a name
    Path("jsync.yaml").symlink_to("jsync.yaml")
    try:
        assert find((), environ={}) == (Path("/etc/jsync/jsync.yaml"),)
    except UsageError as error:
        assert "looked at" in str(error)
