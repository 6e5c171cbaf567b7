"""The elements ``state``, ``remote_schedulers`` and ``ERROR`` of answers (``protocol.md`` sections 1.4, 9 and 11)."""

from __future__ import annotations

from sync_core.protocol.messages import ClusterAnswer, ErrorAnswer, RemoteScheduler, RemoteSchedulers, StateAnswer
from sync_core.protocol.schema import parse_number
from sync_core.protocol.xml import MAX_ELEMENTS, Element

__all__ = [
    "CLUSTER",
    "ERROR",
    "STATE",
    "cluster_element",
    "error_element",
    "read_cluster",
    "read_error",
    "read_state",
    "state_element",
]

ERROR = "ERROR"
STATE = "state"
CLUSTER = "cluster"
_SCHEDULERS = "remote_schedulers"
_SCHEDULER = "remote_scheduler"


def error_element(error: ErrorAnswer) -> Element:
    """Return ``<ERROR time code text/>``, without ``time`` where it is empty."""
    time = {"time": error.time} if error.time else {}
    return Element(ERROR, {**time, "code": error.code, "text": error.text})


def read_error(element: Element) -> ErrorAnswer:
    """Return what an ``ERROR`` element says; missing attributes are empty."""
    values = element.attributes
    return ErrorAnswer(code=values.get("code", ""), text=values.get("text", ""), time=values.get("time", ""))


def state_element(answer: StateAnswer) -> Element:
    """Return ``<state>`` with the children that tools look for, in the order of a real 1.3."""
    children = [Element("subprocesses"), _schedulers_element(answer), Element("connections")]
    return Element(STATE, dict(answer.attributes), children)


def cluster_element(answer: ClusterAnswer) -> Element:
    """Return ``<cluster>`` with the remote schedulers (section 11)."""
    return Element(CLUSTER, children=[_schedulers_element(answer)])


def _schedulers_element(answer: RemoteSchedulers) -> Element:
    """Counts are those of both versions: old panels read ``connected``, newer ones ``active`` (section 9)."""
    count = len(answer.remote_schedulers) if answer.count is None else answer.count
    counts = {"count": str(count), "connected": str(answer.connected)}
    if answer.active is not None:
        counts["active"] = str(answer.active)
    shown = answer.remote_schedulers if answer.with_remote_schedulers else ()
    return Element(_SCHEDULERS, counts, [_scheduler_element(scheduler) for scheduler in shown])


def _scheduler_element(scheduler: RemoteScheduler) -> Element:
    children = [] if scheduler.error is None else [error_element(scheduler.error)]
    return Element(_SCHEDULER, dict(scheduler.attributes), children)


def read_state(element: Element) -> StateAnswer:
    """Return what a ``state`` element says about the peer and its remote schedulers.

    Where the peer left the children out, ``remote_schedulers`` is empty whatever its count says.

    Raises:
        RemoteProtocolError: the number of connected or active schedulers is no number.
    """
    found, connected, active = _read_schedulers(element)
    return StateAnswer(
        attributes=dict(element.attributes),
        remote_schedulers=found,
        connected=connected,
        active=active,
        with_remote_schedulers=bool(found),
    )


def read_cluster(element: Element) -> ClusterAnswer:
    """Return what a ``cluster`` element says, as ``read_state`` does; it raises the same."""
    found, connected, active = _read_schedulers(element)
    return ClusterAnswer(
        remote_schedulers=found, connected=connected, active=active, with_remote_schedulers=bool(found)
    )


def _read_schedulers(element: Element) -> tuple[tuple[RemoteScheduler, ...], int, int | None]:
    """Return the schedulers in an element, how many are connected, and how many are active."""
    schedulers = next((child for child in element.children if child.name == _SCHEDULERS), Element(_SCHEDULERS))
    found = tuple(_read_scheduler(child) for child in schedulers.children if child.name == _SCHEDULER)
    return found, _count(schedulers, "connected") or 0, _count(schedulers, "active")


def _count(schedulers: Element, name: str) -> int | None:
    return parse_number(schedulers, name, at_most=MAX_ELEMENTS) if name in schedulers.attributes else None


def _read_scheduler(element: Element) -> RemoteScheduler:
    error = next((child for child in element.children if child.name == ERROR), None)
    return RemoteScheduler(attributes=dict(element.attributes), error=None if error is None else read_error(error))
