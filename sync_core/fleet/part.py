"""A machine's part of an inventory: what its agents need, with every value resolved, as one document to send there.

The machine's hosts stand in it as its own; their peers with what is needed to reach and to know them. How anybody logs
in anywhere is nobody's business there, so it is left out.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sync_core.agent.own_folder import make_own
from sync_core.agent.settings import peers_of
from sync_core.inventory import load
from sync_core.model.errors import StateError, UsageError
from sync_core.model.file import md5_of
from sync_core.model.inventory import Connection, Host, Inventory

__all__ = ["MAX_PART_BYTES", "Part", "keep_part", "part_of", "read_part"]

MAX_PART_BYTES = 32 * 1024 * 1024
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")
_FOLDER = ".parts"
"""Below the state folder; no host's name begins with a dot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One machine's part.

    Attributes:
        name: of the file that holds it there: the same for the same inventory, so that its hosts stay its own.
        text: the document.
    """

    name: str
    text: bytes


def part_of(inventory: Inventory, hosts: Iterable[Host]) -> Part:
    """Return what the machine of ``hosts`` needs of ``inventory``; all its hosts, whoever is to be started now.

    Args:
        inventory: where they are declared.
        hosts: all hosts of the inventory on that machine.
    """
    own = {host.name: host for host in hosts}
    peers = {peer.name for host in own.values() for peer in peers_of(inventory, host)}
    known = own.keys() | peers
    groups: dict[str, dict[str, Any]] = {"masters": {"hosts": {}}, "slaves": {"hosts": {}}}
    for host in inventory.hosts.values():  # in the inventory's order, so that the same inventory makes the same text
        if host.name in known:
            values = _own(host) if host.name in own else _peer(host, known)
            groups["masters" if host.is_master else "slaves"]["hosts"][host.name] = values
    whence = inventory.source.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    document = {"all": {"vars": {"x_from": whence}}, **groups}
    return Part(name=_name(inventory), text=json.dumps(document, indent=1).encode("ascii") + b"\n")


def read_part(name: str, text: bytes, state_folder: Path) -> Inventory:
    """Return the inventory that ``text`` holds as if it lay in its place already; nothing is written.

    Args:
        name: of the part.
        text: the document.
        state_folder: where run state lies.

    Raises:
        UsageError: that is no name of a part, or the text is too long.
        InventoryError: it is no inventory.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name of a part")
    if len(text) > MAX_PART_BYTES:
        raise UsageError(f"a part of more than {MAX_PART_BYTES} bytes is not taken")
    # A file in memory: a disk that is full, or that must not be written to now, does not matter.
    with os.fdopen(os.memfd_create(name), "wb") as file:
        os.fchmod(file.fileno(), 0o600)  # memory is executable at first, and executables are run
        file.write(text)
        file.flush()
        inventory = load(Path(f"/proc/self/fd/{file.fileno()}"), environ={})
    return replace(inventory, sources=(_place(name, state_folder),))


def keep_part(name: str, text: bytes, state_folder: Path) -> None:
    """Put the part into its place, in one step; nothing is done if it is there already.

    Raises:
        StateError: it can't be written.
    """
    place = _place(name, state_folder)
    temporary = place.with_name(f".{name}.{secrets.token_hex(4)}")
    try:
        if place.is_file() and place.read_bytes() == text:
            return
        make_own(state_folder)
        make_own(place.parent, mode=0o700)
        try:
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(place)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StateError(
            f"{place} can't be written: {error.strerror}",
            hint="free some space there, or set JSYNC_STATE_DIR to a folder that may be written to",
        ) from error


def _place(name: str, state_folder: Path) -> Path:
    return state_folder / _FOLDER / name


def _name(inventory: Inventory) -> str:
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", inventory.sources[-1].stem)[:40] or "inventory"
    return f"{stem}-{md5_of(inventory.source.encode('utf-8', 'surrogateescape'))[:12]}.json"


def _own(host: Host) -> Mapping[str, Any]:
    allowed = None if host.allowed_hosts is None else [_allowed(one.host, one.level) for one in host.allowed_hosts]
    return {
        **_common(host),
        "connection": Connection.LOCAL.value,
        "interval_s": host.interval_s,
        **_given(listen=host.listen, allowed_hosts=allowed, trust_path=host.trust_path or None),
        **({"remote": _text(host.remote)} if host.is_master else _of_slave(host)),
    }


def _of_slave(host: Host) -> Mapping[str, Any]:
    removals = host.max_delete
    return {
        "cache": _text(host.cache),
        "master": list(host.masters),
        "tcp_required": host.tcp_required,
        "udp_required": host.udp_required,
        "max_delete": str(removals) if removals.is_percentage else removals.number,
        **host.rights.variables(),
    }


def _peer(host: Host, known: Iterable[str]) -> Mapping[str, Any]:
    masters = {} if host.is_master else {"master": [name for name in host.masters if name in set(known)]}
    return {**_common(host), "connection": Connection.NONE.value, **masters}


def _common(host: Host) -> Mapping[str, Any]:
    return {
        "address": host.address,
        "tcp_port": host.tcp_port,
        "udp_port": host.udp_port or 0,
        "dialect": host.dialect.value,
        "scheduler_id": host.scheduler_id,
        **({"any_address": True} if host.any_address else {}),
        **_given(folder=host.folder, tls=_tls(host)),
    }


def _given(**values: object) -> Mapping[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _allowed(host: str, level: object) -> Mapping[str, str]:
    return {"host": host, "level": str(level)}


def _tls(host: Host) -> Mapping[str, str] | None:
    if host.tls is None:
        return None
    return {"cert": str(host.tls.cert), "key": str(host.tls.key), "ca": str(host.tls.ca)}


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
