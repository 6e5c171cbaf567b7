"""One inventory file, from its path to an ``Inventory``."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from sync_core.inventory.document import MAX_FILE_BYTES, Node, parse
from sync_core.inventory.groups import Draft, read_groups
from sync_core.inventory.paths import absolute
from sync_core.inventory.precedence import Precedence
from sync_core.inventory.problems import WHOLE_FILE, Problems
from sync_core.inventory.references import check_folders, warnings
from sync_core.inventory.resolve import Resolver
from sync_core.inventory.roles import assign_roles, check_variables
from sync_core.inventory.shape import check_shape
from sync_core.model.errors import NotBuiltError
from sync_core.model.inventory import Group, Host, Inventory, Role, Setting

__all__ = ["load"]

_VARIABLE_FOLDERS = ("group_vars", "host_vars")


def load(path: Path, *, environ: Mapping[str, str]) -> Inventory:
    """Return what the inventory at ``path`` declares (``cli.md`` section 1).

    DNS is never asked, and no folder that the inventory names is looked at.

    Args:
        path: the file; errors name it as it stands here.
        environ: the environment, for ``$VAR`` and ``~`` in paths.

    Raises:
        InventoryError: the file can't be read or is wrong; the error holds every fault at once.
        NotBuiltError: the path is a folder or an executable.
    """
    problems = Problems(str(path))
    data = _read(path, problems)
    _refuse_variable_folders(path, problems)
    document = None if data is None else parse(data, problems)
    if document is None:
        raise problems.error()
    return _inventory(document, absolute(path), environ, problems)


def _read(path: Path, problems: Problems) -> bytes | None:
    """Return the bytes of the file, one more than allowed at most; ``None`` after noting why there are none."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise NotBuiltError(f"{path} is a folder; these are not built yet", hint="name one inventory file")
        if stat.S_ISREG(mode) and mode & 0o111:
            message = f"{path} is executable; inventories that are run are not built yet"
            raise NotBuiltError(message, hint=f"if it is YAML: chmod a-x {path}")
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        problems.add(WHOLE_FILE, "there is no such file", "`jsync init` writes a working example")
    except OSError as error:
        problems.add(WHOLE_FILE, f"can't be read: {error.strerror}")
    except ValueError:
        problems.add(WHOLE_FILE, "can't be read: no file has such a name")
    return None


def _refuse_variable_folders(path: Path, problems: Problems) -> None:
    for name in _VARIABLE_FOLDERS:
        if os.path.lexists(path.parent / name):
            message = f"{name}/ beside it is not read yet: not built"
            problems.add(WHOLE_FILE, message, "put the values into the file, and move the folder away")


def _inventory(document: Node, source: Path, environ: Mapping[str, str], problems: Problems) -> Inventory:
    check_shape(document, problems)
    draft = read_groups(document, problems)
    roles = assign_roles(draft, problems)
    check_variables(draft, roles, problems)
    precedence = Precedence(draft, problems)
    masters = tuple(name for name, role in roles.items() if role is Role.MASTER)
    resolver = Resolver(folder=source.parent, environ=environ, roles=roles, masters=masters, problems=problems)
    hosts: dict[str, Host] = {}
    settings: dict[str, Mapping[str, Setting]] = {}
    for name in roles:
        raw = precedence.settings_of(draft.hosts[name])
        settings[name] = resolver.settings(draft.hosts[name], raw)
        host = resolver.host(draft.hosts[name], raw, settings[name])
        if host is not None:
            hosts[name] = host
    check_folders(tuple(hosts.values()), settings, problems)
    if problems:
        raise problems.error()
    groups = _groups(draft)
    return Inventory(
        source=source, hosts=hosts, groups=groups, settings=settings, warnings=warnings(hosts.values(), groups)
    )


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
