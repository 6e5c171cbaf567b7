from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync_core.inventory import load
from sync_core.model.errors import InventoryError
from sync_core.model.inventory import Group
from tests.support.inventories import ENVIRON, inventory_of, problems_of
from tests.support.inventory_files import MASTER, faults, write_files

CONTRACT = """
    all:
      vars: {interval_s: 60}
    masters:
      hosts:
        scheduler-4440:
          address: 192.11.0.90
          remote: /srv/scheduler/remote
    slaves:
      vars: {master: scheduler-4440}
      hosts:
        slave-5000:
          address: dialin-0.sos
          scheduler_id: scheduler-5000
          cache: /srv/scheduler-5000/cache
        slave-[5001:5003]:
          address: 127.0.0.1
          tcp_port: "{n}"
          udp_port: "{n}"
          cache: caches/{name}
"""


def test_the_example_of_the_contract(tmp_path: Path) -> None:
    inventory = inventory_of(tmp_path, CONTRACT)
    assert (inventory.sources, inventory.source) == ((tmp_path / "jsync.yaml",), f"{tmp_path}/jsync.yaml")
    assert inventory.warnings == ()
    assert list(inventory.hosts) == ["scheduler-4440", "slave-5000", "slave-5001", "slave-5002", "slave-5003"]
    assert inventory.groups == {
        "all": Group(name="all", hosts=(), children=("masters", "slaves", "ungrouped")),
        "masters": Group(name="masters", hosts=("scheduler-4440",), children=()),
        "slaves": Group(name="slaves", hosts=("slave-5000", "slave-5001", "slave-5002", "slave-5003"), children=()),
        "ungrouped": Group(name="ungrouped", hosts=(), children=()),
    }
    master, first, second = inventory.masters[0], *inventory.slaves[:2]
    assert (master.address, master.remote, master.interval_s) == ("192.11.0.90", Path("/srv/scheduler/remote"), 60.0)
    assert (first.scheduler_id, first.tcp_port, first.masters) == ("scheduler-5000", 5000, ("scheduler-4440",))
    assert (second.tcp_port, second.udp_port, second.cache) == (5001, 5001, tmp_path / "caches" / "slave-5001")


def test_all_comes_first_and_ungrouped_is_empty(tmp_path: Path) -> None:
    inventory = inventory_of(
        tmp_path, "{masters: {hosts: {m: {remote: r}}}, all: {hosts: {m: }}, ungrouped: {hosts: {m: }}}"
    )
    assert list(inventory.groups) == ["all", "masters", "ungrouped"]
    assert inventory.groups["all"] == Group(name="all", hosts=("m",), children=("masters", "ungrouped"))
    assert inventory.groups["ungrouped"].hosts == ()


def test_every_fault_comes_in_one_go(tmp_path: Path) -> None:
    text = """\
    masters:
      hosts:
        m: {remote: r, intervall_s: 5}
        m: {}
    slaves:
      hosts:
        m:
        s: {cache: c, tcp_port: 0, master: x}
        "a b": {}
    lost: {hosts: {l: }, children: {lost: }}
    """
    assert problems_of(tmp_path, text) == [
        "3:5: `m` is below `masters` and below `slaves` (one host has one role; a machine can carry two hosts)",
        "3:20: unknown variable `intervall_s` (did you mean `interval_s`?)",
        "4:5: `m` is given twice (first at 3:5; remove one)",
        "8:29: `tcp_port`: `0` is not a port from 1 to 65535",
        "8:40: there is no master `x` (masters: m)",
        "9:5: the host name `a b` is not allowed: ` ` is not allowed in it",
        "10:16: `l` is neither a master nor a slave (put it below the group `masters` or `slaves`)",
        "10:33: the group `lost` contains itself (`lost > lost`)",
    ]


def test_folders_are_compared_across_hosts(tmp_path: Path) -> None:
    text = "{all: {vars: {address: x}}, masters: {hosts: {m: {remote: /r}}}, slaves: {hosts: {s: {cache: /r/s}}}}"
    assert problems_of(tmp_path, text) == [
        "1:94: `/r/s` lies in the remote folder of `m` (no cache may lie in another folder of jsync, or hold one)"
    ]


def test_views_of_one_machine_are_a_warning(tmp_path: Path) -> None:
    text = "{masters: {hosts: {m: {remote: r}}}, slaves: {vars: {address: x}, hosts: {s: {cache: c}, t: {cache: c}}}}"
    assert inventory_of(tmp_path, text).warnings == (
        "`s`, `t` have the same address and port (x, 5000): they count as views of one machine",
    )


def test_a_file_that_is_not_there_is_an_inventory_error(tmp_path: Path) -> None:
    path = tmp_path / "none.yaml"
    with pytest.raises(InventoryError) as caught:
        load(path, environ={})
    assert str(caught.value) == f"{path}:1:1: there is no such file (`jsync init` writes a working example)"


def test_a_file_that_can_not_be_read_says_why(tmp_path: Path) -> None:
    loop = tmp_path / "loop.yaml"
    loop.symlink_to(loop)
    for path, reason in ((loop, "can't be read: "), (Path("a\0b"), "can't be read: no file has such a name")):
        with pytest.raises(InventoryError) as caught:
            load(path, environ={})
        assert caught.value.problems[0].message.startswith(reason)


