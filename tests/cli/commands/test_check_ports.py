from __future__ import annotations

from pathlib import Path

from tests.support.cli import run_cli
from tests.support.net import free_port, taking_all

INVENTORY = """\
masters:
  hosts:
    master: {{address: 127.0.0.1, connection: local, remote: remote, tcp_port: {master}}}
slaves:
  hosts:
    slave: {{address: 127.0.0.1, connection: local, cache: cache, tcp_port: {slave}, udp_port: 0}}
"""


def inventory(folder: Path, master: int, slave: int) -> str:
    file = folder / "jsync.yaml"
    file.write_text(INVENTORY.format(master=master, slave=slave))
    return str(file)


def test_one_document_and_the_exit_code_of_what_was_found(tmp_path: Path) -> None:
    with taking_all() as master, taking_all() as slave:
        result = run_cli("check-ports", "-i", inventory(tmp_path, master, slave), "-o", "json")
    assert result.exit_code == 0
    assert result.document["ok"] is True
    assert [check["purpose"] for check in result.document["checks"]] == ["registration", "commands"]


def test_something_else_on_an_open_port_is_told(tmp_path: Path) -> None:
    with taking_all() as master, taking_all() as slave:
        file = inventory(tmp_path, master, slave)
        told, quiet = run_cli("check-ports", "-i", file), run_cli("check-ports", "-i", file, "-q")
    assert told.exit_code == quiet.exit_code == 0
    assert "  is that jsync or a JobScheduler?" in told.out
    assert (quiet.out, quiet.err) == ("", "")


def test_what_is_not_open_is_explained(tmp_path: Path) -> None:
    with taking_all() as master:
        file = inventory(tmp_path, master, free_port())
        result = run_cli("check-ports", "-i", file, "-q")
    assert result.exit_code == 1
    assert "next: start the agent: jsync up slave" in result.out
    assert "registration" not in result.out
    assert result.err == ""
