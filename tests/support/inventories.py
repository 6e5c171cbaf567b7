"""Inventories for tests: from YAML text, or put together from hosts without any file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

from sync_core.inventory import load
from sync_core.model.errors import InventoryError
from sync_core.model.inventory import Dialect, Group, Host, Inventory, MaxDelete, Role, SshSettings
from sync_core.model.rights import NO_CACHE_RIGHTS

ENVIRON = {"HOME": "/home/jobs", "SITE": "north"}
"""The environment that test inventories see."""


def a_host(name: str, role: Role, **changes: object) -> Host:
    """Return a host with the defaults of its role, but for ``changes``."""
    is_master = role is Role.MASTER
    host = Host(
        name=name,
        role=role,
        address="127.0.0.1",
        tcp_port=4440 if is_master else 5000,
        udp_port=None if is_master else 5000,
        listen=None,
        remote=Path("/srv/remote") if is_master else None,
        cache=None if is_master else Path("/srv") / name / "cache",
        dialect=Dialect.AUTO,
        masters=(),
        scheduler_id=name,
        folder=None,
        interval_s=60.0,
        connection=None,
        ssh=SshSettings(),
        become=False,
        jsync="jsync",
        allowed_hosts=None,
        tcp_required=True,
        udp_required=True,
        max_delete=MaxDelete(number=50, is_percentage=True),
        rights=NO_CACHE_RIGHTS,
    )
    return replace(host, **changes)  # type: ignore[arg-type]  # a wrong name or value shows at once in the test


def a_master(name: str = "master", **changes: object) -> Host:
    """Return a master at 127.0.0.1:4440."""
    return a_host(name, Role.MASTER, **changes)


def a_slave(name: str = "slave", **changes: object) -> Host:
    """Return a slave at 127.0.0.1:5000."""
    return a_host(name, Role.SLAVE, **changes)


def an_inventory(*hosts: Host, groups: Mapping[str, tuple[str, ...]] | None = None) -> Inventory:
    """Return an inventory with ``hosts`` in this order, the groups of their roles, and ``groups`` with their hosts."""
    members = {
        "masters": tuple(host.name for host in hosts if host.is_master),
        "slaves": tuple(host.name for host in hosts if not host.is_master),
        **(groups or {}),
    }
    made = {name: Group(name=name, hosts=names, children=()) for name, names in members.items()}
    made["ungrouped"] = Group(name="ungrouped", hosts=(), children=())
    top = Group(name="all", hosts=(), children=tuple(made))
    return Inventory(
        sources=(Path("/etc/jsync/jsync.yaml"),),
        hosts={host.name: host for host in hosts},
        groups={"all": top, **made},
        settings={host.name: {} for host in hosts},
    )


def write_inventory(folder: Path, text: str | bytes, name: str = "jsync.yaml") -> Path:
    """Write ``text`` (its common indent removed) as an inventory into ``folder`` and return its path."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else dedent(text).encode())
    return path


def inventory_of(folder: Path, text: str) -> Inventory:
    """Return the inventory that ``text`` declares."""
    return load(write_inventory(folder, text), environ=ENVIRON)


def problems_of(folder: Path, text: str | bytes) -> list[str]:
    """Return what is wrong with ``text``, as ``line:column: message (hint)``; nothing if it is right."""
    path = write_inventory(folder, text)
    try:
        load(path, environ=ENVIRON)
    except InventoryError as error:
        return [str(problem).removeprefix(f"{path}:").strip() for problem in error.problems]
    return []