def test_a_pipe_is_read_like_a_file() -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader), os.fdopen(writer, "wb") as pipe:
        pipe.write(b"{masters: {hosts: {m: {remote: /r}}}}")
        pipe.close()
        assert list(load(Path(f"/dev/fd/{reader}"), environ={}).hosts) == ["m"]


SITE = {
    "hosts/masters.yaml": """
        masters: {hosts: {m: {remote: remote}}}
        """,
    "hosts/slaves.yaml": """
        slaves: {vars: {max_delete: 1, cache: "c/{name}"}, hosts: {"s[1:2]": {tcp_port: "5{n}"}}}
        """,
    "hosts/group_vars/all.yml": "udp_port: 7\ncache: none\n",
    "hosts/group_vars/slaves/a.json": '{"max_delete": 2, "cache": "$HOME/{name}"}',
    "hosts/group_vars/slaves/b.yml": "max_delete: '3%'\n",
    "hosts/host_vars/s2": "# this one is different\nansible_host: 10.0.0.2\ntcp_port: 99\n",
    "more/list.sh": """
        #!/bin/sh
        echo '{"_meta": {"hostvars": {'
        echo '  "s3": {"cache": "here", "remote": "inherited from all"}}},'
        echo '"slaves": {"hosts": ["s3"]}}'
        """,
    "more/host_vars/m": "remote: other\n",
}


def test_files_of_all_kinds_make_one_inventory(tmp_path: Path) -> None:
    write_files(tmp_path, SITE)
    (tmp_path / "more/list.sh").chmod(0o755)
    inventory = load(tmp_path / "hosts", tmp_path / "more/list.sh", environ=ENVIRON)
    assert inventory.sources == (tmp_path / "hosts", tmp_path / "more/list.sh")
    assert inventory.source == f"{tmp_path}/hosts, {tmp_path}/more/list.sh"
    assert list(inventory.hosts) == ["m", "s1", "s2", "s3"]
    found = {name: (host.remote or host.cache, host.tcp_port, host.udp_port) for name, host in inventory.hosts.items()}
    assert found == {
        "m": (tmp_path / "more/other", 4440, 7),  # relative to the folder that has host_vars/
        "s1": (Path("/home/jobs/s1"), 51, 7),
        "s2": (Path("/home/jobs/s2"), 99, 7),
        "s3": (tmp_path / "more/here", 5000, 7),
    }
    assert [str(slave.max_delete) for slave in inventory.slaves] == ["3%", "3%", "3%"]
    assert inventory.hosts["s2"].address == "10.0.0.2"
    where = {
        (host, name): f"{setting.origin} {setting.file}:{setting.line}:{setting.column}".replace(f"{tmp_path}/", "")
        for host in ("s2", "s3", "m")
        for name, setting in inventory.settings[host].items()
    }
    assert where["s2", "max_delete"] == "slaves hosts/group_vars/slaves/b.yml:1:13"
    assert where["s2", "cache"] == "slaves hosts/group_vars/slaves/a.json:1:28"
    assert where["s2", "udp_port"] == "all hosts/group_vars/all.yml:1:11"
    assert where["s2", "address"] == "s2 hosts/host_vars/s2:2:15"
    assert where["s3", "cache"] == "s3 more/list.sh --list:2:19"
    assert where["m", "remote"] == "m more/host_vars/m:1:9"
    assert ("s3", "remote") not in where


def test_the_files_of_an_executable_and_faults_all_over_come_in_one_go(tmp_path: Path) -> None:
    write_files(tmp_path, SITE)
    write_files(
        tmp_path,
        {
            "hosts/host_vars/s1.yml": "tcp_port: 0\nremote: x\n",
            "hosts/group_vars/masters": "max_delete: 1\n",
            "hosts/slaves.yaml": "slaves: {hosts: {'s[1:2]': {cache: a, tcp_port: x}}}",
            "more/extra": "slaves: {hosts: {s4: {cache: a, master: n}}}",
        },
    )
    assert faults(tmp_path, "hosts", "more/extra") == [
        "hosts/group_vars/masters:1:1: `max_delete` is a variable of slaves, and the hosts of `masters` are masters "
        "(remove it)",
        "hosts/host_vars/s1.yml:1:11: `tcp_port`: `0` is not a port from 1 to 65535",
        "hosts/host_vars/s1.yml:2:1: `remote` is a variable of masters, and `s1` is a slave (remove it)",
        "hosts/slaves.yaml:1:49: `tcp_port`: `x` is not a port from 1 to 65535",
        "more/extra:1:41: there is no master `n` (masters: m)",
    ]


def test_a_path_of_another_folder_that_means_nothing_is_told_once(tmp_path: Path) -> None:
    write_files(tmp_path, {"a.yaml": MASTER, "b/c.yaml": "{slaves: {hosts: {s: {cache: $NOWHERE/c}}}}"})
    assert faults(tmp_path, "a.yaml", "b") == [
        "b/c.yaml:1:30: `cache`: `$NOWHERE/c`: the environment variable `NOWHERE` is not set"
    ]


