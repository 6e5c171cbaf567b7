"""What the program on a host reports (``net.far_side``) as the values of ``model``; a host may be hostile."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from typing import Any

from sync_core.model.errors import RemoteProtocolError
from sync_core.model.firewall.judgement import printable
from sync_core.model.firewall.reader import ToolOutput
from sync_core.model.probe import Listener, Outcome, ProbeResult
from sync_core.model.security import IpAddress, parse_ip
from sync_core.model.tls_words import tls_words
from sync_core.net.addresses import endpoint
from sync_core.net.far import Facts

__all__ = ["addresses_of", "listeners_of", "number_of", "senders_of", "tcp_result", "tools_of", "udp_result"]

_QUICK_MS = 2000.0
"""EHOSTUNREACH that comes sooner is a router's or firewall's word; later it is a neighbour that nobody is."""
_MOST = 4096
_TOO_MANY = 1 << 63
_JOBSCHEDULER = ("<?xml", "<spooler")
_OUTCOMES = {
    errno.ECONNREFUSED: Outcome.REFUSED,
    errno.EPERM: Outcome.NOT_PERMITTED,
    errno.EACCES: Outcome.PROHIBITED,
    errno.ENETUNREACH: Outcome.NO_ROUTE,
    errno.EADDRNOTAVAIL: Outcome.NO_ROUTE,
    errno.EINVAL: Outcome.NO_ROUTE,
}


def number_of(facts: Facts, name: str) -> int:
    """Return a whole number; raises RemoteProtocolError."""
    value = facts.get(name)
    if not isinstance(value, int) or not 0 <= value < _TOO_MANY:
        raise RemoteProtocolError(f"{name} is no number")
    return value


def addresses_of(texts: Any) -> tuple[IpAddress, ...]:
    """Return literal addresses without duplicates; raises RemoteProtocolError."""
    found = [parse_ip(text) for text in _list(texts) if isinstance(text, str)]
    return tuple(dict.fromkeys(address for address in found if address is not None))


def listeners_of(facts: Facts) -> tuple[Listener, ...]:
    """Return the listeners of a ``look``, sorted by address; raises RemoteProtocolError."""
    found = {_listener(entry) for entry in _list(facts.get("listeners"))}
    return tuple(sorted(found, key=lambda one: (one.address.version, int(one.address), one.pid or 0)))


def senders_of(facts: Facts) -> tuple[tuple[IpAddress, int], ...]:
    """Return who reached a temporary listener; raises RemoteProtocolError."""
    pairs = (_source(entry) for entry in _list(facts.get("seen")))
    return tuple((address, port) for address, port in pairs if address is not None and port is not None)


def tools_of(facts: Facts) -> dict[str, ToolOutput]:
    """Return what firewall tools printed; raises RemoteProtocolError."""
    tools = facts.get("tools")
    if not isinstance(tools, dict):
        raise RemoteProtocolError("no list of tools")
    return {str(name): _tool(tool) for name, tool in tools.items()}


def tcp_result(facts: Facts, address: IpAddress, port: int) -> ProbeResult:
    """Return what a connection attempt met; raises RemoteProtocolError."""
    at = endpoint(address, port)
    if not facts.get("is_connected"):
        return _failed(facts, f"connecting to {at}", f"no answer to connections to {at}")
    failure = facts.get("tls_failure")
    if isinstance(failure, dict):
        return _result(facts, Outcome.UNTRUSTED, f"{at} took the connection", _untrusted(failure))
    said = facts.get("said")
    if facts.get("is_closed") and not said and not facts.get("was_asked"):
        return _result(facts, Outcome.CLOSED, f"{at} took the connection and closed it at once without a byte")
    remark = _who_answers(str(said or ""), bool(facts.get("is_closed"))) if facts.get("was_asked") or said else ()
    proof = ("both ends proved by TLS who they are",) if facts.get("is_proven") else ()
    if isinstance(facts.get("tls_untried"), str):
        proof = (f"TLS was not tried: the certificate can't be used from there: {printable(facts['tls_untried'])}",)
    is_mute = bool(facts.get("was_asked")) and not said and not facts.get("is_closed")
    result = _result(facts, Outcome.CONNECTED, f"{at} took the connection", *proof, *remark)
    return replace(result, is_mute=is_mute)


def udp_result(facts: Facts, address: IpAddress, port: int, outcomes: dict[str, Outcome]) -> ProbeResult:
    """Return what datagrams met; raises RemoteProtocolError.

    Args:
        facts: of the probe.
        address: where they went.
        port: likewise.
        outcomes: what each reply would mean.
    """
    at = endpoint(address, port)
    outcome = outcomes.get(str(facts.get("reply")))
    if outcome is Outcome.ECHO:
        return _result(facts, outcome, f"a jsync agent at {at} sent the datagram back")
    if outcome is Outcome.HEARD:
        return _result(facts, outcome, f"a temporary listener at {at} answered")
    sent = number_of(facts, "sent")
    return _failed(facts, f"datagrams to {at}", f"{sent} datagrams sent to {at}, none answered")


def _untrusted(failure: dict[str, Any]) -> str:
    code = failure.get("code")
    words = tls_words(printable(str(failure.get("reason", "")))[:80], code if isinstance(code, int) else None)
    if failure.get("whose") == "own":
        return "TLS: our own certificate: " + words.replace("its certificate", "it")
    return f"TLS: {words}"


def _who_answers(said: str, is_closed: bool) -> tuple[str, ...]:
    """Return a remark where something else than jsync or JobScheduler answers."""
    if said.startswith(_JOBSCHEDULER):
        return ()
    if said:
        return (f"something else than jsync or JobScheduler answers there: {printable(said)[:60]!r}",)
    how = "closes the connection at" if is_closed else "does not answer"
    return (f"is that jsync or a JobScheduler? It {how} a harmless request",)


def _failed(facts: Facts, doing: str, silence: str) -> ProbeResult:
    if facts.get("is_silent"):
        if facts.get("is_neighbour_missing"):
            return _result(facts, Outcome.NO_ROUTE, silence, "nobody on the local network has that address")
        return _result(facts, Outcome.SILENT, silence)
    number = number_of(facts, "errno")
    reason = f"{errno.errorcode[number]} {os.strerror(number)}" if number in errno.errorcode else f"error {number}"
    outcome = _OUTCOMES.get(number, Outcome.FAILED)
    if number == errno.EHOSTUNREACH:
        outcome = Outcome.PROHIBITED if _elapsed_ms(facts) < _QUICK_MS else Outcome.NO_ROUTE
    return _result(facts, outcome, f"{doing}: {reason}")


def _result(facts: Facts, outcome: Outcome, what: str, *more: str) -> ProbeResult:
    source_ip, source_port = _source(facts.get("source"))
    seen = f"{what} (from {source_ip})" if source_ip else what
    return ProbeResult(
        outcome=outcome,
        elapsed_ms=_elapsed_ms(facts),
        source_ip=source_ip,
        source_port=source_port,
        evidence=(seen, *more),
    )


def _elapsed_ms(facts: Facts) -> float:
    value = facts.get("elapsed_ms")
    if not isinstance(value, int | float) or not 0 <= value < _TOO_MANY:
        raise RemoteProtocolError("elapsed_ms is no number")
    return round(float(value), 3)


def _source(value: Any) -> tuple[IpAddress | None, int | None]:
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[0], str):
        return None, None
    return parse_ip(value[0]), value[1] if isinstance(value[1], int) else None


def _listener(entry: Any) -> Listener:
    address = parse_ip(str(entry.get("address"))) if isinstance(entry, dict) else None
    if address is None:
        raise RemoteProtocolError("a listener without an address")
    pid, name, is_agent = entry.get("pid"), entry.get("name"), entry.get("is_agent")
    waiting = entry.get("waiting")
    return Listener(
        address=address,
        pid=pid if isinstance(pid, int) else None,
        process_name=printable(name) if isinstance(name, str) else None,
        is_agent=is_agent if isinstance(is_agent, bool) else None,
        waiting=waiting if isinstance(waiting, int) and 0 <= waiting < _TOO_MANY else 0,
    )


def _tool(tool: Any) -> ToolOutput:
    if not isinstance(tool, dict):
        raise RemoteProtocolError("a tool without output")
    code = tool.get("code")
    return ToolOutput(
        code=code if isinstance(code, int) else None, out=str(tool.get("out", "")), error=str(tool.get("error", ""))
    )


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise RemoteProtocolError("a list is missing")
    return value[:_MOST]
