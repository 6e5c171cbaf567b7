"""The document of ``ansible-inventory --list``, and of dynamic inventories, turned into groups as YAML has them."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping

from sync_core.inventory.node import Node
from sync_core.inventory.problems import Place, Problems, shown

__all__ = ["as_groups", "host_names", "host_variables", "is_list"]

_META = "_meta"


def is_list(document: Node) -> bool:
    """Return whether ``document`` is such a list: no group is called ``_meta``."""
    return _META in document.table


def host_variables(document: Node) -> Node | None:
    """Return the variables of all hosts, a mapping by name unless it is wrong; ``None`` where the list has none."""
    meta = document.table.get(_META)
    return None if meta is None else meta.table.get("hostvars")


def host_names(document: Node) -> tuple[str, ...]:
    """Return the hosts of all groups, each once, in the order in which they stand there."""
    groups = (group for name, group in document.table.items() if name != _META)
    return tuple(dict.fromkeys(name for group in groups for name, _ in _names(_parts(group).get("hosts"))))


def as_groups(document: Node, variables: Mapping[str, Node], problems: Problems) -> Node:
    """Return the list's groups in the shape of a YAML inventory.

    Every value keeps its place. A host has its variables where it is mentioned first. A group that is a mere list of
    hosts is taken, as Ansible does.

    Args:
        document: the list.
        variables: of the hosts by name.
        problems: gets what should be a list of names and is not; and a warning of variables of hosts in no group.
    """
    known = set(host_names(document))
    left = dict(variables)
    groups: dict[str, Node] = {}
    for name, group in document.table.items():
        if name != _META:
            parts = _parts(group)
            for part in ("hosts", "children"):
                if part in parts:
                    parts[part] = _mapping(parts[part], part, left, problems)
            places = {part: group.key_places.get(part, group.place) for part in parts}
            content = parts if isinstance(group.content, (Mapping, tuple)) else group.content
            groups[name] = Node(place=group.place, content=content, key_places=places)
    _warn_of_strangers(left, known, problems)
    places = {name: document.key_places[name] for name in groups}
    return Node(place=document.place, content=groups, key_places=places)


def _parts(group: Node) -> dict[str, Node]:
    return {"hosts": group} if isinstance(group.content, tuple) else dict(group.table)


def _names(part: Node | None) -> Iterator[tuple[str, Place]]:
    items = part.content if part is not None and isinstance(part.content, tuple) else ()
    return ((item.content, item.place) for item in items if isinstance(item.content, str))


def _mapping(part: Node, kind: str, variables: dict[str, Node], problems: Problems) -> Node:
    """Return a list of names as a mapping; hosts take what ``variables`` has of them."""
    if not isinstance(part.content, tuple):
        problems.add(part.place, f"{shown(kind)}: {shown(part.plain)} is not a list of names")
        return Node(place=part.place, content=None)
    for item in part.content:
        if not isinstance(item.content, str):
            problems.add(item.place, f"{shown(kind)}: {shown(item.plain)} is not a name")
    places: dict[str, Place] = {}
    for name, place in _names(part):
        places.setdefault(name, place)
    values = {name: Node(place=place, content=None) for name, place in places.items()}
    if kind == "hosts":
        values = {name: variables.pop(name, nothing) for name, nothing in values.items()}
    return Node(place=part.place, content=values, key_places=places)


def _warn_of_strangers(variables: Mapping[str, Node], known: Container[str], problems: Problems) -> None:
    strangers = [name for name in variables if name not in known]
    if strangers:
        more = f" and {len(strangers) - 1} more" if len(strangers) > 1 else ""
        file = variables[strangers[0]].place.file
        problems.warn(f"{file}: {shown(strangers[0])}{more} in no group: the variables are passed over")