def test_what_is_missing_is_not_looked_for_elsewhere(tmp_path: Path) -> None:
    write_files(tmp_path, SITE)
    (tmp_path / "hosts/masters.yaml").write_text("masters: [")
    (tmp_path / "hosts/group_vars/masters.yml").write_text("x: [")
    assert faults(tmp_path, "hosts", "none") == [
        "hosts/masters.yaml:1:11: not YAML: expected the node content, but found '<stream end>'",
        "none:1:1: there is no such file (`jsync init` writes a working example)",
    ]


def test_faults_of_the_whole_name_all_of_it(tmp_path: Path) -> None:
    write_files(tmp_path, {"a": "masters:", "b": "slaves:"})
    assert faults(tmp_path, "a", "b") == [
        "a, b:1:1: the inventory has no hosts (put them below the groups `masters` and `slaves`)"
    ]


def test_the_later_inventory_wins(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "a.yaml": "{masters: {vars: {tcp_port: 1}, hosts: {m: {remote: a, listen: a}}}}",
            "b.yaml": "{masters: {vars: {tcp_port: 2}, hosts: {m: {remote: b}}}}",
        },
    )
    for first, second in ("ab", "ba"):
        host = load(tmp_path / f"{first}.yaml", tmp_path / f"{second}.yaml", environ=ENVIRON).hosts["m"]
        assert (host.tcp_port, host.remote, host.listen) == ({"a": 1, "b": 2}[second], tmp_path / second, "a")


def test_files_that_nobody_reads_are_a_warning(tmp_path: Path) -> None:
    write_files(tmp_path, {"jsync.yaml": MASTER, "group_vars/mastres.yml": "x: 1"})
    assert load(tmp_path / "jsync.yaml", environ={}).warnings == (
        f"{tmp_path}/group_vars: `mastres.yml` not read: there is no group of that name",
    )


def test_ten_thousand_hosts_are_taken(tmp_path: Path) -> None:
    text = "{masters: {hosts: {m: {remote: r}}}, slaves: {hosts: {'s-[1:9999]': {cache: 'c/{name}', tcp_port: '{n}'}}}}"
    inventory = inventory_of(tmp_path, text)
    assert len(inventory.hosts) == 10_000
    assert inventory.hosts["s-9999"].tcp_port == 9999


GROUP_WORDS = ["all", "masters", "slaves", "hosts", "children", "vars", "a", "b", "m-[1:3]", "s[a:c]", "ungrouped"]
VARIABLE_WORDS = ["tcp_port", "udp_port", "cache", "remote", "master", "address", "x_y", "connection", "folder"]
VALUE_WORDS = ["5", "0", "yes", "{n}", "{name}", "$HOME", "~", "null", "ssh", "none", ".x", "../..", "&a", "*a", "<<"]
WORDS = st.sampled_from([*GROUP_WORDS, *VARIABLE_WORDS, *VALUE_WORDS, "allowed_hosts", "host", "level"])
NESTED = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 70000) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=25,
)


def loads_or_is_refused(path: Path, data: bytes, *, inventory_path: Path | None = None) -> None:
    path.write_bytes(data)
    try:
        inventory = load(inventory_path or path, environ=ENVIRON)
    except InventoryError as error:
        assert error.problems
        assert all(problem.message for problem in error.problems)
    else:
        assert inventory.hosts


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.binary(max_size=300)
    | st.text(alphabet="all:mstersv -[]{}\n\"'#&*!?|>%@`,~0x", max_size=200).map(str.encode)
)
def test_random_bytes_are_an_inventory_or_an_inventory_error(data: bytes, tmp_path: Path) -> None:
    loads_or_is_refused(tmp_path / "random.yaml", data)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(document=st.dictionaries(WORDS, NESTED, max_size=4))
def test_random_documents_are_an_inventory_or_an_inventory_error(document: object, tmp_path: Path) -> None:
    loads_or_is_refused(tmp_path / "random.yaml", repr(document).replace("None", "null").encode())


LISTS = st.fixed_dictionaries(
    {"_meta": st.fixed_dictionaries({}, optional={"hostvars": NESTED | st.dictionaries(WORDS, NESTED, max_size=3)})},
    optional={
        name: st.lists(WORDS, max_size=3) | st.dictionaries(st.sampled_from(["hosts", "children", "vars"]), NESTED)
        for name in ("masters", "slaves", "a")
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=LISTS)
def test_random_lists_are_an_inventory_or_an_inventory_error(document: object, tmp_path: Path) -> None:
    loads_or_is_refused(tmp_path / "random.json", json.dumps(document).encode())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=60) | st.dictionaries(WORDS, NESTED, max_size=4).map(lambda v: json.dumps(v).encode()))
def test_random_files_of_variables_are_taken_or_an_inventory_error(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "group_vars").mkdir(exist_ok=True)
    (tmp_path / "jsync.yaml").write_text(MASTER)
    loads_or_is_refused(tmp_path / "group_vars" / "masters", data, inventory_path=tmp_path / "jsync.yaml")
