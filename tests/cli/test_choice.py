from __future__ import annotations

from dataclasses import replace

import pytest

from cli.choice import choose_hosts, choose_one, choose_slave, choose_slaves, narrowed
from sync_core.model.errors import UsageError
from sync_core.model.inventory import Group, Role
from tests.support.net import a_host, an_inventory

_MASTERS = [a_host(f"m{n}", role=Role.MASTER) for n in (1, 2)]
_SLAVES = [a_host(f"s{n}", masters=("m1",)) for n in (1, 2, 3)]
_INVENTORY = an_inventory(*_MASTERS, *_SLAVES)


@pytest.mark.parametrize(
    ("patterns", "limit", "names"),
    [
        ((), None, "m1 m2 s1 s2 s3"),
        (("s*",), None, "s1 s2 s3"),
        (("s3", "m1"), None, "m1 s3"),
        ((), "s1,s2", "s1 s2"),
        (("s2", "s3"), "*:!s3", "s2"),
    ],
)
def test_hosts(patterns: tuple[str, ...], limit: str | None, names: str) -> None:
    assert " ".join(host.name for host in choose_hosts(_INVENTORY, patterns, limit)) == names


@pytest.mark.parametrize(
    ("patterns", "limit"), [(("nobody",), None), (("",), None), ((), "nobody"), ((), ""), (("s1",), "s2")]
)
def test_nobody_is_a_usage_error(patterns: tuple[str, ...], limit: str | None) -> None:
    with pytest.raises(UsageError):
        choose_hosts(_INVENTORY, patterns, limit)


def test_masters_that_a_glob_brings_along_are_passed_over() -> None:
    assert [host.name for host in choose_slaves(_INVENTORY, ["*"], None)] == ["s1", "s2", "s3"]


@pytest.mark.parametrize("pattern", ["m1", "s1,m1", "m1:s1"])
def test_a_master_that_is_named_is_a_usage_error(pattern: str) -> None:
    with pytest.raises(UsageError, match=r"^m1 is a master, and this command takes slaves$") as caught:
        choose_slaves(_INVENTORY, [pattern], None)
    assert caught.value.hint == "its slaves: s1, s2, s3"


def test_a_master_without_slaves() -> None:
    with pytest.raises(UsageError) as caught:
        choose_slaves(_INVENTORY, ["m2"], None)
    assert caught.value.hint == "its slaves: none"


def test_no_slave_among_them() -> None:
    with pytest.raises(UsageError, match="no slave"):
        choose_slaves(_INVENTORY, ["m*"], None)


def test_one() -> None:
    assert choose_one(_INVENTORY, "s2", None).name == "s2"
    assert choose_one(_INVENTORY, "s*", "s3").name == "s3"


@pytest.mark.parametrize(("pattern", "hint"), [("m*", "one of m1, m2"), ("*", "one of m1, m2, s1, …")])
def test_several_where_one_is_wanted(pattern: str, hint: str) -> None:
    with pytest.raises(UsageError, match="one host is wanted here") as caught:
        choose_one(_INVENTORY, pattern, None)
    assert caught.value.hint == hint


def test_narrowed() -> None:
    assert narrowed(_INVENTORY, None) is _INVENTORY
    group = Group(name="g", hosts=("s1", "s2"), children=())
    inventory = narrowed(replace(_INVENTORY, groups={"g": group}), "s2,m1")
    assert list(inventory.hosts) == ["m1", "s2"]
    assert inventory.groups["g"].hosts == ("s2",)


@pytest.mark.parametrize(
    ("pattern", "message", "hint"),
    [
        ("nope", "no host matches the pattern 'nope'", "one of s1, s2, s3"),
        ("s33", "no host matches the pattern 's33'", "did you mean s3?"),
        ("s*", "one host is wanted here, and 's*' means 3", "one of s1, s2, s3"),
        ("*", "one host is wanted here, and '*' means 5", "one of s1, s2, s3"),
        ("m1", "m1 is a master, and a slave is wanted here", "one of s1, s2, s3"),
    ],
)
def test_where_one_slave_is_wanted_only_slaves_are_suggested(pattern: str, message: str, hint: str) -> None:
    assert choose_slave(_INVENTORY, "s2", _SLAVES).name == "s2"
    with pytest.raises(UsageError) as caught:
        choose_slave(_INVENTORY, pattern, _SLAVES)
    assert (str(caught.value), caught.value.hint) == (message, hint)
