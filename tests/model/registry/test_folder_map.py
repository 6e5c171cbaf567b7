"""Whose folder is whose (cli.md section 1, protocol.md section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from sync_core.model.inventory import Dialect, Host
from sync_core.model.registry.folder_map import Choice, FolderMap, SlaveAddress
from sync_core.model.security import IpAddress
from tests.support.net import a_host, ip

OWN = frozenset({ip("127.0.0.1"), ip("::1")})
GONE = "cannot resolve: no such name"


def an_address(*addresses: str, **changes: Any) -> SlaveAddress:
    values: dict[str, Any] = {"tcp_port": 5000, "scheduler_id": "s", **changes}
    return SlaveAddress(addresses=frozenset(map(ip, addresses or ("10.0.0.7",))), **values)


def a_map(folders: Sequence[str], *slaves: Host, **names: Sequence[str]) -> FolderMap:
    """Return a map that knows these names; what is not in the table has no address."""
    found = FolderMap(slaves, own=OWN)
    found.set_folders(folders)
    for name in found.names():
        found.learn(name, map(ip, names.get(name, ())), failure="" if name in names else GONE)
    return found


def said(folders: FolderMap) -> list[str]:
    return [str(warning) for warning in folders.take_warnings()]


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        (["10.0.0.7#5000", "_all"], "10.0.0.7#5000"),
        (["10.0.0.7#5001", "_all"], None),
        (["10.0.0.8#5000", "_all"], None),
        (["dialin#5000", "_all"], "dialin#5000"),
        (["dialin#05000", "_all"], "dialin#05000"),
        (["nobody#5000", "_all"], None),
        (["#5000", "10.0.0.7#", "10.0.0.7#x", "10.0.0.7#5000#", "10.0.0.7", "10.0.0.7#0000005000"], None),
        (["s", "_all"], None),
        ([], None),
    ],
)
def test_the_own_folder_is_named_by_host_and_port(folders: list[str], expected: str | None) -> None:
    assert a_map(folders, dialin=["10.0.0.7"]).choose(an_address()) == Choice(expected, True)


def test_any_of_a_slaves_addresses_will_do() -> None:
    assert a_map(["10.0.0.7#5000"]).choose(an_address("10.1.0.1", "10.0.0.7")).folder == "10.0.0.7#5000"


@pytest.mark.parametrize("way", [{"is_cluster_member": True}, {"is_cluster_member": True, "tcp_port": None}])
def test_the_scheduler_id_names_the_folder_of_cluster_members_and_by_http_before_any_other(way: dict[str, Any]) -> None:
    """Capture 10: also where a host#port exists."""
    assert a_map(["10.0.0.7#5000", "s"]).choose(an_address(**way)).folder == "s"
    assert a_map(["t"]).choose(an_address(**way)).folder is None
    assert a_map(["x"]).choose(an_address(scheduler_id="../x", **way)).folder is None
    assert a_map(["10.0.0.7#5000", "s"]).choose(an_address()).folder == "10.0.0.7#5000"


def test_by_http_the_inventory_tells_the_port() -> None:
    slave = a_host("s", address="10.0.0.7", tcp_port=5007)
    folders = a_map(["10.0.0.7#5007"], slave)
    assert folders.choose(an_address(tcp_port=None, is_cluster_member=True)).folder == "10.0.0.7#5007"
    assert folders.choose(an_address(tcp_port=None, scheduler_id="other", is_cluster_member=True)).folder is None


def test_the_declared_folder_wins_where_it_exists() -> None:
    slave = a_host("s", address="10.0.0.7", folder="mine")
    address = an_address(is_cluster_member=True)
    assert a_map(["10.0.0.7#5000", "mine", "s"], slave).choose(address).folder == "mine"
    assert a_map(["10.0.0.7#5000", "s"], slave).choose(address).folder == "s"


