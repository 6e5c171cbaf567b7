"""Levels: the order of look-up of protocol.md section 10."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.security import Level, Policy, parse_ip
from tests.support.net import ip


@pytest.mark.parametrize("level", Level)
def test_levels_are_parsed_from_the_words_that_they_print(level: Level) -> None:
    assert Level.parse(str(level)) is level


@pytest.mark.parametrize("text", ["", "ALL", "No_Add", "everything", "no-add"])
def test_other_words_are_no_levels(text: str) -> None:
    with pytest.raises(ValueError, match="no such level"):
        Level.parse(text)


def test_levels_ascend() -> None:
    assert Level.NONE < Level.SIGNAL < Level.INFO < Level.NO_ADD < Level.ALL


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.7", "10.0.0.7"),
        ("fd00::7", "fd00::7"),
        ("::ffff:10.0.0.7", "10.0.0.7"),
        ("fe80::1%eth0", "fe80::1"),
        ("dialin-0.sos", None),
        ("", None),
        ("010.0.0.7", None),
    ],
)
def test_addresses_are_told_from_names(text: str, expected: str | None) -> None:
    assert parse_ip(text) == (None if expected is None else ipaddress.ip_address(expected))


@pytest.mark.parametrize(
    ("entries", "address", "expected"),
    [
        ({}, "10.0.0.7", Level.NONE),
        ({"10.0.0.7": Level.INFO}, "10.0.0.7", Level.INFO),
        ({"10.0.0.7": Level.INFO}, "10.0.0.8", Level.NONE),
        ({"10.0.0.0": Level.NO_ADD}, "10.9.9.9", Level.NO_ADD),
        ({"172.16.0.0": Level.NO_ADD}, "172.16.9.9", Level.NO_ADD),
        ({"172.16.0.0": Level.NO_ADD}, "172.17.9.9", Level.NONE),
        ({"192.168.1.0": Level.NO_ADD}, "192.168.1.9", Level.NO_ADD),
        ({"192.168.1.0": Level.NO_ADD}, "192.168.2.9", Level.NONE),
        ({"0.0.0.0": Level.SIGNAL}, "10.0.0.7", Level.SIGNAL),
        ({"0.0.0.0": Level.ALL, "10.0.0.0": Level.NONE}, "10.0.0.7", Level.NONE),
        ({"0.0.0.0": Level.ALL, "10.0.0.7": Level.NONE, "10.0.0.0": Level.ALL}, "10.0.0.7", Level.NONE),
        ({"0.0.0.0": Level.ALL}, "10.0.0.0", Level.NONE),
        ({"10.0.0.0": Level.INFO}, "10.0.0.0", Level.INFO),
        ({"0.0.0.0": Level.ALL}, "fd00::7", Level.NONE),
        ({"::": Level.INFO}, "fd00::7", Level.INFO),
        ({"fd00::7": Level.ALL, "::": Level.INFO}, "fd00::7", Level.ALL),
    ],
)
def test_the_nearest_entry_counts(entries: dict[str, Level], address: str, expected: Level) -> None:
    policy = Policy((ip(host), level) for host, level in entries.items())
    assert policy.level_of(ip(address)) is expected


def test_the_higher_of_two_entries_for_an_address_counts() -> None:
    policy = Policy([(ip("10.0.0.7"), Level.ALL), (ip("10.0.0.7"), Level.INFO)])
    assert policy.level_of(ip("10.0.0.7")) is Level.ALL


@given(st.ip_addresses(), st.sampled_from(Level))
def test_an_own_entry_always_decides(address: ipaddress.IPv4Address | ipaddress.IPv6Address, level: Level) -> None:
    others = [(ip("0.0.0.0"), Level.ALL), (ip("::"), Level.ALL)]
    policy = Policy([*(entry for entry in others if entry[0] != address), (address, level)])
    assert policy.level_of(address) is level
