"""Inventories, from their paths to an ``Inventory``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sync_core.inventory.files import Files
from sync_core.inventory.groups import Draft, read_groups
from sync_core.inventory.paths import absolute
from sync_core.inventory.precedence import Precedence
from sync_core.inventory.problems import Problems
from sync_core.inventory.references import check_folders, warnings
from sync_core.inventory.resolve import Resolver
from sync_core.inventory.roles import assign_roles, check_variables
from sync_core.inventory.shape import check_shape
from sync_core.inventory.sources import read_sources
from sync_core.inventory.variable_files import read_variable_files
from sync_core.model.inventory import SOURCE_SEPARATOR, Group, Host, Inventory, Role, Setting

__all__ = ["load"]


def load(*paths: Path, environ: Mapping[str, str]) -> Inventory:
    """Return what the inventories at ``paths`` declare together (``cli.md`` section 1).

    DNS is never asked, and no folder that the inventory names is looked at. Executables are run.

    Args:
        paths: files, folders or executables, at least one, the later ones winning; errors name them as they stand here.
        environ: the environment, for ``$VAR`` and ``~`` in paths, and of executables.

    Raises:
        InventoryError: a file can't be read or is wrong; the error holds every fault at once.
    """
    problems = Problems(SOURCE_SEPARATOR.join(map(str, paths)))
    files = Files(problems)
    sources = read_sources(paths, files, environ=environ, problems=problems)
    for document in sources.documents:
        check_shape(document, problems)
    draft = read_groups(sources.documents, problems)
    variables = [
        read_variable_files(folder, files, groups=draft.groups, hosts=draft.hosts, problems=problems)
        for folder in sources.folders
    ]
    if not files.is_complete:  # what is missing would only look wrong elsewhere
        raise problems.error()
    roles = assign_roles(draft, problems)
    check_variables(draft, variables, roles, sources.flat, problems)
    masters = tuple(name for name, role in roles.items() if role is Role.MASTER)
    resolver = Resolver(
        home=sources.home, folders=files.bases, environ=environ, roles=roles, masters=masters, problems=problems
    )
    hosts, settings = _hosts(draft, Precedence(draft, variables, problems), resolver)
    check_folders(tuple(hosts.values()), settings, problems)
    if problems:
        raise problems.error()
    groups = _groups(draft)
    return Inventory(
        sources=tuple(map(absolute, paths)),
        hosts=hosts,
        groups=groups,
        settings=settings,
        warnings=(*problems.warnings, *warnings(hosts.values(), groups)),
    )


def _hosts(
    draft: Draft, precedence: Precedence, resolver: Resolver
) -> tuple[dict[str, Host], dict[str, Mapping[str, Setting]]]:
    """Return the hosts that are right, and of all hosts the values that somebody set."""
    hosts: dict[str, Host] = {}
    settings: dict[str, Mapping[str, Setting]] = {}
    for name in resolver.roles:
        raw = precedence.settings_of(draft.hosts[name])
        settings[name] = resolver.settings(draft.hosts[name], raw)
        host = resolver.host(draft.hosts[name], raw, settings[name])
        if host is not None:
            hosts[name] = host
    return hosts, settings


def _groups(draft: Draft) -> dict[str, Group]:
    """Return the groups: ``all``, then in file order. ``ungrouped`` is empty: a host in no other group has no role."""
    return {
        name: Group(
            name=name,
            hosts=() if name == "ungrouped" else tuple(draft.groups[name].hosts),
            children=tuple(draft.groups[name].children),
        )
        for name in ["all", *(name for name in draft.groups if name != "all")]
    }
