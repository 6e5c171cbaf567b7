"""What we read is what the real ``ansible-inventory`` reads."""

from __future__ import annotations

import json
import os
import random
import re
from pathlib import Path
from typing import Any

import pytest

from sync_core.inventory import load
from sync_core.inventory.listing import dump, graph
from sync_core.inventory.variables import ONLY_FOR
from sync_core.model.inventory import Inventory
from tests.support.ansible import Ansible
from tests.support.inventory_files import printing, write_files

EXAMPLES = Path(__file__).parents[2] / "inventory_examples"

pytestmark = pytest.mark.timeout(300)  # the first one may have to install Ansible


def groups_of(document: dict[str, Any]) -> dict[str, tuple[list[str], set[str]]]:
    """Return for each group its hosts and its children; empty groups are in neither document."""
    return {
        name: (group.get("hosts", []), set(group.get("children", [])))
        for name, group in document.items()
        if name != "_meta"
    }


def values_of(document: dict[str, Any], inventory: Inventory) -> dict[str, dict[str, object]]:
    """Return Ansible's values by host as we understand them: placeholders filled, numbers as numbers."""
    found: dict[str, dict[str, object]] = {}
    for name, host in inventory.hosts.items():
        variables = document["_meta"]["hostvars"].get(name, {})
        numbers = re.findall("[0-9]+", name)
        found[name] = {
            key: filled(value, name, numbers[-1] if numbers else "")
            for key, value in variables.items()
            if ONLY_FOR.get(key, host.role) is host.role
        }
    return found


def filled(value: object, name: str, n: str) -> object:
    if isinstance(value, str):
        text = value.replace("{name}", name).replace("{n}", n)
        return int(text) if text.isdigit() and text != value else text
    return value


def assert_agree(ansible: Ansible, *sources: Path) -> Inventory:
    ours = load(*sources, environ=dict(os.environ))
    listed: dict[str, Any] = dump(ours)
    theirs = ansible.inventory(*sources)
    assert groups_of(listed) == groups_of(theirs)
    hosts = {name: listed["_meta"]["hostvars"].get(name, {}) for name in ours.hosts}
    assert hosts == values_of(theirs, ours)
    return ours


@pytest.mark.parametrize("name", ["demo.yaml", "mixed.yaml", "site.yaml", "fleet", "dynamic.py"])
def test_examples_are_read_as_ansible_reads_them(ansible: Ansible, name: str) -> None:
    assert_agree(ansible, EXAMPLES / name)


def test_the_graph_is_the_one_that_ansible_draws(ansible: Ansible) -> None:
    ours = graph(load(EXAMPLES / "fleet", environ={})).splitlines()
    theirs = ansible.graph(EXAMPLES / "fleet").splitlines()
    assert sorted(ours) == sorted(theirs)  # Ansible has `ungrouped` first, we have it last
    assert [line for line in ours if "ungrouped" not in line] == [line for line in theirs if "ungrouped" not in line]


MASTER = "masters: {hosts: {m: {remote: /r}}}\n"
NESTED = MASTER + "slaves: {vars: {cache: /c}, children: {p: {children: {c: {hosts: {s: }}, d: {hosts: {t: }}}}}}\n"
TWO = MASTER + "slaves: {vars: {cache: /c}, children: {a: {hosts: {s: }}, b: {hosts: {s: }}}}\n"
ORDER = (
    NESTED.replace("{s: }", "{s: {x_h: inventory}}")
    .replace("p: {", "p: {vars: {x_p: inventory}, ")
    .replace("c: {hosts", "c: {vars: {x_c: inventory, x_p: child}, hosts")
)
LEVELS = ("x_all", "x_p", "x_c", "x_h")


def setting(*names: str, value: str) -> str:
    return "".join(f"{name}: {value}\n" for name in names)


