"""Where the wake-ups of those go that fetch by HTTP."""

from __future__ import annotations

import pytest

from sync_core.agent.http_addresses import HttpAddresses
from sync_core.model.security import IpAddress, Level
from tests.support.agents import a_resolver
from tests.support.net import LOCALHOST, Lines, ip, run

FRIEND = ip("10.0.0.7")


def level_of(address: IpAddress) -> Level:
    return Level.NO_ADD if address in {FRIEND, LOCALHOST} else Level.SIGNAL


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("", LOCALHOST),
        ("10.0.0.7", FRIEND),
        ("dialin.sos", FRIEND),
        ("both.sos", FRIEND),
        ("127.0.0.1", LOCALHOST),
        ("192.0.2.1", LOCALHOST),
        ("stranger.sos", LOCALHOST),
        ("unknown.sos", LOCALHOST),
        ("x" * 300, LOCALHOST),
        ("\x1b[2J", LOCALHOST),
    ],
)
def test_wake_ups_go_only_where_the_policy_lets_in(wanted: str, expected: IpAddress) -> None:
    resolver = a_resolver(dialin_sos=["10.0.0.7"], stranger_sos=["192.0.2.1"], both_sos=["192.0.2.1", "10.0.0.7"])
    addresses = HttpAddresses(resolver, level_of=level_of)
    with Lines.of("sync_core.agent.http_addresses") as lines:
        for _ in range(2):
            assert run(addresses.wake_up_address(wanted, LOCALHOST)) == expected
    believed = wanted in {"", "127.0.0.1"} or expected is FRIEND
    assert len(lines.messages("WARNING")) == (0 if believed else 1)


def test_the_peers_own_address_is_believed_whatever_it_may_do() -> None:
    addresses = HttpAddresses(a_resolver(), level_of=lambda _: Level.NONE)
    assert run(addresses.wake_up_address("10.0.0.7", FRIEND)) == FRIEND


@pytest.mark.parametrize("address", ["224.0.0.1", "0.0.0.0", "ff02::1", "::"])
def test_nobody_is_everybody(address: str) -> None:
    """Even where everybody is let in, groups of hosts are no address of a slave."""
    addresses = HttpAddresses(a_resolver(), level_of=lambda _: Level.ALL)
    assert run(addresses.wake_up_address(address, LOCALHOST)) == LOCALHOST


def test_warnings_are_remembered_but_not_for_ever() -> None:
    addresses = HttpAddresses(a_resolver(), level_of=level_of)

    async def go() -> None:
        for n in range(1001):
            await addresses.wake_up_address(f"198.51.{n >> 8}.{n & 255}", LOCALHOST)
        await addresses.wake_up_address("198.51.0.0", LOCALHOST)

    with Lines.of("sync_core.agent.http_addresses") as lines:
        run(go())
    assert len(lines.messages("WARNING")) == 1002
