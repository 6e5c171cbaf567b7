from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import run_cli
from tests.support.site import Site

_BAD = """masters:
  hosts:
    m:
      adress: 127.0.0.1
      remote: remote
slaves:
  hosts:
    s: {master: nobody, cache: cache}
"""


def test_valid(tmp_path: Path) -> None:
    site = Site(tmp_path, slaves=2)
    result = run_cli("validate", "-i", str(site.inventory))
    assert (result.exit_code, result.err) == (0, "")
    assert result.out == f"{site.inventory} is valid: 1 master, 2 slaves\n"


def test_quiet_is_silent_when_all_is_well(tmp_path: Path) -> None:
    result = run_cli("-q", "validate", environ={"JSYNC_INVENTORY": str(Site(tmp_path).inventory)})
    assert (result.exit_code, result.out, result.err) == (0, "", "")


def test_valid_as_a_document(tmp_path: Path) -> None:
    result = run_cli("validate", "-o", "json", "-i", str(Site(tmp_path).inventory))
    assert (result.exit_code, result.err) == (0, "")
    assert result.document == {"schema": "jsync.validate/1", "ok": True, "errors": [], "warnings": []}


def test_all_errors_come_in_one_go(tmp_path: Path) -> None:
    file = tmp_path / "jsync.yaml"
    file.write_text(_BAD)
    result = run_cli("validate", "-i", str(file))
    assert (result.exit_code, result.out) == (2, "")
    first, second = result.err.splitlines()
    assert first.startswith(f"{file}:4:7: ")
    assert "address" in first
    assert second.startswith(f"{file}:8:17: ")


def test_errors_as_a_document(tmp_path: Path) -> None:
    file = tmp_path / "jsync.yaml"
    file.write_text(_BAD)
    result = run_cli("validate", "-i", str(file), "-o", "json")
    assert (result.exit_code, result.err) == (2, "")
    document = result.document
    assert (document["schema"], document["ok"]) == ("jsync.validate/1", False)
    assert document["error"]["code"] == "inventory"
    assert [(error["file"], error["line"], error["column"]) for error in document["errors"]] == [
        (str(file), 4, 7),
        (str(file), 8, 17),
    ]


def test_no_inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    result = run_cli("validate", "-o", "json")
    if result.exit_code == 0:
        pytest.skip("this machine has an inventory in /etc/jsync")
    assert result.exit_code == 2
    assert result.document["error"]["code"] == "usage"
    assert "jsync init" in result.document["error"]["hint"]


def test_warnings_go_to_stderr(tmp_path: Path) -> None:
    site = Site(tmp_path, slaves=2)
    site.ports["slave-1"] = site.ports["slave-0"]
    site.write_inventory()
    result = run_cli("validate", "-i", str(site.inventory))
    assert result.exit_code == 0
    assert result.err.startswith("jsync: warning: ")
    assert run_cli("validate", "-q", "-i", str(site.inventory)).err == ""
    assert len(run_cli("validate", "-o", "json", "-i", str(site.inventory)).document["warnings"]) == 1
