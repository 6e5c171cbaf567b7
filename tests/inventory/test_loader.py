from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync_core.inventory import load
from sync_core.model.errors import InventoryError, NotBuiltError
from sync_core.model.inventory import Group
from tests.support.inventories import ENVIRON, inventory_of, problems_of, write_inventory

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
    assert inventory.source == tmp_path / "jsync.yaml"
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
    assert str(caught.value) == f"{path}: there is no such file (`jsync init` writes a working example)"


def test_a_file_that_can_not_be_read_says_why(tmp_path: Path) -> None:
    loop = tmp_path / "loop.yaml"
    loop.symlink_to(loop)
    for path, reason in ((loop, "can't be read: "), (Path("a\0b"), "can't be read: no file has such a name")):
        with pytest.raises(InventoryError) as caught:
            load(path, environ={})
        assert caught.value.problems[0].message.startswith(reason)


def test_folders_and_executables_are_not_built_yet(tmp_path: Path) -> None:
    with pytest.raises(NotBuiltError, match="is a folder; these are not built yet"):
        load(tmp_path, environ={})
    path = write_inventory(tmp_path, CONTRACT)
    path.chmod(0o755)
    with pytest.raises(NotBuiltError, match="is executable; inventories that are run are not built yet") as caught:
        load(path, environ={})
    assert caught.value.hint == f"if it is YAML: chmod a-x {path}"


def test_a_pipe_is_read_like_a_file() -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader), os.fdopen(writer, "wb") as pipe:
        pipe.write(b"{masters: {hosts: {m: {remote: /r}}}}")
        pipe.close()
        assert list(load(Path(f"/dev/fd/{reader}"), environ={}).hosts) == ["m"]


@pytest.mark.parametrize("name", ["group_vars", "host_vars"])
def test_variable_folders_are_never_silently_ignored(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    assert problems_of(tmp_path, "{masters: {hosts: {m: {remote: r, x: 1}}}}") == [
        f"{name}/ beside it is not read yet: not built (put the values into the file, and move the folder away)",
        "1:35: unknown variable `x` (names of your own begin with `x_`)",
    ]


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


def loads_or_is_refused(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    try:
        inventory = load(path, environ=ENVIRON)
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
