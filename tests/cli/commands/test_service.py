from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cli.commands.service import own_program
from tests.support.cli import run_cli
from tests.support.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_the_unit_and_nothing_else(site: Site) -> None:
    result = run_cli("service", "slave-0", environ=site.environment())
    assert (result.exit_code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[:2] == ["# /etc/systemd/system/jsync-slave-0.service", "[Unit]"]
    assert "User=jsync" in lines
    assert f"ReadWritePaths={site.cache()}" in lines
    (start,) = [line for line in lines if line.startswith("ExecStart=")]
    assert start.endswith(f" agent slave-0 -i {site.inventory}")


def test_as_a_document_for_another_user(site: Site) -> None:
    document = run_cli("service", "master", "--user", "ops", "-o", "json", environ=site.environment()).document
    assert (document["schema"], document["host"]) == ("jsync.service/1", "master")
    assert document["name"] == "jsync-master.service"
    assert "\nUser=ops\n" in document["unit"]


@pytest.mark.parametrize("user", ["", "a b", "root\nExecStart=/bin/sh", "%i"])
def test_a_user_is_a_name(site: Site, user: str) -> None:
    result = run_cli("service", "slave-0", "--user", user, environ=site.environment())
    assert (result.exit_code, result.out) == (2, "")
    assert "is no name of a user" in result.err


def test_the_program_has_the_name_that_administrators_know(tmp_path: Path) -> None:
    assert own_program(tmp_path / "python") == (sys.executable, "-P", "-m", "cli")
    (tmp_path / "jsync").touch()
    assert own_program(tmp_path / "python") == (str(tmp_path / "jsync"),)
