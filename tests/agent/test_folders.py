from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from sync_core.agent.folders import FolderChooser, SlaveAddress
from sync_core.model.errors import UnreachableError
from sync_core.model.inventory import Host
from tests.support.agents import a_resolver
from tests.support.net import Lines, a_host, ip


def an_address(
    *addresses: str, port: int = 5000, scheduler_id: str = "s", is_cluster_member: bool = False
) -> SlaveAddress:
    return SlaveAddress(
        addresses=frozenset(map(ip, addresses or ("10.0.0.7",))),
        tcp_port=port,
        scheduler_id=scheduler_id,
        is_cluster_member=is_cluster_member,
    )


def choose(
    folders: Sequence[str], address: SlaveAddress, *, slave: Host | None = None, **names: Sequence[str]
) -> str | None:
    return asyncio.run(FolderChooser((), a_resolver(**names)).choose(tuple(folders), slave, address))


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        (["10.0.0.7#5000", "_all"], "10.0.0.7#5000"),
        (["10.0.0.7#5001", "_all"], None),
        (["10.0.0.8#5000", "_all"], None),
        (["dialin#5000", "_all"], "dialin#5000"),
        (["nobody#5000", "_all"], None),
        (["#5000", "10.0.0.7#", "10.0.0.7#x", "10.0.0.7#5000#", "10.0.0.7"], None),
        (["s", "_all"], None),
        ([], None),
    ],
)
def test_the_own_folder_is_named_by_host_and_port(folders: list[str], expected: str | None) -> None:
    assert choose(folders, an_address(), dialin=["10.0.0.7"]) == expected


def test_any_of_a_slaves_addresses_will_do() -> None:
    assert choose(["10.0.0.7#5000"], an_address("10.1.0.1", "10.0.0.7")) == "10.0.0.7#5000"


def test_the_scheduler_id_names_the_folder_of_cluster_members_only() -> None:
    assert choose(["s"], an_address(is_cluster_member=True)) == "s"
    assert choose(["10.0.0.7#5000", "s"], an_address(is_cluster_member=True)) == "10.0.0.7#5000"
    assert choose(["t"], an_address(is_cluster_member=True)) is None
    assert choose(["x"], an_address(scheduler_id="../x", is_cluster_member=True)) is None


def test_the_declared_folder_wins_where_it_exists() -> None:
    slave = a_host("s", folder="mine")
    assert choose(["10.0.0.7#5000", "mine"], an_address(), slave=slave) == "mine"
    assert choose(["10.0.0.7#5000"], an_address(), slave=slave) == "10.0.0.7#5000"


def test_two_folders_for_one_slave_are_told_once() -> None:
    chooser = FolderChooser((), a_resolver(dialin=["10.0.0.7"]))
    with Lines.of("sync_core.agent.folders") as lines:
        for _ in range(2):
            assert asyncio.run(chooser.choose(("10.0.0.7#5000", "dialin#5000"), None, an_address())) == "10.0.0.7#5000"
    (warning,) = lines.messages("WARNING")
    assert warning.startswith("SCHEDULER-454  10.0.0.7#5000 and dialin#5000")


def test_a_name_without_address_is_told_once() -> None:
    chooser = FolderChooser((), a_resolver())
    with Lines.of("sync_core.agent.folders") as lines:
        for _ in range(2):
            assert asyncio.run(chooser.choose(("nobody#5000",), None, an_address())) is None
    (warning,) = lines.messages("WARNING")
    assert "'nobody'" in warning


def judged(chooser: FolderChooser, *folders: str) -> list[str]:
    with Lines.of("sync_core.agent.folders") as lines:
        asyncio.run(chooser.judge(folders))
    return lines.messages("WARNING")


def test_folders_that_can_be_nobodys_are_told_of_once() -> None:
    chooser = FolderChooser((a_host("s", folder="my#own"),), a_resolver(dialin=["10.0.0.7"]))
    good = ("10.0.0.9#5000", "_all", "dialin#007", "my#own", "plain")
    assert judged(chooser, *good) == []
    odd = ("10.0.0.7#", "10.0.0.7#abc", "10.0.0.7#70000", "nobody#5000")
    found = judged(chooser, *good, *odd)
    assert [line.split()[0] for line in found] == list(odd)
    assert "abc" in found[1]
    assert "cannot resolve 'nobody'" in found[3]
    assert judged(chooser, *good, *odd, "new") == []


def test_a_folder_that_comes_back_is_told_of_again() -> None:
    chooser = FolderChooser((), a_resolver())
    for _ in range(2):
        assert len(judged(chooser, "nobody#5000", "h#x")) == 2
        assert judged(chooser, "_all") == []


def test_a_look_for_a_folder_tells_of_it_too() -> None:
    """`jsync diff` reads the folder without an agent."""
    chooser = FolderChooser((), a_resolver())
    with Lines.of("sync_core.agent.folders") as lines:
        assert asyncio.run(chooser.choose(("h#x", "nobody#5000"), None, an_address())) is None
    assert [line.split()[0] for line in lines.messages("WARNING")] == ["h#x", "nobody#5000"]
    assert judged(chooser, "h#x", "nobody#5000") == []


def test_the_inventorys_slave_behind_a_registration() -> None:
    first, twin = a_host("first", address="10.0.0.7"), a_host("twin", address="dialin")
    other = a_host("other", address="10.0.0.7", tcp_port=5001)
    chooser = FolderChooser((first, twin, other), a_resolver(dialin=["10.0.0.7"]))

    def at(**changes: object) -> Host | None:
        return asyncio.run(chooser.slave_at(an_address(**changes)))  # type: ignore[arg-type]

    assert at(scheduler_id="somebody") is first
    assert at(scheduler_id="twin") is twin
    assert at(port=5001) is other
    assert at(port=5002) is None


def test_what_a_slave_would_register() -> None:
    slave = a_host("s", address="dialin", scheduler_id="id-1", tcp_port=5005)
    chooser = FolderChooser((slave,), a_resolver(dialin=["10.0.0.7", "10.0.0.8"]))
    expected = an_address("10.0.0.7", "10.0.0.8", port=5005, scheduler_id="id-1")
    assert asyncio.run(chooser.address_of(slave)) == expected
    with pytest.raises(UnreachableError):
        asyncio.run(chooser.address_of(a_host("t", address="nobody")))


def test_all_addresses_of_this_machine_mean_one_slave() -> None:
    """A slave that reaches its second master by another address keeps its folder, and so its files."""
    slave = a_host("slave", address="127.0.0.1")
    own = frozenset({ip("127.0.0.1"), ip("::1")})
    chooser = FolderChooser([slave], a_resolver(), own=lambda: own)
    here, elsewhere = an_address("::1"), an_address("10.0.0.9")

    async def go() -> None:
        assert await chooser.slave_at(here) is slave
        assert await chooser.slave_at(elsewhere) is None
        assert await chooser.choose(("127.0.0.1#5000",), slave, here) == "127.0.0.1#5000"
        assert await chooser.choose(("127.0.0.1#5000",), None, elsewhere) is None

    asyncio.run(go())