def test_between_jsync_peers_the_inventorys_name_is_a_folders_too() -> None:
    slave = a_host("name", address="10.0.0.7", scheduler_id="s")
    folders = a_map(["name"], slave)
    assert folders.choose(an_address(is_jsync=True)).folder == "name"
    assert folders.choose(an_address()).folder is None
    assert folders.choose(an_address("10.0.0.8", is_jsync=True, scheduler_id="name")).folder is None
    folders.set_folders(["10.0.0.7#5000", "name"])
    assert folders.choose(an_address(is_jsync=True)).folder == "10.0.0.7#5000"


def test_a_slave_of_the_inventory_is_found_whether_it_is_registered_or_not() -> None:
    slave = a_host("name", address="dialin", scheduler_id="s")
    by_http = a_host("other", address="dialin", scheduler_id="t", dialect=Dialect.HTTP)
    folders = a_map(["dialin#5000", "s", "t", "name"], slave, by_http, dialin=["10.0.0.7"])
    assert folders.choose_for(slave) == Choice("dialin#5000", True)
    assert folders.choose_for(by_http).folder == "t"
    folders.set_folders(["name"])
    assert folders.choose_for(slave).folder is None
    assert folders.choose_for(slave, is_jsync=True).folder == "name"


def test_the_inventorys_slave_behind_a_registration() -> None:
    first, twin = a_host("first", address="10.0.0.7"), a_host("twin", address="dialin")
    other = a_host("other", address="10.0.0.7", tcp_port=5001)
    folders = a_map([], first, twin, other, dialin=["10.0.0.7"])
    assert folders.slave_at(an_address(scheduler_id="somebody")) is first
    assert folders.slave_at(an_address(scheduler_id="twin")) is twin
    assert folders.slave_at(an_address(tcp_port=5001)) is other
    assert folders.slave_at(an_address(tcp_port=5002)) is None
    assert folders.slave_at(an_address(tcp_port=None, scheduler_id="twin")) is twin
    assert folders.slave_at(an_address(tcp_port=None, scheduler_id="somebody")) is None


def test_all_addresses_of_this_machine_mean_one_slave() -> None:
    """A slave that reaches its second master by another address keeps its folder, and so its files."""
    slave = a_host("slave", address="127.0.0.1")
    folders = a_map(["127.0.0.1#5000"], slave)
    assert folders.slave_at(an_address("::1")) is slave
    assert folders.slave_at(an_address("10.0.0.9")) is None
    assert folders.choose(an_address("::1")).folder == "127.0.0.1#5000"
    assert folders.choose(an_address("10.0.0.9")).folder is None


def test_two_folders_for_one_slave_are_told_once_and_the_first_is_used() -> None:
    folders = a_map(["dialin#5000", "10.0.0.7#5000"], dialin=["10.0.0.7"])
    (warning,) = said(folders)
    assert warning.startswith("SCHEDULER-454  10.0.0.7#5000 and dialin#5000")
    assert folders.choose(an_address()).folder == "10.0.0.7#5000"
    folders.learn("dialin", [ip("10.0.0.7"), ip("10.0.0.8")])
    assert said(folders) == []
    folders.set_folders(["dialin#5000"])
    folders.set_folders(["dialin#5000", "10.0.0.7#5000"])
    assert said(folders) == [warning]


def test_two_folders_for_two_addresses_of_one_slave_are_told_of_when_it_comes() -> None:
    folders = a_map(["10.0.0.7#5000", "10.0.0.8#5000"])
    assert said(folders) == []
    for _ in range(2):
        assert folders.choose(an_address("10.0.0.8", "10.0.0.7")).folder == "10.0.0.7#5000"
    assert len(said(folders)) == 1


