"""Who is a master and who is a slave: every host below the group of that name (``cli.md`` section 1)."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence

from sync_core.inventory.groups import Draft
from sync_core.inventory.node import Node
from sync_core.inventory.problems import WHOLE, Problems, shown
from sync_core.inventory.variable_files import VariableFiles
from sync_core.inventory.variables import ONLY_FOR
from sync_core.model.inventory import Role

__all__ = ["ROLE_GROUPS", "assign_roles", "check_variables"]

ROLE_GROUPS = {Role.MASTER: "masters", Role.SLAVE: "slaves"}


def assign_roles(draft: Draft, problems: Problems) -> dict[str, Role]:
    """Return the role of every host that has one, in file order.

    A host below both groups counts as a master for those who name it, after the fault was noted.

    Args:
        draft: all groups and hosts.
        problems: gets hosts with no role or with both, and the lack of any host.
    """
    masters, slaves = (draft.hosts_below(group) for group in ROLE_GROUPS.values())
    roles: dict[str, Role] = {}
    if not draft.hosts and not problems:
        problems.add(WHOLE, "the inventory has no hosts", "put them below the groups `masters` and `slaves`")
    for host in draft.hosts.values():
        is_master, is_slave = host.name in masters, host.name in slaves
        if is_master and is_slave:
            message = f"{shown(host.name)} is below `masters` and below `slaves`"
            problems.add(host.place, message, "one host has one role; a machine can carry two hosts", topic="roles")
        if is_master or is_slave:
            roles[host.name] = Role.MASTER if is_master else Role.SLAVE
        else:
            message = f"{shown(host.name)} is neither a master nor a slave"
            problems.add(host.place, message, "put it below the group `masters` or `slaves`", topic="roles")
    return roles


def check_variables(
    draft: Draft,
    files: Sequence[VariableFiles],
    roles: Mapping[str, Role],
    flat: Container[str],
    problems: Problems,
) -> None:
    """Note variables of one role where only the other can be meant: at a host, and in groups of one role.

    Args:
        draft: all groups and hosts.
        files: what ``group_vars/`` and ``host_vars/`` say of them.
        roles: of the hosts.
        flat: files where a host's values include what it inherits, so that they may be for either role.
        problems: gets the faults. What ``all`` or a group of both roles holds is right: each role takes its own.
    """
    for host in draft.hosts.values():
        if host.name in roles and not problems.has_at(host.place):
            own = (table for table in host.tables if table.place.file not in flat)
            filed = (table for one in files for table in one.hosts.get(host.name, ()))
            _check([*own, *filed], roles[host.name], f"{shown(host.name)} is a {roles[host.name]}", problems)
    for role, top in ROLE_GROUPS.items():
        for name in sorted(draft.groups_below(top)):
            filed = (table for one in files for table in one.groups.get(name, ()))
            _check([*draft.groups[name].tables, *filed], role, f"the hosts of {shown(name)} are {role}s", problems)


def _check(tables: Iterable[Node], role: Role, who: str, problems: Problems) -> None:
    for table in tables:
        for key in table.table:
            owner = ONLY_FOR.get(key, role)
            if owner is not role:
                message = f"{shown(key)} is a variable of {owner}s, and {who}"
                problems.add(table.key_places[key], message, "remove it", topic="other role")
