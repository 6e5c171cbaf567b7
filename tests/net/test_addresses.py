from __future__ import annotations

import pytest

from sync_core.net.addresses import choose_source, endpoint, ip_of, is_this_machine, own_addresses
from tests.support.net import LOCALHOST, LOCALHOST6, ip


def test_this_machine_has_both_loopback_addresses_and_not_the_rest_of_127() -> None:
    assert {LOCALHOST, LOCALHOST6} <= own_addresses()
    assert ip("127.0.0.2") not in own_addresses()


@pytest.mark.parametrize(
    ("address", "expected"),
    [("127.0.0.1", True), ("127.0.0.2", True), ("::1", True), ("203.0.113.9", False), ("2001:db8::9", False)],
)
def test_all_of_loopback_leads_here_and_strangers_do_not(address: str, expected: bool) -> None:
    assert is_this_machine(ip(address)) is expected


def test_the_addresses_of_all_interfaces_lead_here() -> None:
    assert all(is_this_machine(address) for address in own_addresses())


@pytest.mark.parametrize(
    ("listen", "target", "expected"),
    [
        (None, "10.0.0.9", None),
        ("", "10.0.0.9", None),
        ("0.0.0.0", "10.0.0.9", None),
        ("::", "fd00::9", None),
        ("dialin-0.sos", "10.0.0.9", None),
        ("10.0.0.7", "10.0.0.9", "10.0.0.7"),
        ("10.0.0.7", "fd00::9", None),
        ("10.0.0.7", "127.0.0.1", None),
        ("127.0.0.2", "127.0.0.1", "127.0.0.2"),
        ("127.0.0.2", "10.0.0.9", None),
        ("fd00::7", "fd00::9", "fd00::7"),
        ("fd00::7", "::1", None),
    ],
)
def test_an_agent_speaks_from_the_address_that_it_listens_on_where_that_can_work(
    listen: str | None, target: str, expected: str | None
) -> None:
    assert choose_source(listen, ip(target)) == (None if expected is None else ip(expected))


def test_what_the_system_writes_is_an_address() -> None:
    assert ip_of("::ffff:10.0.0.7") == ip("10.0.0.7")
    with pytest.raises(ValueError, match="'dialin' is not an address"):
        ip_of("dialin")


def test_an_endpoint_is_written_as_logs_write_it() -> None:
    assert endpoint(ip("10.0.0.7"), 4440) == "10.0.0.7:4440"
    assert endpoint(ip("fd00::7"), 4440) == "[fd00::7]:4440"
