from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import Result, run_cli
from tests.support.inventory_files import printing, write_files

_YAML = """all:
  vars: {address: 127.0.0.1, x_owner: ops, allowed_hosts: [{host: 10.0.0.1, level: info}]}
masters:
  hosts:
    m: {remote: remote}
slaves:
  vars: {interval_s: 2.5}
  hosts:
    s-[1:3]: {tcp_port: "{n}", udp_port: 0, cache: "caches/{name}"}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(_YAML)
    return path


def _inventory(file: Path, *argv: str) -> Result:
    result = run_cli("inventory", "-i", str(file), *argv)
    assert (result.exit_code, result.err) == (0, "")
    return result


@pytest.mark.parametrize("option", [(), ("--list",), ("--list", "-o", "json")])
def test_list_is_ansible_s_document(file: Path, option: tuple[str, ...]) -> None:
    document = _inventory(file, *option).document
    assert "schema" not in document
    assert document["slaves"]["hosts"] == ["s-1", "s-2", "s-3"]
    assert document["_meta"]["hostvars"]["s-2"]["tcp_port"] in {"2", 2}


def test_list_can_be_limited(file: Path) -> None:
    document = _inventory(file, "--list", "-l", "s-3").document
    assert document["slaves"]["hosts"] == ["s-3"]
    assert list(document["_meta"]["hostvars"]) == ["s-3"]


def test_graph(file: Path) -> None:
    lines = _inventory(file, "--graph").out.splitlines()
    assert lines[0] == "@all:"
    assert "  |  |--s-3" in lines
    assert _inventory(file, "--graph", "-o", "json").document == {"schema": "jsync.inventory/1", "graph": lines}


def test_host_says_where_values_come_from(file: Path) -> None:
    rows = {line.split()[0]: line.split(maxsplit=1)[1] for line in _inventory(file, "--host", "s-2").out.splitlines()}
    assert rows["VARIABLE"].split() == ["VALUE", "FROM", "WHERE"]
    assert rows["address"].split() == ["127.0.0.1", "all", f"{file}:2"]
    assert rows["interval_s"].split() == ["2.5", "slaves", f"{file}:7"]
    assert rows["tcp_port"].split() == ["2", "s-2", f"{file}:9"]
    assert rows["cache"].split() == [str(file.parent / "caches/s-2"), "s-2", f"{file}:9"]
    assert rows["master"].split() == ["m", "default"]
    assert rows["listen"].split() == ["-", "default"]
    assert rows["become"].split() == ["false", "default"]
    assert "10.0.0.1" in rows["allowed_hosts"]


def test_host_as_a_document(file: Path) -> None:
    document = _inventory(file, "--host", "s-2", "-o", "json").document
    assert (document["schema"], document["host"]) == ("jsync.inventory/1", "s-2")
    values = {value["variable"]: value for value in document["values"]}
    assert values["address"]["value"] == "127.0.0.1"
    assert (values["address"]["origin"], values["address"]["line"]) == ("all", 2)
    assert (values["listen"]["value"], values["listen"]["file"]) == (None, None)


@pytest.mark.parametrize("argv", [("--list", "--graph"), ("--graph", "--host", "s-1")])
def test_one_at_a_time(file: Path, argv: tuple[str, ...]) -> None:
    result = run_cli("inventory", "-i", str(file), *argv, "-o", "json")
    assert (result.exit_code, result.document["error"]["code"]) == (2, "usage")


def test_an_unknown_host(file: Path) -> None:
    result = run_cli("inventory", "-i", str(file), "--host", "s-4")
    assert result.exit_code == 2
    assert "s-4" in result.err


def test_host_names_the_file_of_every_value(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "hosts/a.yaml": "masters: {hosts: {m: {remote: /r}}}\n",
            "hosts/group_vars/all": "tcp_port: 1\ninterval_s: 2\n",
            "more.sh": printing('{"_meta": {"hostvars": {}}, "masters": {"hosts": ["m"],\n"vars": {"interval_s": 3}}}'),
            "host_vars/m.json": '{"listen": "127.0.0.1"}',
        },
    )
    argv = ("-i", str(tmp_path / "hosts"), "inventory", "--host", "m", "-i", str(tmp_path / "more.sh"), "-o", "json")
    result = run_cli(*argv)
    assert (result.exit_code, result.err) == (0, "")
    found = {
        value["variable"]: (value["value"], value["origin"], value["file"].removeprefix(f"{tmp_path}/"), value["line"])
        for value in result.document["values"]
        if value["file"]
    }
    assert found == {
        "remote": ("/r", "m", "hosts/a.yaml", 1),
        "tcp_port": (1, "all", "hosts/group_vars/all", 1),
        "interval_s": (2.0, "all", "hosts/group_vars/all", 2),  # a file of all beats a group of the inventory
        "listen": ("127.0.0.1", "m", "host_vars/m.json", 1),
    }
