"""Groups and hosts as the files mention them: who is in what, in file order, before any value is resolved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sync_core.inventory.bounds import MAX_DEPTH
from sync_core.inventory.names import ExpandedName, check_member_name, count, expand
from sync_core.inventory.node import Node
from sync_core.inventory.problems import WHOLE, Place, Problems, shown

__all__ = ["MAX_HOSTS", "Draft", "GroupDraft", "HostDraft", "read_groups"]

MAX_HOSTS = 10_000
"""More is a mistyped range."""

_MAX_MENTIONS = 10 * MAX_HOSTS


@dataclass(slots=True, kw_only=True)
class GroupDraft:
    """A group while it is read; it may be mentioned several times.

    Attributes:
        hosts: direct members, as an ordered set.
        children: direct child groups, and where each is mentioned first.
        tables: its ``vars``, in file order.
    """

    name: str
    place: Place
    hosts: dict[str, None] = field(default_factory=dict)
    children: dict[str, Place] = field(default_factory=dict)
    tables: list[Node] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class HostDraft:
    """A host while it is read; it may be mentioned in several groups.

    Attributes:
        place: its first mention.
        n: the value of the first range that made it; ``None`` if none did.
        groups: the groups that list it, as an ordered set.
        tables: its variables, in file order.
    """

    name: str
    place: Place
    n: str | None
    groups: dict[str, None] = field(default_factory=dict)
    tables: list[Node] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Draft:
    """All groups and hosts of an inventory. ``all`` and ``ungrouped`` exist always; every group is below ``all``."""

    groups: dict[str, GroupDraft] = field(default_factory=dict)
    hosts: dict[str, HostDraft] = field(default_factory=dict)

    def parents(self) -> dict[str, list[str]]:
        """Return for each group those that name it as a child."""
        found: dict[str, list[str]] = {name: [] for name in self.groups}
        for group in self.groups.values():
            for child in group.children:
                found[child].append(group.name)
        return found

    def depths(self) -> dict[str, int]:
        """Return each group's longest way from ``all``; groups are visited after all their parents."""
        depths = {"all": 0}
        missing = {name: len(parents) for name, parents in self.parents().items()}
        ready = ["all"]
        while ready:
            name = ready.pop()
            for child in self.groups[name].children:
                depths[child] = max(depths.get(child, 0), depths[name] + 1)
                missing[child] -= 1
                if not missing[child]:
                    ready.append(child)
        return depths

    def groups_below(self, group: str) -> set[str]:
        """Return ``group`` and every group below it; nothing if there is no such group."""
        found: set[str] = set()
        waiting = [group] if group in self.groups else []
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting.extend(self.groups[name].children)
        return found

    def hosts_below(self, group: str) -> set[str]:
        """Return the names of the hosts in ``group`` or in any group below it; none if there is no such group."""
        return {host for name in self.groups_below(group) for host in self.groups[name].hosts}


def read_groups(documents: Sequence[Node], problems: Problems) -> Draft:
    """Return the groups and hosts of ``documents``; what several of them say of one group or host adds up.

    What has the wrong shape is passed over: ``check_shape`` has noted it.

    Args:
        documents: the roots of the files, in order of precedence, the last one winning.
        problems: gets unsafe names, wrong ranges, too many hosts, and groups that contain themselves.
    """
    reader = _Reader(problems)
    for document in documents:
        for name, node in document.table.items():
            reader.read_group(name, node, document.key_places[name])
    draft = reader.draft
    if len(draft.hosts) > MAX_HOSTS:
        problems.add(WHOLE, f"there are {len(draft.hosts)} hosts; at most {MAX_HOSTS} are allowed")
    for name in ("all", "ungrouped"):
        draft.groups.setdefault(name, GroupDraft(name=name, place=WHOLE))
    _break_circles(draft, problems)
    _put_below_all(draft)
    deepest, depth = max(draft.depths().items(), key=lambda item: item[1])
    if depth > MAX_DEPTH:
        problems.add(draft.groups[deepest].place, f"the group {shown(deepest)} is more than {MAX_DEPTH} groups deep")
    return draft


class _Reader:
    def __init__(self, problems: Problems) -> None:
        self.draft = Draft()
        self._problems = problems
        self._mentions = 0

    def read_group(self, name: str, node: Node, place: Place) -> None:
        try:
            check_member_name(name)
        except ValueError as error:
            self._problems.add(place, f"the group name {shown(name)} is not allowed: {error}")
        group = self.draft.groups.setdefault(name, GroupDraft(name=name, place=place))
        parts = node.table
        if "hosts" in parts:
            self._read_hosts(group, parts["hosts"])
        if "vars" in parts:
            group.tables.append(parts["vars"])
        if "children" in parts:
            children = parts["children"]
            for child, child_node in children.table.items():
                group.children.setdefault(child, children.key_places[child])
                self.read_group(child, child_node, children.key_places[child])

    def _read_hosts(self, group: GroupDraft, hosts: Node) -> None:
        for key, variables in hosts.table.items():
            place = hosts.key_places[key]
            for expanded in self._expanded(key, place):
                host = self.draft.hosts.setdefault(
                    expanded.name, HostDraft(name=expanded.name, place=place, n=expanded.n)
                )
                host.n = host.n if host.n is not None else expanded.n
                host.groups[group.name] = None
                host.tables.append(variables)
                group.hosts[expanded.name] = None

    def _expanded(self, key: str, place: Place) -> list[ExpandedName]:
        try:
            number = count(key)
            self._mentions += number
            if number > MAX_HOSTS or self._mentions > _MAX_MENTIONS:
                raise ValueError(f"it stands for {number} hosts, and an inventory has at most {MAX_HOSTS}")
            names = list(expand(key))
            for expanded in names:
                check_member_name(expanded.name)
        except ValueError as error:
            self._problems.add(place, f"the host name {shown(key)} is not allowed: {error}")
            return []
        return names


def _break_circles(draft: Draft, problems: Problems) -> None:
    """Note every group that contains itself, and forget the mention that closes the circle.

    ``all`` contains every group, so nobody can contain it.
    """
    done: set[str] = set()
    for root in ["all", *draft.groups]:
        path: list[tuple[str, Iterator[str]]] = [(root, iter(list(draft.groups[root].children)))]
        on_path = {root}
        while path and root not in done:
            name, children = path[-1]
            child = next(children, None)
            if child is None:
                done.add(name)
                on_path.discard(name)
                path.pop()
            elif child in on_path or child == "all":
                names = [step for step, _ in path]
                circle = [*names[names.index(child) :], child] if child in names else [name, child, name]
                place = draft.groups[name].children.pop(child)
                problems.add(place, f"the group {shown(child)} contains itself", shown(" > ".join(circle)))
            elif child not in done:
                path.append((child, iter(list(draft.groups[child].children))))
                on_path.add(child)


def _put_below_all(draft: Draft) -> None:
    top = draft.groups["all"]
    for name, parents in draft.parents().items():
        if not parents and name not in {"all", "ungrouped"}:
            top.children[name] = draft.groups[name].place
    top.children.pop("ungrouped", None)
    top.children["ungrouped"] = WHOLE
