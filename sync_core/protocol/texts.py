"""The message catalogue: codes with the original's texts, built by its rules (``protocol.md`` sections 1.7 and 12).

Texts that an administrator's log scanner may look for are the original's own; where only a meaning is known, the
wording is ours. Values come from anywhere, so they are made safe for one line of a log or terminal.
"""

from __future__ import annotations

from types import MappingProxyType

__all__ = ["MAX_INSERTION_CHARS", "one_line", "text"]

MAX_INSERTION_CHARS = 500
"""Where the original cuts a value; three dots follow."""

_CATALOGUE = MappingProxyType(
    {
        "SCHEDULER-105": "Unknown command '$1'",
        "SCHEDULER-121": "The security settings do not allow this operation",
        "SCHEDULER-164": "Unknown word in what=: '$1'",
        "SCHEDULER-222": "<$1> is possible on a raw TCP connection only",
        "SCHEDULER-223": "Supervisor has reported an error: $1",
        "SCHEDULER-224": "Supervisor has closed the connection",
        "SCHEDULER-286": "More than $1 connections are open, this one is refused",
        "SCHEDULER-287": "TCP connection not allowed",
        "SCHEDULER-289": "$1 is in use, trying again for up to $2s",
        "SCHEDULER-301": "UDP message from $1 is not allowed",
        "SCHEDULER-311": "The HTTP request '$1' failed: $2",
        "SCHEDULER-319": "One command at a time, please: <$1> is one too many",
        "SCHEDULER-353": "No immediate response from command <$1>",
        "SCHEDULER-381": "Scheduler is not active yet",
        "SCHEDULER-454": "Directories '$1' and '$2' mean the same host and port, the first one is used",
        "SCHEDULER-455": "No configuration directory for '$1'",
        "SCHEDULER-457": "Remote scheduler '$1' has not been registered",
        "SCHEDULER-458": "Remote scheduler has not sent a notification for $1s and has been deregistered",
        "SCHEDULER-461": "Path reaches beyond root (too many '..'): $1",
        "SCHEDULER-474": "Workload scheduler is not responding to UDP message since $1 ($2s). "
        "Workload scheduler's configuration can not be updated.",
        "SCHEDULER-701": "Replicating '$1'",
        "SCHEDULER-702": "Removing '$1'",
        "SCHEDULER-703": "Local configuration file is ignored, the central configuration file is used instead",
        "SCHEDULER-714": "Scheduler $1 is already registered via connection $2. "
        "This connection will be closed now. New connection is $3",
        "SCHEDULER-718": "Using '$1' configuration directory '$2'",
        "SCHEDULER-882": "Configuration directory '$1' has gone",
        "SCHEDULER-895": "Configuration directory '$1' does not exist and is ignored",
        "SCHEDULER-899": "Scheduler has no UDP port, so updated configuration files on supervisor will not be noticed",
        "SCHEDULER-900": "Scheduler $1 is starting with $2, pid=$3",
        "SCHEDULER-902": "state=$1",
        "SCHEDULER-950": "Scheduler has been registered",
        "SCHEDULER-955": "UDP message from $1: $2",
        "SCHEDULER-956": "Scheduler expects commands from $1 port $2 ",
        "SCHEDULER-965": "Executing command: $1",
        "LIBXML2-003": "Missing attribute $1 in <$2>",
        "LIBXML2-007": "XML document does not conform to schema",
        "XML-ERROR": "",
    }
)


def one_line(value: str) -> str:
    r"""Return ``value`` with everything escaped that could break a line or steer a terminal.

    Control characters, line and direction marks and lone surrogates become ``\x1b`` or ``\u202e``; a byte of a name
    that is no UTF-8 (a surrogate of ``surrogateescape``) becomes ``\xe4``, the byte that it stands for.
    """
    if value.isprintable():
        return value
    return "".join(c if c.isprintable() else _escaped(c) for c in value)


def _escaped(character: str) -> str:
    number = ord(character)
    if 0xDC80 <= number <= 0xDCFF:
        number -= 0xDC00
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def text(code: str, *insertions: object) -> str:
    """Return a message as the original builds it: code, two blanks, text; values replace ``$1``, ``$2`` and so on.

    A value without a place in the text is appended in brackets, each value is cut at ``MAX_INSERTION_CHARS`` and
    trimmed on the right, and a place without a value stays as it is (section 1.7; capture 02 shows ``<$1>``).

    Args:
        code: a code of the catalogue.
        insertions: the values, in order.

    Returns:
        The message, one line.

    Raises:
        KeyError: the catalogue has no such code.
    """
    template = _CATALOGUE[code]
    values = [_insertion(value) for value in insertions]
    placed = "".join(_parts(template, values))
    appended = "".join(f" [{value}]" for n, value in enumerate(values, 1) if f"${n}" not in template)
    return f"{code}  {placed}{appended}"


def _parts(template: str, values: list[str]) -> list[str]:
    """Split at the places and fill them, so that a value that contains ``$1`` itself is not replaced again."""
    head, *tails = template.split("$")
    parts = [head]
    for tail in tails:
        place = int(tail[0])
        parts += [values[place - 1] if place <= len(values) else f"${place}", tail[1:]]
    return parts


def _insertion(value: object) -> str:
    raw = str(value)
    cut = raw if len(raw) <= MAX_INSERTION_CHARS else raw[:MAX_INSERTION_CHARS] + "..."
    return one_line(cut.rstrip())
