from __future__ import annotations

from pathlib import Path

import pytest

from cli.commands.firewall import FrontEnd
from sync_core.model.firewall.needed import Format
from tests.support.cli import run_cli

INVENTORY = """\
masters:
  hosts:
    master: {address: 10.9.0.1, connection: none}
slaves:
  vars: {connection: none}
  hosts:
    one: {address: 10.9.0.2}
    two: {address: 10.9.0.3}
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "jsync.yaml"
    path.write_text(INVENTORY)
    return str(path)


def test_machines_come_one_after_the_other(file: str) -> None:
    result = run_cli("firewall", "-i", file, "--format", "ufw", "one", "two")
    assert result.exit_code == 0
    assert result.out.splitlines() == [
        "# one (10.9.0.2)",
        "ufw allow proto udp from 10.9.0.1 to any port 5000 comment 'master wake-up'",
        "ufw allow proto tcp from 10.9.0.1 to any port 5000 comment 'master commands'",
        "",
        "# two (10.9.0.3)",
        "ufw allow proto udp from 10.9.0.1 to any port 5000 comment 'master wake-up'",
        "ufw allow proto tcp from 10.9.0.1 to any port 5000 comment 'master commands'",
    ]


def test_tabs_stay_tabs(file: str) -> None:
    assert "\t\tct state established,related accept\n" in run_cli("firewall", "-i", file, "one").out


def test_as_a_document(file: str) -> None:
    document = run_cli("firewall", "-i", file, "-o", "json", "master").document
    [machine] = document["machines"]
    assert (document["schema"], document["format"]) == ("jsync.firewall/1", "nft")
    assert (machine["hosts"], machine["addresses"]) == (["master"], ["10.9.0.1"])
    assert machine["ways"][0] == {
        "source": "one",
        "address": "10.9.0.2",
        "protocol": "tcp",
        "port": 4440,
        "purpose": "registration",
    }
    assert machine["text"].startswith("# master (10.9.0.1)\n")


def test_the_choices_are_those_of_the_library() -> None:
    assert [one.value for one in FrontEnd] == [one.value for one in Format]
