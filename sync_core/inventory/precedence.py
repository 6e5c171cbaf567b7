"""Which of several values of a variable counts, by Ansible's rules.

The later wins: groups in the inventory, ``group_vars/all``, other ``group_vars/``, the host in the inventory,
``host_vars/``. So a file of variables for a parent group, or for all, beats what the inventory says of a child.
Among groups parents come before children (a group's depth is its longest way from ``all``); at the same depth
``ansible_group_priority`` decides, which only the inventory can set, then the alphabet. Where several inventories are
given, the later one's word wins in each of these steps.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sync_core.inventory.groups import Draft, GroupDraft, HostDraft
from sync_core.inventory.node import Node
from sync_core.inventory.problems import Problems, shown
from sync_core.inventory.variable_files import VariableFiles
from sync_core.inventory.variables import ALIASES

__all__ = ["Precedence", "RawSetting"]

_PRIORITY = "ansible_group_priority"
_NUMBER = re.compile(r"-?[0-9]{1,9}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RawSetting:
    """A value as the file has it, the word that it stands behind, and the group or host that it was set for."""

    written_as: str
    origin: str
    node: Node


class Precedence:
    """The values of all hosts of a draft, before placeholders are filled in.

    Args:
        draft: groups without circles.
        files: ``group_vars/`` and ``host_vars/``, the last one winning.
        problems: gets values that are set twice for the same group or host, by an alias.
    """

    def __init__(self, draft: Draft, files: Sequence[VariableFiles], problems: Problems) -> None:
        self._draft = draft
        self._files = files
        self._problems = problems
        self._parents = draft.parents()
        self._depths = draft.depths()
        self._inherited: dict[tuple[str, ...], Mapping[str, RawSetting]] = {}
        self._own = {name: self._merged(name, group.tables) for name, group in draft.groups.items()}
        for values in self._own.values():
            values.pop(_PRIORITY, None)  # it says something of the group, and nothing of its hosts
        self._filed = [{name: self._merged(name, tables) for name, tables in one.groups.items()} for one in self._files]

    def settings_of(self, host: HostDraft) -> dict[str, RawSetting]:
        """Return the values that count for ``host``, by canonical name."""
        groups = tuple(host.groups)
        if groups not in self._inherited:
            self._inherited[groups] = self._inherit(groups)
        found = {**self._inherited[groups], **self._merged(host.name, host.tables)}
        for one in self._files:
            found.update(self._merged(host.name, one.hosts.get(host.name, ())))
        return found

    def _inherit(self, groups: Iterable[str]) -> dict[str, RawSetting]:
        found: dict[str, RawSetting] = {}
        names = sorted(self._at_or_above(groups), key=self._rank)  # `all` comes first
        for name in names:
            found.update(self._own[name])
        for some in (names[:1], names[1:]):
            for tables in self._filed:
                for name in some:
                    found.update(tables.get(name, {}))
        return found

    def _merged(self, origin: str, tables: Iterable[Node]) -> dict[str, RawSetting]:
        found: dict[str, RawSetting] = {}
        for table in tables:
            for key, node in table.table.items():
                name = ALIASES.get(key, key)
                if name != key and name in table.table:
                    first = table.key_places[name]
                    self._problems.add(
                        table.key_places[key],
                        f"{shown(key)} is another word for {shown(name)}, which is given too",
                        f"at {first.line}:{first.column}; remove one",
                    )
                found[name] = RawSetting(written_as=key, origin=origin, node=node)
        return found

    def _at_or_above(self, groups: Iterable[str]) -> set[str]:
        found = {"all"}
        waiting = list(groups)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting.extend(self._parents[name])
        return found

    def _rank(self, name: str) -> tuple[int, int, str]:
        return (self._depths[name], _priority(self._draft.groups[name]), name)


def _priority(group: GroupDraft) -> int:
    for table in reversed(group.tables):
        value = table.table.get(_PRIORITY)
        if value is not None and _NUMBER.fullmatch(str(value.content)):
            return int(str(value.content))
    return 1
