from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from sync_core.inventory import load
from sync_core.inventory.listing import MAX_GRAPH_LINES, HostValue, describe, dump, graph
from sync_core.model.errors import UsageError
from sync_core.model.inventory import Group, Inventory
from tests.support.inventories import ENVIRON, an_inventory, inventory_of
from tests.support.inventory_files import write_files

SITE = """\
all: {vars: {interval_s: 5, remote: r, x_note: "of {name}"}}
masters: {hosts: {m: }}
slaves:
  children:
    north: {hosts: {"n[1:2]": {cache: "c/{name}", ansible_host: "10.0.0.{n}", udp_port: 0}}}
  hosts: {s: {cache: c/s, allowed_hosts: [{host: a, level: all}], max_delete: "7", file_mode: 0o640, owner: 33}}
other: {hosts: {s: }}
"""


@pytest.fixture
def site(tmp_path: Path) -> Inventory:
    return inventory_of(tmp_path, SITE)


def test_the_list_is_ansibles_document(site: Inventory) -> None:
    assert dump(site) == {
        "all": {"children": ["masters", "slaves", "other", "ungrouped"]},
        "masters": {"hosts": ["m"]},
        "slaves": {"hosts": ["s"], "children": ["north"]},
        "north": {"hosts": ["n1", "n2"]},
        "other": {"hosts": ["s"]},
        "_meta": {
            "hostvars": {
                "m": {"interval_s": 5, "remote": "r", "x_note": "of m"},
                "n1": {"interval_s": 5, "x_note": "of n1", "cache": "c/n1", "ansible_host": "10.0.0.1", "udp_port": 0},
                "n2": {"interval_s": 5, "x_note": "of n2", "cache": "c/n2", "ansible_host": "10.0.0.2", "udp_port": 0},
                "s": {
                    "interval_s": 5,
                    "x_note": "of s",
                    "cache": "c/s",
                    "allowed_hosts": [{"host": "a", "level": "all"}],
                    "max_delete": 7,
                    "file_mode": "0640",
                    "owner": 33,
                },
            }
        },
    }
    assert json.loads(json.dumps(dump(site))) == dump(site)


def test_hosts_without_values_are_left_out_of_the_meta_part() -> None:
    assert dump(an_inventory())["_meta"] == {"hostvars": {}}


def test_the_graph_is_drawn_as_ansible_draws_it(site: Inventory) -> None:
    assert graph(site).split("\n") == [
        "@all:",
        "  |--@masters:",
        "  |  |--m",
        "  |--@slaves:",
        "  |  |--@north:",
        "  |  |  |--n1",
        "  |  |  |--n2",
        "  |  |--s",
        "  |--@other:",
        "  |  |--s",
        "  |--@ungrouped:",
    ]


def test_the_graph_ends_somewhere(site: Inventory) -> None:
    layers = {f"g{n}": Group(name=f"g{n}", hosts=(), children=(f"g{n + 1}", f"h{n + 1}")) for n in range(40)}
    twins = {f"h{n}": Group(name=f"h{n}", hosts=(), children=(f"g{n + 1}", f"h{n + 1}")) for n in range(40)}
    ends = {name: Group(name=name, hosts=(), children=()) for name in ("g40", "h40")}
    top = Group(name="all", hosts=(), children=("g0",))
    lines = graph(replace(site, groups={"all": top, **layers, **twins, **ends})).split("\n")
    assert len(lines) == MAX_GRAPH_LINES + 1
    assert lines[-1] == "…"


def test_a_host_is_described_with_the_origin_of_every_value(site: Inventory, tmp_path: Path) -> None:
    values = {value.variable: value for value in describe(site, "n1")}
    file = str(tmp_path / "jsync.yaml")
    assert values["interval_s"] == HostValue(variable="interval_s", value=5.0, origin="all", file=file, line=1)
    assert values["address"] == HostValue(variable="address", value="10.0.0.1", origin="n1", file=file, line=5)
    assert values["udp_port"] == HostValue(variable="udp_port", value=None, origin="n1", file=file, line=5)
    assert values["tcp_port"] == HostValue(variable="tcp_port", value=5000, origin="default", file=None, line=None)
    assert values["master"] == HostValue(variable="master", value=["m"], origin="default", file=None, line=None)
    assert values["x_note"].value == "of n1"
    assert {name: value.value for name, value in values.items()} == {
        "address": "10.0.0.1",
        "tcp_port": 5000,
        "udp_port": None,
        "listen": None,
        "cache": str(tmp_path / "c" / "n1"),
        "dialect": "auto",
        "master": ["m"],
        "scheduler_id": "n1",
        "folder": None,
        "interval_s": 5.0,
        "connection": None,
        "ssh_user": None,
        "ssh_port": None,
        "ssh_key": None,
        "ssh_config": None,
        "become": False,
        "trust_path": False,
        "jsync": "jsync",
        "allowed_hosts": None,
        "tcp_required": True,
        "udp_required": True,
        "max_delete": "50%",
        "file_mode": None,
        "dir_mode": None,
        "owner": None,
        "group": None,
        "any_address": False,
        "tls": None,
        "x_note": "of n1",
    }


