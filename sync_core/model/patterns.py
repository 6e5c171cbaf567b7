"""Host patterns as Ansible writes them (``cli.md`` section 2).

A pattern is a list of terms, separated by commas or colons. First all plain terms add hosts, then those with ``&``
keep only what they name too, then those with ``!`` take away, whatever the order in which they stand; without any
plain term everything is there to begin with. A term names a host, else groups and hosts by a shell glob or, after
``~``, by a regular expression that must match from the beginning; ``[0]``, ``[-1]``, ``[0:1]`` and ``[1:]`` choose
by position. Where a host and a group share a name, the bare name means the host, and the group with a sign or a
position.

A test compares all this with the real Ansible. We are stricter: a plain term that means nobody is an error. And
kinder where Ansible finds nobody: separators inside braces, commas beside colons, IPv6 addresses behind a sign and
globs such as ``slave-[1-3]`` mean what they say.
"""

from __future__ import annotations

import difflib
import fnmatch
import re
import warnings
from collections.abc import Container, Iterator
from dataclasses import dataclass
from enum import StrEnum

from sync_core.model.errors import UsageError
from sync_core.model.inventory import Host, Inventory

__all__ = ["Sign", "Term", "parse", "select"]

_SUBSCRIPT = re.compile(r"(?P<expression>.+)\[(?:(?P<index>-?[0-9]{1,9})|(?P<first>[0-9]{1,9}):(?P<last>[0-9]{0,9}))\]")

_OLD_SUBSCRIPT = re.compile(r"(?P<expression>[^~].*)\[(?P<first>[0-9]{1,9})-(?P<last>[0-9]{0,9})\]")


