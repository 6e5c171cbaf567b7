from __future__ import annotations

from typing import Any

from sync_core.agent.master_state import remote_scheduler, slave_status
from sync_core.model.registry.registration import Identity, Slave, Unanswered
from sync_core.model.reminder import Reminder
from tests.support.net import LOCALHOST
from tests.support.registrations import a_said, a_view

GIVEN = a_view(a="1")


def a_slave(**changes: Any) -> Slave:
    values: dict[str, Any] = {
        "identity": Identity(LOCALHOST, 5000),
        "registration": a_said(),
        "connection": "c",
        "connected_at": 1_350_000_000.0,
    }
    return Slave(**{**values, **changes})


def test_remote_scheduler_has_the_attributes_of_both_versions() -> None:
    full = a_slave(folder="f", fetched_at=1_350_000_001.0, changed_at=1_350_000_002.0)
    assert dict(remote_scheduler(full, None).attributes) == {
        "ip": "127.0.0.1",
        "tcp_port": "5000",
        "udp_port": "5000",
        "scheduler_id": "slave",
        "version": "1.3.12",
        "active": "yes",
        "connected": "yes",
        "connected_at": "2012-10-12T00:00:00.000Z",
        "configuration_directory": "f",
        "configuration_changed": "yes",
        "configuration_changed_at": "2012-10-12T00:00:02.000Z",
        "configuration_transfered_at": "2012-10-12T00:00:01.000Z",
    }


def test_what_is_not_known_is_left_out() -> None:
    said = a_said(udp_port=0, scheduler_id="")
    gone = a_slave(connection=None, disconnected_at=1_350_000_003.0, registration=said)
    values = remote_scheduler(gone, None).attributes
    assert values["connected"] == values["active"] == "no"
    assert values["disconnected_at"] == "2012-10-12T00:00:03.000Z"
    assert not {"udp_port", "scheduler_id", "configuration_changed", "configuration_directory"} & values.keys()


def in_sync(**changes: Any) -> bool:
    return bool(slave_status(a_slave(**changes), "s")["in_sync"])


def test_in_sync_is_who_is_here_was_given_all_and_lacks_nothing() -> None:
    assert in_sync(given=GIVEN)
    assert not in_sync()
    assert not in_sync(given=GIVEN, changed_at=1.0)
    assert not in_sync(given=GIVEN, connection=None)


def test_a_wake_up_counts_as_unanswered_when_it_had_to_be_repeated() -> None:
    once, twice = Reminder(pending_since=1.0, signals=1), Reminder(pending_since=1.0, signals=2)
    assert slave_status(a_slave(changed_at=1.0, reminder=once), None)["is_unanswered"] is False
    status = slave_status(a_slave(changed_at=1.0, reminder=twice, fetched_at=2.0), None)
    assert status["is_unanswered"] is True
    assert (status["slave"], status["identity"]) == (None, "127.0.0.1:5000")
    assert (status["fetched_at"], status["pending_since"]) == ("1970-01-01T00:00:02.000Z", "1970-01-01T00:00:01.000Z")


def test_a_name_and_an_error_are_shown_where_there_are_any() -> None:
    """In the original's order: a panel that reads by position finds what it knows."""
    shown = remote_scheduler(a_slave(unanswered=Unanswered(1_350_000_000.0, 1_350_000_060.0)), "dialin-0.sos")
    assert list(shown.attributes)[:3] == ["ip", "hostname", "tcp_port"]
    assert shown.attributes["hostname"] == "dialin-0.sos"
    assert shown.error is not None
    assert shown.error.text.startswith(
        "SCHEDULER-474  Workload scheduler is not responding to UDP message since 2012-10-12 00:00:00.000 UTC (60s)"
    )


def test_who_is_given_the_same_again_and_again_is_shown_as_one_that_refuses() -> None:
    status = slave_status(a_slave(given=GIVEN, refused_since=3.0), None)
    assert (status["in_sync"], status["is_refused"]) == (False, True)
    assert status["pending_since"] == "1970-01-01T00:00:03.000Z"
