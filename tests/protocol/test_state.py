from __future__ import annotations

import pytest

from sync_core.model.errors import RemoteProtocolError
from sync_core.protocol.messages import ClusterAnswer, ErrorAnswer, RemoteScheduler, StateAnswer
from sync_core.protocol.state import cluster_element, error_element, read_error, read_state, state_element
from sync_core.protocol.xml import Element

SCHEDULERS = (
    RemoteScheduler(attributes={"ip": "127.0.0.1", "tcp_port": "5000"}),
    RemoteScheduler(attributes={"ip": "127.0.0.2"}, error=ErrorAnswer(code="X-1", text="X-1  no")),
)


def test_errors_leave_an_empty_time_out() -> None:
    assert error_element(ErrorAnswer(code="X-1", text="X-1  no")).attributes == {"code": "X-1", "text": "X-1  no"}
    assert list(error_element(ErrorAnswer(code="c", text="t", time="now")).attributes) == ["time", "code", "text"]


def test_errors_may_lack_everything() -> None:
    assert read_error(Element("ERROR", {"class": "x", "line": "1"})) == ErrorAnswer(code="", text="")


@pytest.mark.parametrize("is_shown", [True, False])
def test_counts_always_come_children_on_demand(is_shown: bool) -> None:
    answer = StateAnswer(
        attributes={"id": "x"}, remote_schedulers=SCHEDULERS, connected=1, with_remote_schedulers=is_shown
    )
    element = state_element(answer)
    assert element.attributes == {"id": "x"}
    assert [child.name for child in element.children] == ["subprocesses", "remote_schedulers", "connections"]
    schedulers = element.children[1]
    assert schedulers.attributes == {"count": "2", "connected": "1"}
    assert len(schedulers.children) == (2 if is_shown else 0)
    read = read_state(element)
    assert read.remote_schedulers == (SCHEDULERS if is_shown else ())
    assert (read.connected, read.with_remote_schedulers) == (1, is_shown)


def test_who_left_the_children_out_says_how_many_there_are() -> None:
    element = state_element(StateAnswer(attributes={}, connected=3, count=5))
    assert element.children[1].attributes == {"count": "5", "connected": "3"}
    assert cluster_element(ClusterAnswer(count=5)).children[0].attributes["count"] == "5"


def test_states_of_others_are_taken_as_they_come() -> None:
    schedulers = Element(
        "remote_schedulers", {"count": "1", "active": "1"}, [Element("x"), Element("remote_scheduler")]
    )
    element = Element("state", {"id": "x"}, [Element("jobs"), schedulers])
    expected = RemoteScheduler(attributes={})
    assert read_state(element) == StateAnswer(
        attributes={"id": "x"}, remote_schedulers=(expected,), active=1, with_remote_schedulers=True
    )
    assert read_state(Element("state")) == StateAnswer(attributes={})


@pytest.mark.parametrize("count", ["connected", "active"])
def test_a_count_that_is_no_number_is_refused(count: str) -> None:
    element = Element("state", {}, [Element("remote_schedulers", {count: "many"})])
    with pytest.raises(RemoteProtocolError, match=f"attribute '{count}'"):
        read_state(element)


def test_the_counts_are_those_of_both_versions() -> None:
    """Old panels read ``connected``, newer ones ``active`` (protocol.md section 9)."""
    counts = {"count": "2", "connected": "1", "active": "2"}
    state = StateAnswer(attributes={}, remote_schedulers=SCHEDULERS, connected=1, active=2)
    assert state_element(state).children[1].attributes == counts
    assert read_state(state_element(state)).active == 2
    cluster = cluster_element(
        ClusterAnswer(remote_schedulers=SCHEDULERS, connected=1, active=2, with_remote_schedulers=True)
    )
    (schedulers,) = cluster.children
    assert (cluster.name, schedulers.attributes, len(schedulers.children)) == ("cluster", counts, 2)
