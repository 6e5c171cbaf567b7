"""Which of several values of a variable counts: ``all``, parent groups, child groups, the host; the later wins.

Between groups of the same depth Ansible's rule holds: ``ansible_group_priority``, then the alphabet, the later
wins. A group's depth is its longest way from ``all``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sync_core.inventory.document import Node
from sync_core.inventory.groups import Draft, GroupDraft, HostDraft
from sync_core.inventory.problems import Problems, shown
from sync_core.inventory.variables import ALIASES

__all__ = ["Precedence", "RawSetting"]

_PRIORITY = "ansible_group_priority"


@dataclass(frozen=True, slots=True, kw_only=True)
class RawSetting:
    """A value as the file has it, and the group or host that it was set for."""

    origin: str
    node: Node


class Precedence:
    """The values of all hosts of a draft, before placeholders are filled in.

    Args:
        draft: groups without circles.
        problems: gets values that are set twice for the same group or host, by an alias.
    """

    def __init__(self, draft: Draft, problems: Problems) -> None:
        self._draft = draft
        self._problems = problems
        self._parents = draft.parents()
        self._depths = draft.depths()
        self._inherited: dict[tuple[str, ...], Mapping[str, RawSetting]] = {}
        self._own = {name: self._merged(group.name, group.tables) for name, group in draft.groups.items()}

    def settings_of(self, host: HostDraft) -> dict[str, RawSetting]:
        """Return the values that count for ``host``, by canonical name."""
        groups = tuple(host.groups)
        if groups not in self._inherited:
            found: dict[str, RawSetting] = {}
            for name in sorted(self._at_or_above(groups), key=self._rank):
                found.update(self._own[name])
            self._inherited[groups] = found
        return {**self._inherited[groups], **self._merged(host.name, host.tables)}

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
                found[name] = RawSetting(origin=origin, node=node)
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
        if value is not None and str(value.content).isdecimal():
            return int(str(value.content))
    return 1
