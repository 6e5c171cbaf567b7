"""What a pattern means to us is what it means to the real Ansible, but for the differences that are named here."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync_core.inventory import load
from sync_core.model.errors import UsageError
from sync_core.model.inventory import Inventory
from sync_core.model.patterns import select
from tests.support.ansible import Ansible
from tests.support.inventory_files import write_files

pytestmark = pytest.mark.timeout(300)  # the first one may have to install Ansible

FLEET = Path(__file__).parents[2] / "inventory_examples" / "fleet"

GROUPS = """
masters: {hosts: {m: {remote: /r}}}
slaves:
  vars: {connection: none}
  hosts: {s-1: , s-2: , s-3: , web.example: , both: , "fe80::1": }
  children: {north: {hosts: {s-2: , s-1: }}}
canary: {hosts: {s-3: , s-1: }}
camp: {hosts: {web.example: , m: }}
both: {hosts: {s-1: }}
empty:
"""

_TABLE = """
all  *  masters  slaves  m  s-1  s-*  s-?  s-[12]  s-[!1]  s*  c*  *.example  web.example  web*
m,s-1  m:s-1  s-1:m  slaves:&canary  slaves,&canary  slaves:!canary  !canary  &canary  !s-1  &s-*  !m:slaves:&canary
slaves:canary:&north:!s-3  ~s-[12]  ~.*amp  ~(s-1|m)  ~c  !~s-  &~c
slaves[0]  slaves[1]  slaves[-1]  slaves[-2]  slaves[0:1]  slaves[1:]  slaves[1:2]  slaves[0:0]  slaves[3:9]
s-*[0]  s-*[1]  s-*[-1]  s-*[1:2]  c*[0]  c*[-1]  canary[0]  canary[1]  all[0]  all[-1]  all[1:2]  *[0]  *[4]  *[-1]
s*[6]  s*[-1]  s*[-2]  b*[-1]  b*[1:2]  slaves[0-1]  slaves[1-]  !slaves[1-4]  s-[1-2]  s-[1-3]
north[0],canary[-1]  slaves:!slaves[0]  slaves:&canary[0]  !slaves[1:]
both  !both  &both  both[0]  slaves:!both  bo*  ~both
fe80::1  m,fe80::1  !fe80::1  slaves,!fe80::1
nobody  slaves:nobody  s-9*  slaves[99]  slaves[-99]  slaves[2:1]  empty  ungrouped  slaves:!all  &empty
"""
PATTERNS = _TABLE.split()

STRICTER = {"slaves:nobody"}
"""What we refuse and Ansible doesn't: a plain term that means nobody, while others mean somebody."""

KINDER = {"!fe80::1": "m s-1 s-2 s-3 web.example both", "s-[1-2]": "s-1 s-2", "s-[1-3]": "s-1 s-2 s-3"}
"""What means nobody to Ansible, and what it says to us."""


def test_a_pattern_means_the_same_hosts(ansible: Ansible, tmp_path: Path) -> None:
    write_files(tmp_path, {"i.yaml": GROUPS})
    ours = load(tmp_path / "i.yaml", environ={})
    theirs = ansible.select(tmp_path / "i.yaml", PATTERNS)
    expected = {pattern: set(found or ()) for pattern, found in zip(PATTERNS, theirs, strict=True)}
    assert all(expected.pop(pattern) for pattern in STRICTER)
    assert not any(expected.pop(pattern) for pattern in KINDER)
    expected |= {pattern: set(names.split()) for pattern, names in KINDER.items()} | {
        pattern: set() for pattern in STRICTER
    }
    assert {pattern: selected(ours, pattern) for pattern in PATTERNS} == expected
    assert len(PATTERNS) > 90


def selected(inventory: Inventory, pattern: str) -> set[str]:
    try:
        return {host.name for host in select(inventory, pattern)}
    except UsageError:
        return set()


def test_the_command_that_lists_hosts_agrees(ansible: Ansible) -> None:
    pattern = "slaves:&~north-0[12]:!north-02"
    ours = [host.name for host in select(load(FLEET, environ={}), pattern)]
    assert ours == ansible.list_hosts(FLEET, pattern) == ["north-01"]