def test_folders_that_can_be_nobodys_are_told_of_once_until_they_are_gone() -> None:
    slave = a_host("s", address="10.0.0.7", folder="my#own")
    good = ["10.0.0.9#5000", "_all", "dialin#007", "my#own", "plain"]
    folders = a_map(good, slave, dialin=["10.0.0.7"])
    assert said(folders) == []
    odd = ["10.0.0.7#", "10.0.0.7#70000", "10.0.0.7#abc", "nobody#5000"]
    for _ in range(2):
        folders.set_folders([*good, *odd])
        for _ in range(2):
            folders.learn("nobody", failure="cannot resolve 'nobody'")
        found = said(folders)
        assert [line.split()[0] for line in found] == odd
        assert found[2] == "10.0.0.7#abc is no slave's folder: it is not called <host>#<port>"
        assert found[3] == "nobody#5000 is no slave's folder: cannot resolve 'nobody'"
        folders.set_folders([*good, *odd, "new"])
        assert said(folders) == []
        folders.set_folders(good)


def test_a_folder_whose_host_is_known_to_have_no_address_is_told_of_when_it_comes() -> None:
    folders = a_map(["nobody#1"])
    assert len(said(folders)) == 1
    folders.set_folders(["nobody#1", "nobody#2"])
    assert said(folders) == [f"nobody#2 is no slave's folder: {GONE}"]


def test_only_names_are_to_be_looked_up_and_each_once() -> None:
    slaves = [a_host("a", address="dialin"), a_host("b", address="10.0.0.9")]
    folders = FolderMap(slaves, own=OWN)
    folders.set_folders(["dialin#5000", "dialin#5001", "fd00::7#5000", "10.0.0.7#5000", "other#1", "_all"])
    assert set(folders.names_wanted()) == {"dialin", "other"}
    assert len(folders.names_wanted()) == 2
    assert folders.learn("dialin", [ip("10.0.0.7")])
    assert not folders.learn("dialin", [ip("10.0.0.7")])
    assert not folders.learn("unasked", [ip("10.0.0.7")])
    assert folders.names_wanted() == ("other",)
    folders.set_folders(["_all"])
    assert (folders.names(), folders.names_wanted()) == (("dialin",), ())


def test_a_look_works_with_what_is_known_and_says_whether_more_may_come() -> None:
    folders = FolderMap([a_host("slave", address="later", tcp_port=5009)], own=OWN)
    folders.set_folders(["dead#5000", "10.0.0.7#5000", "10.0.0.7#5009"])
    assert folders.choose(an_address()) == Choice("10.0.0.7#5000", True)
    assert folders.choose(an_address("10.0.0.8")) == Choice(None, False)
    assert folders.choose(an_address("10.0.0.8", tcp_port=5001)) == Choice(None, True)
    assert folders.choose(an_address(tcp_port=5009)) == Choice("10.0.0.7#5009", False)  # whose it is may be told yet
    folders.learn("dead", failure=GONE)
    folders.learn("later", [ip("10.0.0.7")])
    assert folders.choose(an_address("10.0.0.8")) == Choice(None, True)
    assert folders.choose(an_address(tcp_port=5009)) == Choice("10.0.0.7#5009", True)


def test_a_slave_whose_name_is_not_known_yet_may_have_a_folder_later() -> None:
    slave = a_host("slave", address="later")
    folders = FolderMap([slave], own=OWN)
    folders.set_folders(["10.0.0.7#5000"])
    assert folders.choose_for(slave) == Choice(None, False)
    folders.learn("later", [ip("10.0.0.7")])
    assert folders.choose_for(slave) == Choice("10.0.0.7#5000", True)


def test_when_the_name_service_is_away_nobody_loses_a_folder() -> None:
    """The original keeps an address as long as the folder exists (protocol.md section 4)."""
    folders = a_map(["dialin#5000"], a_host("s", address="dialin"), dialin=["10.0.0.7"])
    assert not folders.learn("dialin", failure="the name service does not answer")
    assert folders.choose(an_address()).folder == "dialin#5000"
    assert said(folders) == ["the name service does not answer"] * 2  # of the slave, and of the folder
    folders.set_folders(["dialin#5000", "dialin#5001"])
    assert folders.choose(an_address(tcp_port=5001)).folder == "dialin#5001"
    assert said(folders) == []
    assert folders.learn("dialin", [ip("10.0.0.8")])
    assert folders.choose(an_address("10.0.0.8")).folder == "dialin#5000"


