from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import run_cli
from tests.support.inventory_files import MASTER, write_files
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


def test_several_inventories_add_up(tmp_path: Path) -> None:
    write_files(tmp_path, {"a.yaml": MASTER, "b/c.yaml": "{slaves: {hosts: {s: {cache: /c}}}}"})
    result = run_cli("-i", str(tmp_path / "a.yaml"), "validate", "-i", str(tmp_path / "b"))
    assert (result.exit_code, result.err) == (0, "")
    assert result.out == f"{tmp_path}/a.yaml, {tmp_path}/b is valid: 1 master, 1 slave\n"


def test_errors_name_the_file_that_they_are_in(tmp_path: Path) -> None:
    write_files(tmp_path, {"jsync.yaml": MASTER, "group_vars/masters.yml": "\ntcp_prot: 1\n", "host_vars/n": ""})
    result = run_cli("validate", "-i", str(tmp_path / "jsync.yaml"), "-o", "json")
    assert result.exit_code == 2
    [error] = result.document["errors"]
    assert (error["file"], error["line"], error["column"]) == (f"{tmp_path}/group_vars/masters.yml", 1, 1)
    write_files(tmp_path, {"group_vars/masters.yml": ""})
    result = run_cli("validate", "-i", str(tmp_path / "jsync.yaml"))
    assert result.exit_code == 0
    assert result.err == (f"jsync: warning: {tmp_path}/host_vars: `n` not read: there is no host of that name\n")


@pytest.mark.parametrize("text", [None, "", "masters:\n", "masters: {vars: {tcp_port: 1}}\nslaves:\n"])
def test_what_is_wrong_with_a_whole_file_has_a_position_too(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "jsync.yaml"
    if text is not None:
        file.write_text(text)
    assert run_cli("validate", "-i", str(file)).err.startswith(f"{file}:1:1: ")
    [error] = run_cli("validate", "-i", str(file), "-o", "json").document["errors"]
    assert (error["file"], error["line"], error["column"]) == (str(file), 1, 1)


def test_a_script_that_fails_is_quoted(tmp_path: Path) -> None:
    write_files(tmp_path, {"s": "#!/bin/sh\nprintf 'no \\033[1mkey\\n' >&2; exit 1\n"})
    result = run_cli("validate", "-i", str(tmp_path / "s"))
    assert (result.exit_code, result.out) == (2, "")
    assert result.err == f"{tmp_path}/s --list:1:1: it ended with exit code 1 (it said: no \\x1b[1mkey)\n"
