from __future__ import annotations

import pytest

from sync_core.fleet.firewall import Format, needed_rules
from sync_core.model.errors import UnreachableError
from sync_core.model.inventory import Role
from sync_core.net.resolve import Resolver
from tests.support.net import a_host, an_inventory, lookup_of

INVENTORY = an_inventory(
    a_host("master", role=Role.MASTER, address="master.sos"),
    a_host("slave", address="slave.sos"),
    a_host("stranger", address="nowhere.sos"),
)
NAMES = {"master.sos": ["10.9.0.1"], "slave.sos": ["10.9.0.2"]}


def test_only_the_hosts_concerned_need_an_address() -> None:
    resolver = Resolver(lookup=lookup_of(NAMES))
    ((machine, text),) = needed_rules(INVENTORY, (INVENTORY.hosts["slave"],), Format.UFW, resolver=resolver)
    assert machine.hosts == ("slave",)
    assert "from 10.9.0.1 to any port 5000" in text


def test_a_host_concerned_without_an_address_is_an_error() -> None:
    resolver = Resolver(lookup=lookup_of(NAMES))
    with pytest.raises(UnreachableError, match=r"cannot resolve 'nowhere\.sos'") as caught:
        needed_rules(INVENTORY, (INVENTORY.hosts["master"],), Format.UFW, resolver=resolver)
    assert caught.value.host == "stranger"


def test_literal_addresses_ask_nobody() -> None:
    inventory = an_inventory(a_host("master", role=Role.MASTER), a_host("slave"))
    ((machine, _),) = needed_rules(inventory, tuple(inventory.hosts.values()), Format.NFT)
    assert machine.hosts == ("master", "slave")
