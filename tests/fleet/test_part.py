from __future__ import annotations

import json
import stat
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from sync_core.agent.settings import settings_md5
from sync_core.fleet.part import MAX_PART_BYTES, keep_part, part_of, read_part
from sync_core.inventory import load
from sync_core.model.errors import InventoryError, StateError, UsageError
from sync_core.model.inventory import Connection, Host, Inventory, SshSettings

SITE = """\
all:
  vars: {ssh_user: ops, ssh_key: id, ssh_port: 2222, become: true, jsync: /opt/bin/jsync}
masters:
  hosts:
    m1: {address: 10.9.0.1, remote: remote, udp_port: 4440, listen: 10.9.0.1, x_note: mine}
    m2: {address: 10.9.0.2, remote: remote, tcp_port: 4441}
slaves:
  hosts:
    s1:
      address: 10.9.0.3
      cache: "caches/{name} with a blank"
      master: [m1, m2]
      dialect: classic
      folder: own
      scheduler_id: one
      interval_s: 7.5
      allowed_hosts: [{host: 10.9.0.1, level: no_add}, {host: 127.0.0.1, level: all}]
      tcp_required: false
      udp_required: false
      udp_port: 0
      max_delete: 3
      file_mode: 0o640
      dir_mode: "750"
      owner: 33
      group: jobs
      trust_path: true
      any_address: true
      tls: {cert: "tls/{name}.crt", key: tls/s1.key, ca: /etc/ca.crt}
    s2: {address: 10.9.0.3, cache: c2, tcp_port: 5001, master: m2, max_delete: 7%}
    s3: {address: 10.9.0.4, cache: c3, master: m2}
"""
ONLY_HERE: dict[str, Any] = {"connection": Connection.LOCAL, "ssh": SshSettings(), "become": False, "jsync": "jsync"}


def an_inventory(folder: Path) -> Inventory:
    file = folder / "site.yaml"
    file.write_text(SITE, encoding="utf-8")
    return load(file, environ={})


def there(inventory: Inventory, *names: str, state: Path) -> Inventory:
    part = part_of(inventory, [inventory.hosts[name] for name in names])
    return read_part(part.name, part.text, state)


def test_a_machines_hosts_keep_every_value_and_lose_how_it_is_reached(tmp_path: Path) -> None:
    inventory = an_inventory(tmp_path)
    for names in (["s1", "s2"], ["m1"], ["m2", "s3"]):
        read = there(inventory, *names, state=tmp_path)
        for name in names:
            assert read.hosts[name] == replace(inventory.hosts[name], **ONLY_HERE)
    assert there(inventory, "s1", state=tmp_path).warnings == ()


def test_every_value_of_a_host_is_tried_here(tmp_path: Path) -> None:
    hosts = an_inventory(tmp_path).hosts.values()
    seen = {field.name: {str(getattr(host, field.name)) for host in hosts} for field in fields(Host)}
    assert [name for name, values in seen.items() if len(values) < 2 and name not in ONLY_HERE] == []


def test_only_peers_stand_beside_them_and_only_with_what_is_needed(tmp_path: Path) -> None:
    inventory = an_inventory(tmp_path)
    assert list(there(inventory, "m1", state=tmp_path).hosts) == ["m1", "s1"]
    read = there(inventory, "m2", state=tmp_path)
    assert list(read.hosts) == ["m2", "s1", "s2", "s3"]
    assert read.hosts["s1"].masters == ("m2",)
    assert read.hosts["s1"].connection is Connection.NONE
    assert read.hosts["s1"].cache is None


def test_nothing_tells_how_to_log_in(tmp_path: Path) -> None:
    inventory = an_inventory(tmp_path)
    text = part_of(inventory, inventory.hosts.values()).text.decode()
    assert not [word for word in ("ops", "2222", "ssh", "become", "/opt/bin", "x_note") if word in text]


def test_a_change_concerns_only_those_that_use_it(tmp_path: Path) -> None:
    before = an_inventory(tmp_path)
    after = replace(before, hosts={**before.hosts, "s1": replace(before.hosts["s1"], tcp_port=5005, interval_s=9)})
    reads = [there(inventory, "s1", "s2", "m1", state=tmp_path) for inventory in (before, after)]
    changed = {name for name in ("s1", "s2", "m1") if len({settings_md5(read, read.hosts[name]) for read in reads}) > 1}
    assert changed == {"s1", "m1"}


def test_the_name_is_the_inventorys_own(tmp_path: Path) -> None:
    inventory = an_inventory(tmp_path)
    (tmp_path / "b").mkdir()
    one, two = part_of(inventory, [inventory.hosts["s1"]]), part_of(inventory, [inventory.hosts["m1"]])
    assert one.name == two.name
    assert one.name.startswith("site-")
    assert part_of(an_inventory(tmp_path / "b"), []).name != one.name
    odd = replace(inventory, sources=(Path("/a b/ü.d/\udcff.yaml"),))
    part = part_of(odd, [inventory.hosts["s1"]])
    assert read_part(part.name, part.text, tmp_path).hosts["s1"]


def test_it_is_read_as_if_it_were_in_its_place(tmp_path: Path) -> None:
    state = tmp_path / "state"
    inventory = an_inventory(tmp_path)
    part = part_of(inventory, [inventory.hosts["s1"]])
    read = read_part(part.name, part.text, state)
    assert not state.exists()
    keep_part(part.name, part.text, state)
    (place,) = read.sources
    assert place.read_bytes() == part.text
    assert load(place, environ={}).hosts == read.hosts
    assert (stat.S_IMODE(place.stat().st_mode), stat.S_IMODE(place.parent.stat().st_mode)) == (0o600, 0o700)
    assert [path.name for path in place.parent.iterdir()] == [part.name]
    inode = place.stat().st_ino
    keep_part(part.name, part.text, state)
    assert place.stat().st_ino == inode
    keep_part(part.name, b"{}", state)
    assert place.read_bytes() == b"{}"


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".x", "a b", "x\n", "x" * 101])
def test_a_name_that_could_lead_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="no name of a part"):
        read_part(name, b"{}", tmp_path)


def test_what_is_no_inventory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InventoryError):
        read_part("x", json.dumps({"slaves": {"hosts": {"s": {}}}}).encode(), tmp_path)
    with pytest.raises(UsageError, match="bytes"):
        read_part("x", bytes(MAX_PART_BYTES + 1), tmp_path)


def test_a_place_that_cant_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / ".parts").write_text("in the way")
    with pytest.raises(StateError, match=r"\.parts can't be made"):
        keep_part("x", b"{}", tmp_path)
    (tmp_path / "state" / ".parts" / "x").mkdir(parents=True)
    with pytest.raises(StateError, match="can't be written"):
        keep_part("x", b"{}", tmp_path / "state")
    assert [path.name for path in (tmp_path / "state" / ".parts").iterdir()] == ["x"]
