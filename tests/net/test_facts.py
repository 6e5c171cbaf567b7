"""Facts from a host become values, or are refused."""

from __future__ import annotations

import contextlib
import errno
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.errors import RemoteProtocolError
from sync_core.model.firewall.reader import ToolOutput
from sync_core.model.probe import Listener, Outcome
from sync_core.net import facts
from tests.support.net import ip

AT = (ip("10.9.0.2"), 5000)
SEEN: dict[str, Any] = {"elapsed_ms": 1.5, "source": ["10.9.0.1", 40000]}


@pytest.mark.parametrize(
    ("found", "outcome", "evidence"),
    [
        (
            {"is_connected": True, "was_asked": True, "said": "<?xml"},
            Outcome.CONNECTED,
            ("10.9.0.2:5000 took the connection (from 10.9.0.1)",),
        ),
        ({"is_connected": True}, Outcome.CONNECTED, ("10.9.0.2:5000 took the connection (from 10.9.0.1)",)),
        (
            {"is_connected": True, "is_closed": True},
            Outcome.CLOSED,
            ("10.9.0.2:5000 took the connection and closed it at once without a byte (from 10.9.0.1)",),
        ),
        (
            {"is_connected": True, "said": "220 mail\x1b[31m"},
            Outcome.CONNECTED,
            (
                "10.9.0.2:5000 took the connection (from 10.9.0.1)",
                "something else than jsync or JobScheduler answers there: '220 mail?[31m'",
            ),
        ),
        (
            {"is_connected": True, "was_asked": True, "is_closed": True},
            Outcome.CONNECTED,
            (
                "10.9.0.2:5000 took the connection (from 10.9.0.1)",
                "is that jsync or a JobScheduler? It closes the connection at a harmless request",
            ),
        ),
        (
            {"is_connected": True, "was_asked": True},
            Outcome.CONNECTED,
            (
                "10.9.0.2:5000 took the connection (from 10.9.0.1)",
                "is that jsync or a JobScheduler? It does not answer a harmless request",
            ),
        ),
        ({"is_silent": True}, Outcome.SILENT, ("no answer to connections to 10.9.0.2:5000 (from 10.9.0.1)",)),
        (
            {"is_silent": True, "is_neighbour_missing": True},
            Outcome.NO_ROUTE,
            (
                "no answer to connections to 10.9.0.2:5000 (from 10.9.0.1)",
                "nobody on the local network has that address",
            ),
        ),
        (
            {"errno": errno.ECONNREFUSED},
            Outcome.REFUSED,
            ("connecting to 10.9.0.2:5000: ECONNREFUSED Connection refused (from 10.9.0.1)",),
        ),
    ],
)
def test_connections(found: dict[str, Any], outcome: Outcome, evidence: tuple[str, ...]) -> None:
    result = facts.tcp_result({**SEEN, **found}, *AT)
    assert (result.outcome, result.evidence) == (outcome, evidence)
    assert (result.elapsed_ms, result.source_ip, result.source_port) == (1.5, ip("10.9.0.1"), 40000)


@pytest.mark.parametrize(
    ("number", "elapsed_ms", "outcome"),
    [
        (errno.EPERM, 1, Outcome.NOT_PERMITTED),
        (errno.EACCES, 1000, Outcome.PROHIBITED),
        (errno.ENETUNREACH, 1, Outcome.NO_ROUTE),
        (errno.EHOSTUNREACH, 1, Outcome.PROHIBITED),
        (errno.EHOSTUNREACH, 3000, Outcome.NO_ROUTE),
        (errno.EADDRNOTAVAIL, 1, Outcome.NO_ROUTE),
        (errno.EMFILE, 1, Outcome.FAILED),
        (4095, 1, Outcome.FAILED),
    ],
)
def test_numbers_of_the_kernel(number: int, elapsed_ms: float, outcome: Outcome) -> None:
    found = {"errno": number, "elapsed_ms": elapsed_ms, "source": None, "sent": 1}
    assert facts.tcp_result(found, *AT).outcome is outcome
    result = facts.udp_result(found, *AT, {})
    assert result.outcome is outcome
    assert result.source_ip is None
    assert result.evidence[0].startswith(f"datagrams to 10.9.0.2:5000: {errno.errorcode.get(number, 'error 4095')}")


def test_datagrams() -> None:
    outcomes = {"a": Outcome.ECHO, "b": Outcome.HEARD}
    echo = facts.udp_result({**SEEN, "reply": "a", "sent": 1}, *AT, outcomes)
    heard = facts.udp_result({**SEEN, "reply": "b", "sent": 1}, *AT, outcomes)
    silent = facts.udp_result({**SEEN, "sent": 5, "is_silent": True}, *AT, outcomes)
    assert [one.outcome for one in (echo, heard, silent)] == [Outcome.ECHO, Outcome.HEARD, Outcome.SILENT]
    assert silent.evidence == ("5 datagrams sent to 10.9.0.2:5000, none answered (from 10.9.0.1)",)


def test_listeners_come_sorted_once_and_printable() -> None:
    entry = {"address": "10.0.0.1", "pid": 7, "name": "js\x1bync", "is_agent": True, "waiting": 3}
    other = {"address": "::1", "pid": None, "name": None, "is_agent": None, "waiting": -1}
    assert facts.listeners_of({"listeners": [other, entry, entry]}) == (
        Listener(address=ip("10.0.0.1"), pid=7, process_name="js?ync", is_agent=True, waiting=3),
        Listener(address=ip("::1")),
    )


def test_addresses_senders_and_tools() -> None:
    assert facts.addresses_of(["10.0.0.1", "10.0.0.1", "no", 7]) == (ip("10.0.0.1"),)
    assert facts.senders_of({"seen": [["10.0.0.1", 7], ["no", 7], 9, ["10.0.0.1"], [1, 2]]}) == ((ip("10.0.0.1"), 7),)
    assert facts.tools_of({"tools": {"nft": {"code": 0, "out": "x"}, "ufw": {"code": "?"}}}) == {
        "nft": ToolOutput(code=0, out="x", error=""),
        "ufw": ToolOutput(code=None, out="", error=""),
    }


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
keys = st.sampled_from(
    [
        "is_connected", "is_closed", "said", "was_asked", "is_silent", "errno", "elapsed_ms", "source", "sent", "reply",
        "listeners", "seen", "tools", "address",
    ]
)  # fmt: skip


@given(st.dictionaries(keys, anything))
def test_a_hostile_host_is_refused_and_never_a_bug(found: dict[str, Any]) -> None:
    for read in (
        lambda: facts.tcp_result(found, *AT),
        lambda: facts.udp_result(found, *AT, {}),
        lambda: facts.listeners_of(found),
        lambda: facts.senders_of(found),
        lambda: facts.tools_of(found),
    ):
        with contextlib.suppress(RemoteProtocolError):
            read()


@pytest.mark.parametrize(
    ("more", "is_mute"),
    [({"was_asked": True}, True), ({"was_asked": True, "said": "x"}, False), ({}, False), ({"is_closed": True}, False)],
)
def test_who_takes_a_connection_and_answers_nothing_is_mute(more: dict[str, Any], is_mute: bool) -> None:
    assert facts.tcp_result({**SEEN, "is_connected": True, **more}, *AT).is_mute is is_mute
