from __future__ import annotations

import os
from dataclasses import replace

import pytest

from sync_core.agent.cache_rights import rights_of
from sync_core.model.errors import HostError, InventoryError
from sync_core.model.inventory import Inventory, Setting
from sync_core.model.rights import NO_CACHE_RIGHTS, CacheRights
from sync_core.tree.rights import NO_RIGHTS, Rights
from tests.support.disk import unprivileged
from tests.support.net import a_host, an_inventory


def inventory_with(rights: CacheRights) -> Inventory:
    return an_inventory(a_host("s", rights=rights))


def found(rights: CacheRights) -> Rights:
    inventory = inventory_with(rights)
    return rights_of(inventory, inventory.hosts["s"])


def test_names_and_numbers_become_ids() -> None:
    assert found(NO_CACHE_RIGHTS) == NO_RIGHTS
    assert found(CacheRights(file_mode=0o640, dir_mode=0o750)) == Rights(file_mode=0o640, dir_mode=0o750)
    if os.geteuid() == 0:
        assert found(CacheRights(owner="root", group="root")) == Rights(uid=0, gid=0)
        assert found(CacheRights(owner="4711", group="4712")) == Rights(uid=4711, gid=4712)


@pytest.mark.parametrize(
    ("rights", "reason"),
    [
        (CacheRights(owner="nobody-at-all"), "`owner`: there is no user 'nobody-at-all' on this machine"),
        (CacheRights(group="nobody-at-all"), "`group`: there is no group 'nobody-at-all' on this machine"),
    ],
)
def test_who_is_not_known_is_an_error(rights: CacheRights, reason: str) -> None:
    with pytest.raises(HostError, match=reason):
        found(rights)


def test_an_error_says_where_it_was_written() -> None:
    inventory = inventory_with(CacheRights(owner="nobody-at-all"))
    setting = Setting(value="nobody-at-all", written_as="owner", origin="s", file="j.yaml", line=3, column=9)
    inventory = replace(inventory, settings={"s": {"owner": setting}})
    with pytest.raises(InventoryError, match=r"^j\.yaml:3:9: `owner`: there is no user .*\(make that user"):
        rights_of(inventory, inventory.hosts["s"])


def test_only_root_gives_files_away() -> None:
    with unprivileged():
        own = CacheRights(owner=str(os.geteuid()), group=str(os.getegid()))
        assert found(own) == Rights(uid=os.geteuid(), gid=os.getegid())
        for rights in (CacheRights(owner="4711"), CacheRights(group="4712")):
            with pytest.raises(HostError, match="only root can give files to"):
                found(rights)
