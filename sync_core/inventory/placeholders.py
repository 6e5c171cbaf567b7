"""``{n}`` and ``{name}`` in the values of a host."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sync_core.inventory.groups import HostDraft
from sync_core.inventory.node import Node
from sync_core.inventory.problems import Problems, shown

__all__ = ["fill"]

_PLACEHOLDER = re.compile(r"(?<![{$])\{(n|name)\}(?!\})")
"""Neither an environment variable (``${name}``) nor a template of Ansible's (``{{name}}``)."""


def fill(node: Node, host: HostDraft, problems: Problems) -> object:
    """Return the plain value of ``node`` with the placeholders in every text, however deep, filled in.

    Args:
        node: the value.
        host: ``{name}`` is its name, ``{n}`` the value of the (first) range in its name.
        problems: gets a ``{n}`` for a host that no range made.
    """
    match node.content:
        case str() as text:
            return _PLACEHOLDER.sub(lambda found: _word(found[1], node, host, problems), text)
        case Mapping() as table:
            return {key: fill(value, host, problems) for key, value in table.items()}
        case tuple() as items:
            return [fill(item, host, problems) for item in items]
        case scalar:
            return scalar


def _word(which: str, node: Node, host: HostDraft, problems: Problems) -> str:
    if which == "name":
        return host.name
    if host.n is None:
        message = f"`{{n}}` is the value of a range, and the host {shown(host.name)} has none in its name"
        problems.add(node.place, message, "use {name}, or a range such as slave-[1:9]", topic="{n}")
        return ""
    return host.n