class Sign(StrEnum):
    """What a term does with the hosts that it names."""

    ADD = ""
    KEEP = "&"
    REMOVE = "!"


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One part of a pattern.

    Attributes:
        sign: what it does.
        expression: a name, a glob, or ``~`` and a regular expression.
        span: the first and the last position that it chooses, both included; ``None`` for all. A last position
            of ``None`` is the end; negative positions count from there.
    """

    sign: Sign = Sign.ADD
    expression: str
    span: tuple[int, int | None] | None = None

    def __str__(self) -> str:
        if self.span is None:
            return f"{self.sign}{self.expression}"
        first, last = self.span
        inside = str(first) if first == last else f"{first}:{'' if last is None else last}"
        return f"{self.sign}{self.expression}[{inside}]"

    @property
    def is_name(self) -> bool:
        """Whether it names one host or group literally."""
        return not self.expression.startswith("~") and not any(mark in self.expression for mark in "*?[")


def parse(pattern: str, names: Container[str] = ()) -> tuple[Term, ...]:
    """Return the terms of ``pattern`` as they stand in it; ``names`` are not torn at their colons (IPv6 addresses).

    ``UsageError``: there is no term in it, or a sign without anything behind it.
    """
    terms = tuple(_term(text, names) for text in _split(pattern, names))
    if not terms:
        raise UsageError("the pattern is empty", hint="name hosts or groups; `all` means everything")
    return terms


def select(inventory: Inventory, pattern: str) -> tuple[Host, ...]:
    """Return the hosts that ``pattern`` names, in inventory order, each once.

    ``UsageError``: the pattern is empty or wrong, a plain term matches nothing, or nothing is left at the end.
    """
    terms = parse(pattern, inventory.hosts)
    adding = [term for term in terms if term.sign is Sign.ADD]
    chosen: set[str] = set() if adding else set(inventory.hosts)
    for term in adding:
        found = _named(inventory, term)
        if not found:
            raise _no_match(inventory, term)
        chosen.update(found)
    for term in terms:
        if term.sign is Sign.KEEP:
            chosen.intersection_update(_named(inventory, term))
    for term in terms:
        if term.sign is Sign.REMOVE:
            chosen.difference_update(_named(inventory, term))
    if not chosen:
        hint = "the terms with & and ! leave none" if adding else "the pattern takes away every host"
        raise UsageError(f"no host matches the pattern {pattern!r}", hint=hint)
    return tuple(host for name, host in inventory.hosts.items() if name in chosen)


def _split(pattern: str, names: Container[str]) -> Iterator[str]:
    """Yield the texts of the terms; separators inside brackets of any kind are none."""
    for part in _pieces(pattern, ","):
        yield from [part] if part.lstrip("&!") in names else _pieces(part, ":")


def _pieces(text: str, separator: str) -> Iterator[str]:
    depth, start = 0, 0
    for position, character in enumerate(text + separator):
        depth = max(0, depth + (character in "[({") - (character in "])}"))
        if character == separator and (depth == 0 or position == len(text)):
            if piece := text[start:position].strip():
                yield piece
            start = position + 1


def _term(text: str, names: Container[str]) -> Term:
    sign = Sign(text[0]) if text[0] in {Sign.KEEP, Sign.REMOVE} else Sign.ADD
    expression = text[len(sign) :].strip()
    if not expression or expression == "~":
        raise UsageError(f"the pattern has {text!r} with nothing behind it", hint="a host, a group or a glob follows")
    match = None if expression in names or expression.startswith("~") else _SUBSCRIPT.fullmatch(expression)
    if match is None:
        return Term(sign=sign, expression=expression)
    if match["index"] is not None:
        return Term(sign=sign, expression=match["expression"], span=(int(match["index"]), int(match["index"])))
    last = int(match["last"]) if match["last"] else None
    return Term(sign=sign, expression=match["expression"], span=(int(match["first"]), last))


def _named(inventory: Inventory, term: Term) -> list[str]:
    found = _matching(inventory, term)
    if term.span is None:
        return _named_by_old_positions(inventory, term) or found
    first, last = term.span
    if first < 0:
        return found[first : first + 1 or None] if -first <= len(found) else []
    return found[first : None if last is None else last + 1]


def _named_by_old_positions(inventory: Inventory, term: Term) -> list[str]:
    """Return what ``group[0-1]`` means to Ansible still: positions, if there is such a group, and no glob."""
    match = _OLD_SUBSCRIPT.fullmatch(term.expression)
    if match is None or term.expression in inventory.hosts:
        return []
    span = (int(match["first"]), int(match["last"]) if match["last"] else None)
    return _named(inventory, Term(sign=term.sign, expression=match["expression"], span=span))


def _matching(inventory: Inventory, term: Term) -> list[str]:
    """Return the names of the hosts that a term's expression names, in the order in which positions count them.

    As with Ansible, a host that several groups bring along is counted each time.
    """
    expression = term.expression
    is_bare = term.sign is Sign.ADD and term.span is None
    if expression in inventory.hosts and (is_bare or expression not in inventory.groups):
        return [expression]
    if term.is_name:
        return list(_hosts_of(inventory, expression)) if expression in inventory.groups else []
    try:
        with warnings.catch_warnings(action="ignore", category=FutureWarning):  # on "[[" Python may change its mind
            regex = re.compile(expression[1:] if expression.startswith("~") else fnmatch.translate(expression))
    except (re.error, OverflowError, RecursionError) as error:
        raise UsageError(f"{expression!r} is no regular expression: {error}") from None
    groups = [name for name in inventory.groups if regex.match(name)]
    found = [host for name in groups for host in _hosts_of(inventory, name)]
    return [*found, *(name for name in inventory.hosts if regex.match(name))]


def _hosts_of(inventory: Inventory, group: str) -> dict[str, None]:
    """Return the hosts of ``group``, its own first, then those of the groups below it, level by level."""
    found: dict[str, None] = {}
    level = {group: None}
    seen: set[str] = set()
    while level:
        seen.update(level)
        for name in level:
            found.update(dict.fromkeys(inventory.groups[name].hosts))
        children = (child for name in level for child in inventory.groups[name].children)
        level = {child: None for child in children if child not in seen}
    return found


def _no_match(inventory: Inventory, term: Term) -> UsageError:
    found = set(_matching(inventory, term))
    near = difflib.get_close_matches(term.expression[:100], [*inventory.hosts, *inventory.groups], n=3)
    if found:
        hint = f"{term.expression} has {len(found)} hosts; positions count from 0"
    elif term.expression in inventory.groups:
        hint = "the group has no hosts"
    elif near:
        hint = f"did you mean {' or '.join(near)}?"
    else:
        hint = "`jsync inventory --graph` shows hosts and groups"
    return UsageError(f"no host matches the pattern {str(term)!r}", hint=hint)