CASES: dict[str, tuple[list[str], dict[str, str]]] = {
    "files beat the inventory, but for the host": (["i.yaml"], {
        "i.yaml": ORDER + "all: {vars: {x_all: inventory}}\n",
        "group_vars/all.yml": setting(*LEVELS, value="all"),
        "group_vars/p": setting("x_p", "x_c", "x_h", value="p"),
    }),
    "parents, children, hosts": (["i.yaml"], {
        "i.yaml": ORDER,
        "group_vars/all/b.yml": setting(*LEVELS, value="all-b"),
        "group_vars/all/a.yml": setting(*LEVELS, value="all-a"),
        "group_vars/slaves.yml": setting("x_p", "x_c", "x_h", "x_s", value="slaves"),
        "group_vars/p.yaml": setting("x_p", "x_c", "x_h", value="p"),
        "group_vars/c.json": '{"x_c": "c", "x_h": "c"}',
        "group_vars/d": setting("x_d", value="d"),
        "host_vars/s.yml": setting("x_h", value="host"),
        "host_vars/t/deep/x.yml": setting("x_t", value="host"),
    }),
    "files of all are weaker than those of groups": (["i.yaml"], {
        "i.yaml": TWO + "all: {vars: {x_a: 0, x_b: 0}}\n",
        "group_vars/all": "x_a: 1\nx_b: 1\nx_c: 1\n",
        "group_vars/a": "x_a: 2\n",
    }),
    "siblings by the alphabet": (["i.yaml"], {
        "i.yaml": TWO.replace("a: {", "a: {vars: {x_i: a}, ").replace("b: {h", "b: {vars: {x_i: b}, h"),
        "group_vars/a": "x_f: a\n",
        "group_vars/b": "x_f: b\n",
    }),
    "siblings by priority": (["i.yaml"], {
        "i.yaml": TWO.replace("a: {", "a: {vars: {x_i: a, ansible_group_priority: 5}, ").replace(
            "b: {h", "b: {vars: {x_i: b}, h"
        ),
        "group_vars/a": "x_f: a\n",
        "group_vars/b": "x_f: b\n",
    }),
    "a negative priority": (["i.yaml"], {
        "i.yaml": TWO.replace("a: {", "a: {vars: {x_i: a}, ").replace(
            "b: {h", "b: {vars: {x_i: b, ansible_group_priority: -3}, h"
        ),
    }),
    "depth is the longest way": (["i.yaml"], {
        "i.yaml": NESTED + "z: {vars: {x_v: z}, hosts: {s: }}\nq: {children: {c: }}\n".replace("q:", "q:"),
        "group_vars/q": "x_v: q\nx_w: q\n",
        "group_vars/p": "x_w: p\n",
        "group_vars/z": "x_w: z\n",
    }),
    "of several files the first counts": (["i.yaml"], {
        "i.yaml": TWO,
        **{f"group_vars/a{ending}": f"x_a: '{ending}'\n" for ending in (".yml", ".yaml", ".json")},
        **{f"group_vars/b{ending}": f"x_b: '{ending}'\n" for ending in ("/x.yml", ".yml", ".yaml")},
    }),
    "what lies in a folder of variables": (["i.yaml"], {
        "i.yaml": TWO,
        **{f"group_vars/a/{name}": f"x_{number}: 1\nx_last: {number}\n" for number, name in enumerate(
            ["z", "m.yml", "deep/a.json", ".hidden.yml", "b~", "n.bak", "o.txt", "e.d/x.yml", "A.yaml", "p.yml.orig"]
        )},
    }),
    "several inventories": (["one/i.yaml", "two/j.yaml"], {
        "one/i.yaml": NESTED.replace("p: {", "p: {vars: {x_i: one, x_j: one}, "),
        "two/j.yaml": "p: {vars: {x_i: two}}\nc: {hosts: {s: {x_h: two}, u: }}\n",
        "one/group_vars/c": "x_f: one child\nx_g: one child\n",
        "two/group_vars/p": "x_f: two parent\n",
        "one/host_vars/s": "x_h: one\nx_k: one\n",
        "two/host_vars/s": "x_k: two\n",
    }),
    "the same inventories the other way round": (["two/j.yaml", "one/i.yaml"], {
        "one/i.yaml": NESTED.replace("p: {", "p: {vars: {x_i: one, x_j: one}, "),
        "two/j.yaml": "p: {vars: {x_i: two}}\nc: {hosts: {s: {x_h: two}, u: }}\n",
        "one/group_vars/c": "x_f: one child\nx_g: one child\n",
        "two/group_vars/p": "x_f: two parent\n",
        "one/host_vars/s": "x_h: one\nx_k: one\n",
        "two/host_vars/s": "x_k: two\n",
    }),
    "a folder between two files of another": (["one/a.yaml", "two", "one/b.yaml"], {
        "one/a.yaml": NESTED,
        "two/j.yaml": "c: {hosts: {s: {x_h: two}}}\n",
        "one/b.yaml": "c: {hosts: {s: {x_h: one}}}\n",
        "one/group_vars/c": "x_f: one\n",
        "two/group_vars/c": "x_f: two\n",
    }),
    "a folder": (["."], {
        "02-more.yml": "c: {hosts: {s: {x_h: later}}, vars: {x_c: later}}\n",
        "01-first.yaml": NESTED.replace("{s: }", "{s: {x_h: earlier}}"),
        "03.json": '{"d": {"hosts": {"t": {"x_h": "json"}}}}',
        "04-script": printing('{"_meta": {"hostvars": {"v": {"x_h": 1}}}, "d": {"hosts": ["v"], "vars": {"x_c": 1}}}'),
        "deep/05.yaml": "d: {hosts: {w: {x_h: deep}}}\n",
        "deep/group_vars/d": "x_no: 1\n",
        "group_vars/d": "x_yes: 1\n",
        **dict.fromkeys(["hosts.orig", "hosts.bak", "hosts~", ".hidden", "x.cfg", "x.retry", "README.md"], "all: [\n"),
    }),
    "an executable that is asked for each host": (["x/list"], {
        "x/list": """
            #!/bin/sh
            case "$1 $2" in
            "--list ")
                echo '{"masters": ["m"], "slaves": {"children": ["c"], "vars": {"cache": "/c"}},'
                echo ' "c": ["s", "t"]}';;
            "--host m") echo '{"remote": "/r"}';;
            "--host s") echo '{"x_h": "host", "x_n": [1, {"a": null}]}';;
            esac
            """,
        "x/group_vars/c": "x_h: c\nx_g: c\n",
        "x/host_vars/s": "x_v: s\n",
    }),
    "ranges and aliases": (["i.yaml"], {
        "i.yaml": MASTER + """
slaves:
  vars: {cache: "/c/{name}", ansible_user: jobs}
  hosts:
    s-[01:03]: {ansible_host: "10.0.0.{n}", ansible_port: 22}
    u-[1:9:4]: {ansible_become: true}
    v-[a:c]:
""",
        "host_vars/s-02": "ansible_host: other\n",
    }),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_same_value_wins(ansible: Ansible, name: str, tmp_path: Path) -> None:
    sources, files = CASES[name]
    write_files(tmp_path, files)
    assert_agree(ansible, *(tmp_path / source for source in sources))


def test_what_ansible_lists_is_the_same_inventory(ansible: Ansible, tmp_path: Path) -> None:
    write_files(tmp_path, CASES["parents, children, hosts"][1])
    before = load(tmp_path / "i.yaml", environ={})
    (tmp_path / "list").mkdir()
    write_files(tmp_path / "list", {"l.json": json.dumps(ansible.inventory(tmp_path / "i.yaml"))})
    after = load(tmp_path / "list" / "l.json", environ={})
    assert after.hosts == before.hosts
    listed = dump(after)
    assert groups_of(listed) == groups_of(dump(before))
    assert {"_meta": listed["_meta"]} == {"_meta": dump(before)["_meta"]}


@pytest.mark.parametrize("seed", range(12))
def test_any_groups_give_the_same_values(ansible: Ansible, seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    names = [f"g{number}" for number in range(7)]
    groups: dict[str, Any] = {"masters": {"hosts": {"m": {"remote": "/r"}}}}
    groups["slaves"] = {"hosts": dict.fromkeys("stuv"), "vars": {"cache": "/c"}, "children": {}}
    for place, name in enumerate(names):
        variables = {f"x_{number}": name for number in range(4) if chance.random() < 0.5}
        if chance.random() < 0.2:
            variables["ansible_group_priority"] = str(chance.randint(-2, 3))
        children = dict.fromkeys(other for other in names[:place] if chance.random() < 0.35)
        hosts = dict.fromkeys(host for host in "stuv" if chance.random() < 0.3)
        groups[name] = {"hosts": hosts, "vars": variables, "children": children}
    shuffled = dict(chance.sample(list(groups.items()), len(groups)))
    filed = chance.sample(["all", "slaves", *names], 4)
    files = {f"group_vars/{name}": f"x_{chance.randint(0, 3)}: file of {name}\n" for name in filed}
    write_files(tmp_path, {"i.yaml": json.dumps(shuffled), **files, "host_vars/s": "x_0: file of s\n"})
    assert_agree(ansible, tmp_path / "i.yaml")
