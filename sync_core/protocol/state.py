"""The elements ``state``, ``remote_schedulers`` and ``ERROR`` of answers (``protocol.md`` sections 1.4, 9 and 11)."""

from __future__ import annotations

from sync_core.protocol.messages import ErrorAnswer, RemoteScheduler, StateAnswer
from sync_core.protocol.schema import parse_number
from sync_core.protocol.xml import MAX_ELEMENTS, Element

__all__ = ["ERROR", "STATE", "error_element", "read_error", "read_state", "state_element"]

ERROR = "ERROR"
STATE = "state"
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
    counts = {"count": str(len(answer.remote_schedulers)), "connected": str(answer.connected)}
    shown = answer.remote_schedulers if answer.with_remote_schedulers else ()
    schedulers = Element(_SCHEDULERS, counts, [_scheduler_element(scheduler) for scheduler in shown])
    return Element(STATE, dict(answer.attributes), [Element("subprocesses"), schedulers, Element("connections")])


def _scheduler_element(scheduler: RemoteScheduler) -> Element:
    children = [] if scheduler.error is None else [error_element(scheduler.error)]
    return Element(_SCHEDULER, dict(scheduler.attributes), children)


def read_state(element: Element) -> StateAnswer:
    """Return what a ``state`` element says about the peer and its remote schedulers.

    Where the peer left the children out, ``remote_schedulers`` is empty whatever its count says.

    Raises:
        RemoteProtocolError: the number of connected schedulers is no number.
    """
    schedulers = next((child for child in element.children if child.name == _SCHEDULERS), Element(_SCHEDULERS))
    found = tuple(_read_scheduler(child) for child in schedulers.children if child.name == _SCHEDULER)
    has_count = "connected" in schedulers.attributes
    return StateAnswer(
        attributes=dict(element.attributes),
        remote_schedulers=found,
        connected=parse_number(schedulers, "connected", at_most=MAX_ELEMENTS) if has_count else 0,
        with_remote_schedulers=bool(found),
    )


def _read_scheduler(element: Element) -> RemoteScheduler:
    error = next((child for child in element.children if child.name == ERROR), None)
    return RemoteScheduler(attributes=dict(element.attributes), error=None if error is None else read_error(error))