def test_other_slaves_change_nothing_of_what_is_known() -> None:
    gone, kept = a_host("gone", address="dialin", folder="mine"), a_host("kept", address="dialin", tcp_port=5001)
    before = a_map(["dialin#5001", "mine", "b#5000"], gone, kept, dialin=["10.0.0.7"])
    assert before.choose(an_address()).folder == "mine"
    before.learn("dialin", failure="the name service does not answer")
    assert len(said(before)) == 3
    after = before.with_slaves([kept, a_host("new", address="new")])
    assert after.choose(an_address(tcp_port=5001)) == Choice("dialin#5001", True)
    assert after.choose(an_address()).folder is None
    assert after.names_wanted() == ("new",)
    assert said(after) == []


MEMBER = {"is_cluster_member": True}


def test_an_id_of_the_inventory_counts_from_its_own_address_only() -> None:
    folders = a_map(["b", "b-site", "10.0.0.8#5000"], a_host("b", address="10.0.0.8", folder="b-site"))
    for name in ("b", "b-site", "10.0.0.8#5000"):
        assert folders.choose(an_address(scheduler_id=name, **MEMBER)) == Choice(None, True, is_anothers=True)
        assert folders.choose(an_address(scheduler_id=name, tcp_port=None, **MEMBER)).is_anothers
        assert folders.choose(an_address("10.0.0.8", scheduler_id=name, tcp_port=1, **MEMBER)).folder == name
    assert folders.choose(an_address(scheduler_id="b", tcp_port=1)) == Choice(None, True)


def test_whose_an_id_is_shows_when_its_hosts_address_is_known() -> None:
    folders = FolderMap([a_host("b", address="later")], own=OWN)
    folders.set_folders(["b"])
    peer = an_address(scheduler_id="b", tcp_port=1, **MEMBER)
    assert folders.choose(peer) == Choice(None, False, is_anothers=True)
    folders.learn("later", [ip("10.0.0.7")])
    assert folders.choose(peer) == Choice("b", True)


def test_a_slave_that_may_come_from_anywhere_is_known_by_its_id_alone() -> None:
    slave = a_host("b", address="10.0.0.8", scheduler_id="clus", any_address=True)
    folders = a_map(["clus", "b"], slave, a_host("a", address="10.0.0.7"))
    for peer in (an_address(scheduler_id="clus", tcp_port=port, **MEMBER) for port in (None, 1, 5000)):
        assert folders.choose(peer) == Choice("clus", True)
    assert folders.slave_at(an_address(scheduler_id="clus", tcp_port=1, **MEMBER)) is slave
    assert folders.slave_at(an_address(scheduler_id="clus", tcp_port=1)) is None
    assert folders.choose(an_address(scheduler_id="b", tcp_port=1, **MEMBER)).is_anothers


HOSTS = ["10.0.0.7", "10.0.0.8", "one", "two"]
FOLDERS = [f"{host}#{port}" for host in HOSTS for port in (5000, 5001)] + ["_all", "s", "n0", "n1", "mine", "h#x"]
ADDRESSES = [ip("10.0.0.7"), ip("10.0.0.8"), ip("127.0.0.1"), ip("::1")]
STEPS = st.lists(
    st.one_of(
        st.sets(st.sampled_from(FOLDERS)),
        st.tuples(st.sampled_from(["one", "two"]), st.frozensets(st.sampled_from(ADDRESSES), max_size=3)),
    ),
    max_size=12,
)
SLAVES = st.lists(
    st.builds(
        lambda *values: values,
        st.sampled_from([*HOSTS, "127.0.0.1"]),
        st.sampled_from([5000, 5001]),
        st.sampled_from(["s", "t"]),
        st.sampled_from([None, "mine"]),
        st.booleans(),
    ),
    max_size=3,
)
LOOK = st.builds(
    SlaveAddress,
    addresses=st.frozensets(st.sampled_from(ADDRESSES), min_size=1, max_size=2),
    tcp_port=st.sampled_from([None, 5000, 5001]),
    scheduler_id=st.sampled_from(["s", "t"]),
    is_cluster_member=st.booleans(),
    is_jsync=st.booleans(),
)


