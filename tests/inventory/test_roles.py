from __future__ import annotations

from pathlib import Path

import pytest

from sync_core.model.inventory import Role
from tests.support.inventories import inventory_of, problems_of


def test_every_host_below_a_role_group_has_the_role(tmp_path: Path) -> None:
    inventory = inventory_of(
        tmp_path,
        """
        all:
          hosts: {a: }
          children:
            masters: {children: {inner: {hosts: {m: {remote: r}}}}}
            slaves: {children: {x: {children: {y: {hosts: {a: {cache: a}}}}}}, hosts: {b: {cache: b}}}
        both: {hosts: {m: , a: }}
        """,
    )
    assert {name: host.role for name, host in inventory.hosts.items()} == {
        "a": Role.SLAVE,
        "m": Role.MASTER,
        "b": Role.SLAVE,
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{masters: , slaves: {hosts: {}}}", [
            "1:1: the inventory has no hosts (put them below the groups `masters` and `slaves`)"
        ]),
        ("{masters: {hosts: {m: {remote: r}, h: {remote: r}}}, slaves: {hosts: {h: {cache: c}}}}", [
            "1:36: `h` is below `masters` and below `slaves` (one host has one role; a machine can carry two hosts)"
        ]),
        ("{masters: {hosts: {m: {remote: r}}}, others: {hosts: {'x[1:3]': , y: }}}", [
            "1:55: `x1` is neither a master nor a slave (put it below the group `masters` or `slaves`)",
            "1:67: `y` is neither a master nor a slave (put it below the group `masters` or `slaves`)",
        ]),
        ("{masters: {hosts: {m: {remote: r, cache: c, folder: f}}}, slaves: {hosts: {s: {cache: c, remote: r}}}}", [
            "1:35: `cache` is a variable of slaves, and `m` is a master (remove it)",
            "1:45: `folder` is a variable of slaves, and `m` is a master (remove it)",
            "1:90: `remote` is a variable of masters, and `s` is a slave (remove it)",
        ]),
        ("{masters: {hosts: {m: {remote: r}}, vars: {max_delete: 1}, children: {i: {vars: {cache: c}}}}}", [
            "1:44: `max_delete` is a variable of slaves, and the hosts of `masters` are masters (remove it)",
            "1:82: `cache` is a variable of slaves, and the hosts of `i` are masters (remove it)",
        ]),
    ],
)  # fmt: skip
def test_hosts_without_a_clear_role_are_faults(text: str, expected: list[str], tmp_path: Path) -> None:
    assert problems_of(tmp_path, text) == expected


def test_common_groups_may_hold_values_for_both_roles(tmp_path: Path) -> None:
    inventory = inventory_of(
        tmp_path,
        """
        all: {vars: {remote: r, cache: "c/{n}", max_delete: 1}}
        masters: {hosts: {m: }}
        slaves: {hosts: {"s[1:1]": }}
        """,
    )
    assert set(inventory.settings["m"]) == {"remote"}
    assert set(inventory.settings["s1"]) == {"cache", "max_delete"}
    assert inventory.hosts["m"].cache is None
    assert inventory.hosts["s1"].remote is None
