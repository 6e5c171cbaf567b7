from __future__ import annotations

from pathlib import Path

import pytest

from sync_core.inventory.problems import Problems
from sync_core.inventory.references import check_folders, warnings
from sync_core.model.inventory import Connection, Host, Setting, SshSettings
from tests.support.inventories import a_master, a_slave


def faults(*hosts: Host) -> list[str]:
    """Return what is wrong with the folders of ``hosts``; a fault's line is the host's number, its column is 1."""
    problems = Problems("f")
    settings = {
        host.name: {
            name: Setting(value="", written_as=name, origin=host.name, file="f", line=number, column=1)
            for name in ("remote", "cache")
        }
        for number, host in enumerate(hosts, start=1)
    }
    check_folders(hosts, settings, problems)
    return [str(problem).removeprefix("f:") for problem in problems.error().problems]


def at(address: str, port: int, cache: str, **changes: object) -> Host:
    return a_slave(f"s{port}", address=address, tcp_port=port, cache=Path(cache), **changes)


APART = "no cache may lie in another folder of jsync, or hold one"
OWN = "each slave has its own, such as caches/{name}"


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        ([at("10.0.0.1", 1, "/c"), at("10.0.0.1", 2, "/d"), at("10.0.0.2", 3, "/c")], []),
        ([at("10.0.0.1", 1, "/c/a"), at("10.0.0.1", 2, "/c/ab")], []),
        ([at("10.0.0.1", 1, "/c"), at("10.0.0.1", 2, "/c")], [
            f"2:1: the slaves `s1` and `s2` share the cache `/c` ({OWN})"
        ]),
        ([at("A.example.", 1, "/c"), at("a.example", 2, "/c")], [
            f"2:1: the slaves `s1` and `s2` share the cache `/c` ({OWN})"
        ]),
        ([at("127.0.0.1", 1, "/c"), at("localhost", 2, "/c"), at("::1", 3, "/c")], [
            f"2:1: the slaves `s1` and `s2` share the cache `/c` ({OWN})",
            f"3:1: the slaves `s2` and `s3` share the cache `/c` ({OWN})",
        ]),
        ([at("127.0.0.1", 1, "/c"), at("10.0.0.1", 2, "/c", connection=Connection.LOCAL)], [
            f"2:1: the slaves `s1` and `s2` share the cache `/c` ({OWN})"
        ]),
        ([at("127.0.0.1", 1, "/c"), at("127.0.0.1", 2, "/c", ssh=SshSettings(port=2222))], []),  # two guests
        ([at("127.0.0.1", 1, "/c"), at("::1", 2, "/c", connection=Connection.SSH)], []),
        ([at("10.0.0.1", 1, "/c"), a_slave("view", address="10.0.0.1", tcp_port=1, cache=Path("/c"))], []),
        ([at("10.0.0.1", 1, "/c"), at("10.0.0.1", 2, "/c/d/e")], [
            f"2:1: `/c/d/e` lies in the cache of `s1` ({APART})"
        ]),
        ([a_master("m"), at("127.0.0.1", 1, "/srv/remote/_all")], [
            f"2:1: `/srv/remote/_all` lies in the remote folder of `m` ({APART})"
        ]),
        ([a_master("m"), at("127.0.0.1", 1, "/srv/remote")], [
            f"2:1: `/srv/remote` is also the remote folder of `m` ({APART})"
        ]),
        ([a_master("m"), at("127.0.0.1", 1, "/srv")], [f"1:1: `/srv/remote` lies in the cache of `s1` ({APART})"]),
        ([a_master("m"), a_master("n", tcp_port=4441), at("10.0.0.1", 1, "/srv")], []),
        ([a_master("m", remote=None), a_slave("s", cache=None)], []),
    ],
)  # fmt: skip
def test_folders_of_one_machine_are_kept_apart(hosts: list[Host], expected: list[str]) -> None:
    assert faults(*hosts) == expected


def test_hosts_at_one_address_and_port_deserve_a_word() -> None:
    hosts = (a_master("m"), a_slave("a"), a_slave("b"), a_slave("c", tcp_port=5001), a_slave("d", address="::1"))
    assert warnings(hosts, ["all", "masters"]) == (
        "`a`, `b` have the same address and port (127.0.0.1, 5000): they count as views of one machine",
    )


def test_a_name_of_a_host_and_of_a_group_deserves_a_word() -> None:
    assert warnings((a_master("m"), a_slave("web")), ["web", "all"]) == (
        "`web` names a host and a group; in patterns it means the host, behind & or ! the group",
    )