@given(SLAVES, STEPS, LOOK)
def test_what_was_built_step_by_step_equals_a_plain_look_at_everything(
    declared: list[tuple[str, int, str, str | None, bool]],
    steps: list[set[str] | tuple[str, frozenset[IpAddress]]],
    look: SlaveAddress,
) -> None:
    slaves = [
        a_host(
            f"n{number}", address=address, tcp_port=port, scheduler_id=scheduler_id, folder=folder, any_address=anywhere
        )
        for number, (address, port, scheduler_id, folder, anywhere) in enumerate(declared)
    ]
    folders, there, known = FolderMap(slaves, own=OWN), set[str](), dict[str, frozenset[IpAddress]]()
    for step in steps:
        if isinstance(step, set):
            folders.set_folders(step)
            there = step
        elif step[0] in folders.names():
            folders.learn(step[0], step[1], failure="" if step[1] else GONE)
            known[step[0]] = step[1] or known.get(step[0], frozenset())
        known = {name: addresses for name, addresses in known.items() if name in folders.names()}

        def of(host: str, known: dict[str, frozenset[IpAddress]] = known) -> frozenset[IpAddress]:
            return known.get(host, frozenset()) if host in {"one", "two"} else frozenset({ip(host)})

        assert folders.slave_at(look) is plain_slave(slaves, look, of)
        choice = folders.choose(look)
        assert (choice.folder, choice.is_anothers) == plain_choice(slaves, look, of, there)
        if not folders.names_wanted():
            assert folders.choose(look).is_final


def is_at(slave: Host, look: SlaveAddress, of: Any) -> bool:
    there = of(slave.address)
    return bool(there & look.addresses) or bool(there & OWN and look.addresses & OWN)


def plain_slave(slaves: list[Host], look: SlaveAddress, of: Any) -> Host | None:
    found = [slave for slave in slaves if is_at(slave, look, of)]
    same_id = [slave for slave in found if slave.scheduler_id == look.scheduler_id]
    at_port = [slave for slave in (*same_id, *found) if slave.tcp_port == look.tcp_port]
    anywhere = [slave for slave in slaves if slave.any_address and slave.scheduler_id == look.scheduler_id]
    known = same_id if look.tcp_port is None else at_port
    return next(iter([*known, *(anywhere if look.is_cluster_member else [])]), None)


def plain_choice(slaves: list[Host], look: SlaveAddress, of: Any, there: set[str]) -> tuple[str | None, bool]:
    slave = plain_slave(slaves, look, of)
    if slave is not None and slave.folder in there:
        return slave.folder, False
    if look.is_cluster_member and look.scheduler_id in there:
        owners = [one for one in slaves if look.scheduler_id in {one.scheduler_id, one.name, one.folder}]
        may = [
            one for one in owners if is_at(one, look, of) or (one.any_address and one.scheduler_id == look.scheduler_id)
        ]
        return (None, True) if owners and not may else (look.scheduler_id, False)
    port = look.tcp_port or (slave.tcp_port if slave is not None else 0)
    ours = look.addresses | (of(slave.address) if slave is not None else frozenset())
    for folder in sorted(there):
        host, _, number = folder.partition("#")
        if number == str(port) and ours & of(host):
            return folder, False
    return (slave.name if slave is not None and look.is_jsync and slave.name in there else None), False
