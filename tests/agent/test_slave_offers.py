from __future__ import annotations

from pathlib import Path

import pytest

from sync_core.agent.cache import CacheFolder
from sync_core.agent.file_contents import Piece
from sync_core.agent.slave_offers import SlaveOffers
from sync_core.agent.trust import Trust
from sync_core.model.errors import JsyncError, UntrustedError
from sync_core.model.inventory import MaxDelete, Role
from sync_core.model.path import RelPath
from sync_core.model.security import Level
from sync_core.protocol.dialect.messages import Check
from tests.support.agents import a_connection
from tests.support.digests import MemoryDigests
from tests.support.disk import write_tree
from tests.support.folders import file_at
from tests.support.net import a_host, ip, run


def the_offers(root: Path, trust: Trust | None = None) -> SlaveOffers:
    return SlaveOffers(
        CacheFolder(root, max_delete=MaxDelete(number=0, is_percentage=False), digests=MemoryDigests()),
        trust or Trust(a_host("s"), named_level_of=lambda _: Level.ALL),
    )


def test_who_looks_sees_what_is_in_the_cache_now(tmp_path: Path) -> None:
    offers = the_offers(write_tree(tmp_path / "c", {"d/a": b"1"}))

    async def go() -> None:
        offer = await offers.look(a_connection(), "whoever")
        file = file_at(offer.tree, "d/a")
        assert (offer.is_look, offer.own) == (True, None)
        assert offers.read([Piece(offer.place_of(RelPath("d/a")), file, 0, 1)]) == [b"1"]
        assert offers.kept(file) == b"1"
        write_tree(tmp_path / "c", {"b": b"2"})  # whatever put it there
        assert list((await offers.look(a_connection(), None)).tree.children) == ["b", "d"]

    run(go())


def test_masters_see_names_and_no_contents_and_strangers_nothing(tmp_path: Path) -> None:
    """Any user of a master's machine comes from its address."""
    master = a_host("m", role=Role.MASTER, address="10.0.0.1")
    host = a_host("s", address="10.0.0.2", masters=("m",))
    trust = Trust(host, (master,), named_level_of=lambda _: Level.NO_ADD)
    offers = the_offers(write_tree(tmp_path / "c", {"d/a": b"1"}), trust)

    async def go() -> None:
        assert (await offers.look(a_connection(ip=ip("10.0.0.1")), None)).is_list
        assert not (await offers.look(a_connection(ip=ip("10.0.0.2")), None)).is_list
        own = a_connection()
        own.is_own = True
        assert not (await offers.look(own, None)).is_list
        with pytest.raises(UntrustedError, match="allowed_hosts"):
            await offers.look(a_connection(), None)

    run(go())


def test_nobody_is_a_slaves_slave(tmp_path: Path) -> None:
    offers = the_offers(tmp_path)
    with pytest.raises(JsyncError, match="SCHEDULER-457"):
        run(offers.check(a_connection(), Check(), None))
