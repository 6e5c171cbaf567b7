from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sync_core.agent.settings import needing_restart, peers_of, restart_md5, settings_md5
from sync_core.model.inventory import Dialect, Host, MaxDelete, Role
from sync_core.model.security import AllowedHost, Level
from tests.support.net import a_host, an_inventory

MASTER = a_host("master", role=Role.MASTER)
SLAVE, OTHER = a_host("s1"), a_host("s2", tcp_port=5001)


def digests(master: Host = MASTER, slave: Host = SLAVE) -> tuple[str, ...]:
    inventory = an_inventory(master, slave, OTHER)
    return tuple(settings_md5(inventory, host) for host in inventory.hosts.values())


def test_peers() -> None:
    inventory = an_inventory(MASTER, SLAVE, OTHER, a_host("s3", masters=("elsewhere",)))
    assert peers_of(inventory, MASTER) == (SLAVE, OTHER)
    assert peers_of(inventory, SLAVE) == (MASTER,)


def test_the_same_settings_have_the_same_digest() -> None:
    assert digests() == digests()
    assert len(set(digests())) == 3


@pytest.mark.parametrize(
    ("changes", "concerned"),
    [
        ({"interval_s": 5.0}, ["s1"]),
        ({"scheduler_id": "x"}, ["master", "s1"]),
        ({"tcp_port": 6000}, ["master", "s1"]),
        ({"address": "::1"}, ["master", "s1"]),
        ({"folder": "x"}, ["master", "s1"]),
    ],
)
def test_a_change_concerns_the_host_and_those_that_use_it(changes: dict[str, Any], concerned: list[str]) -> None:
    after = digests(slave=replace(SLAVE, **changes))
    pairs = zip(("master", "s1", "s2"), digests(), after, strict=True)
    assert [name for name, old, new in pairs if old != new] == concerned


def test_a_masters_new_port_concerns_all_its_slaves() -> None:
    assert not set(digests()) & set(digests(master=replace(MASTER, tcp_port=4441)))


@pytest.mark.parametrize(
    "changes",
    [
        {"interval_s": 5.0},
        {"allowed_hosts": (AllowedHost(host="10.0.0.1", level=Level.ALL),)},
        {"max_delete": MaxDelete(number=3, is_percentage=False)},
        {"masters": ("another",)},
        {"address": "::1"},
        {"folder": "x"},
        {"tcp_required": False, "udp_required": False, "become": True, "jsync": "/opt/jsync"},
    ],
)
def test_what_is_taken_over_needs_no_restart(changes: dict[str, Any]) -> None:
    after = replace(SLAVE, **changes)
    assert restart_md5(after) == restart_md5(SLAVE)
    assert needing_restart(SLAVE, after) == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"tcp_port": 6000},
        {"udp_port": None},
        {"listen": "127.0.0.1"},
        {"remote": Path("/other")},
        {"cache": Path("/other")},
        {"dialect": Dialect.HTTP},
        {"scheduler_id": "x"},
        {"role": Role.MASTER},
        {"trust_path": True},
    ],
)
def test_all_else_needs_a_restart(changes: dict[str, Any]) -> None:
    after = replace(SLAVE, **changes, interval_s=5.0)
    assert restart_md5(after) != restart_md5(SLAVE)
    assert needing_restart(SLAVE, after) == tuple(changes)
