from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from cli.layout import render
from cli.render.status import status_document, status_table
from sync_core.fleet.agent_status import AgentState, AgentStatus, StatusReport
from sync_core.model.inventory import Role
from tests.support.golden import assert_golden

_MASTER = AgentStatus(
    host="scheduler-4440",
    role=Role.MASTER,
    state=AgentState.RUNNING,
    pid=4711,
    version="0.1.0",
    started_at="2026-11-24T07:05:24.510Z",
    tcp_port=4440,
    slaves_registered=2,
    slaves_in_sync=1,
)
_SLAVE = AgentStatus(
    host="slave-5000",
    role=Role.SLAVE,
    state=AgentState.RUNNING,
    pid=4712,
    version="0.1.0",
    started_at="2026-11-24T07:05:24.532Z",
    tcp_port=5000,
    udp_port=5000,
    registered_at="2026-11-24T07:05:24.537Z",
    master="scheduler-4440",
    in_sync=True,
    files=391,
    tree_digest="0" * 32,
    last_fetch_at="2026-11-24T07:05:27.553Z",
)
_LATE = AgentStatus(
    host="slave-5001",
    role=Role.SLAVE,
    state=AgentState.RUNNING,
    pid=4713,
    tcp_port=5001,
    udp_port=5001,
    in_sync=False,
    files=12,
    pending_since="2026-11-24T07:06:00.000Z",
    pending_because="the wake-up is not answered",
)
_STOPPED = AgentStatus(
    host="slave-5002",
    role=Role.SLAVE,
    state=AgentState.STOPPED,
    tcp_port=5002,
    udp_port=5002,
    last_error="the agent (pid 4714) died",
)
_NEW = AgentStatus(host="m2", role=Role.MASTER, state=AgentState.STARTING, pid=4715, tcp_port=4441)
_NO_TLS = {"displaced": None, "certificate_expires_at": None, "certificate_warning": None, "plain_peers": None}
_REPORT = StatusReport(agents=(_MASTER, _SLAVE, _LATE, _STOPPED, _NEW))


_NOW = datetime(2026, 11, 24, 9, 6, 5, tzinfo=UTC)


def test_table() -> None:
    assert_golden("status.txt", render(status_table(_REPORT.agents, _NOW), color=False))


def test_on_a_narrow_terminal_times_are_ages_and_notes_stand_below() -> None:
    screen = render(status_table(_REPORT.agents, _NOW), color=False, width=80)
    assert_golden("status-80.txt", screen)
    assert max(map(len, screen.splitlines())) <= 80


def test_document_has_the_keys_of_the_contract() -> None:
    document = status_document(StatusReport(agents=(_MASTER, _SLAVE)))
    assert document == {
        "ok": True,
        "agents": [
            {
                "host": "scheduler-4440",
                "role": "master",
                "state": "running",
                "pid": 4711,
                "version": "0.1.0",
                "started_at": "2026-11-24T07:05:24.510Z",
                "reloaded_at": None,
                "reload_error": None,
                "tcp_port": 4440,
                "udp_port": None,
                "slaves_registered": 2,
                "slaves_in_sync": 1,
                "last_error": None,
                "unwatched_because": None,
                **_NO_TLS,
                "recap": "ok",
            },
            {
                "host": "slave-5000",
                "role": "slave",
                "state": "running",
                "pid": 4712,
                "version": "0.1.0",
                "started_at": "2026-11-24T07:05:24.532Z",
                "reloaded_at": None,
                "reload_error": None,
                "tcp_port": 5000,
                "udp_port": 5000,
                "registered_at": "2026-11-24T07:05:24.537Z",
                "master": "scheduler-4440",
                "in_sync": True,
                "files": 391,
                "tree_digest": "0" * 32,
                "last_fetch_at": "2026-11-24T07:05:27.553Z",
                "pending_since": None,
                "pending_because": None,
                "last_error": None,
                **_NO_TLS,
                "recap": "ok",
            },
        ],
    }


def test_one_bad_agent_is_not_ok() -> None:
    assert status_document(_REPORT)["ok"] is False


def test_a_master_that_hears_of_no_changes_says_why_and_is_well() -> None:
    deaf = replace(_MASTER, unwatched_because="no space left on device")
    (line,) = render(status_table([deaf], _NOW), color=False).splitlines()[1:]
    assert line.endswith("changes are seen by the periodic scan only: no space left on device")
    assert deaf.is_ok


def test_who_is_plain_and_what_ends_stands_at_the_end() -> None:
    peers = [f"s{number}" for number in range(7)]
    said = replace(_MASTER, plain_peers=peers, certificate_warning="the certificate in use ends on 2026-12-01")
    screen = render(status_table([said], _NOW), color=False)
    assert "in plain: s0, s1, s2, s3, s4 and 2 more; the certificate in use ends on 2026-12-01" in screen
    assert said.is_ok