def test_a_master_is_described_without_what_only_slaves_have(site: Inventory, tmp_path: Path) -> None:
    values = {value.variable: value.value for value in describe(site, "m")}
    assert values["remote"] == str(tmp_path / "r")
    assert not {"cache", "master", "folder", "tcp_required", "udp_required", "max_delete", "any_address"} & set(values)


def test_lists_are_described_as_they_are_written(site: Inventory) -> None:
    values = {value.variable: value.value for value in describe(site, "s")}
    assert values["allowed_hosts"] == [{"host": "a", "level": "all"}]
    assert values["max_delete"] == "7"
    assert (values["file_mode"], values["owner"]) == ("0640", "33")


@pytest.mark.parametrize(
    ("name", "hint"), [("n11", "did you mean `n1`?"), ("xyzzy", "`jsync inventory --graph` shows the hosts")]
)
def test_an_unknown_host_is_a_usage_error(name: str, hint: str, site: Inventory) -> None:
    with pytest.raises(UsageError, match=f"there is no host `{name}`") as caught:
        describe(site, name)
    assert caught.value.hint == hint


EXAMPLES = Path(__file__).parents[2] / "inventory_examples"


@pytest.mark.parametrize("name", ["demo.yaml", "mixed.yaml", "site.yaml", "fleet", "dynamic.py"])
def test_the_list_of_an_example_read_again_is_the_same_inventory(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "examples"
    shutil.copytree(EXAMPLES, folder, ignore=shutil.ignore_patterns("demo"))
    for path in folder.rglob("*_vars"):
        assert path.parent != folder  # they would be read beside the list, too
    inventory = load(folder / name, environ=dict(os.environ))
    home = folder / name if (folder / name).is_dir() else folder
    shutil.rmtree(home / "group_vars", ignore_errors=True)
    shutil.rmtree(home / "host_vars", ignore_errors=True)
    assert_same(inventory, home)


def test_a_list_of_several_inventories_read_again_is_the_same_inventory(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "a/hosts": "{masters: {hosts: {m: {remote: r}, n: {remote: ~/r}}}, slaves: {vars: {cache: 'c/{name}'}}}",
            "b/more": "{slaves: {hosts: {'s[1:2]': {master: m, tcp_port: '{n}'}, t: {master: [n], cache: $SITE/t}}}}",
            "b/host_vars/s2": "{cache: s2, ssh_key: key, x_path: key}",
        },
    )
    inventory = load(tmp_path / "a" / "hosts", tmp_path / "b", environ=ENVIRON)
    assert inventory.settings["s1"]["cache"].value == "c/s1"
    assert inventory.settings["s2"]["cache"].value == f"{tmp_path}/b/s2"
    assert inventory.settings["s2"]["x_path"].value == "key"
    assert inventory.settings["t"]["cache"].value == f"{tmp_path}/b/north/t"
    assert_same(inventory, tmp_path / "a")


def assert_same(inventory: Inventory, folder: Path) -> None:
    """Write the list of ``inventory`` into ``folder`` and read it again."""
    listed = dump(inventory)
    path = folder / "list.json"
    path.write_text(json.dumps(listed))
    again = load(path, environ={**os.environ, **ENVIRON})
    assert again.hosts == inventory.hosts
    assert list(again.hosts) == list(inventory.hosts)
    assert dump(again) == listed
    assert again.warnings == inventory.warnings
    for name, group in inventory.groups.items():
        if name != "all" and (group.hosts or group.children):
            assert again.groups[name] == group
