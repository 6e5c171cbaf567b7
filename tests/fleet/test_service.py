from __future__ import annotations

from pathlib import Path

import pytest

from sync_core.fleet.service import Service, service_of
from sync_core.model.errors import UsageError
from sync_core.model.inventory import Connection, Host
from tests.support.net import a_host, an_inventory


def service(host: Host) -> Service:
    return service_of(an_inventory(host), host, command=("/here/jsync",), environ={"A": "b"}, user="me")


def test_a_host_of_this_machine_runs_this_jsync() -> None:
    found = service(a_host("slave", cache=Path("/c")))
    assert found.name == "jsync-slave.service"
    lines = found.text.splitlines()
    assert lines[0] == "# /etc/systemd/system/jsync-slave.service"
    assert "ExecStart=/here/jsync agent slave -i /nowhere/jsync.yaml" in lines
    assert "Environment=JSYNC_STATE_DIR=/var/lib/jsync A=b" in lines
    assert "User=me" in lines


@pytest.mark.parametrize(("jsync", "command"), [("jsync", "/usr/local/bin/jsync"), ("/opt/j", "/opt/j")])
def test_one_elsewhere_runs_its_own(jsync: str, command: str) -> None:
    lines = service(a_host("slave", connection=Connection.SSH, address="10.9.0.1", jsync=jsync)).text.splitlines()
    assert lines[1] == "# For 10.9.0.1, with an inventory of its own in /etc/jsync/jsync.yaml."
    assert f"ExecStart={command} agent slave -i /etc/jsync/jsync.yaml" in lines
    assert "Environment=JSYNC_STATE_DIR=/var/lib/jsync" in lines


def test_one_without_agent_has_none() -> None:
    with pytest.raises(UsageError, match="it has no agent of ours"):
        service(a_host("slave", connection=Connection.NONE))
