"""One host: its values filled in, checked once more, completed with the defaults of ``cli.md`` section 1."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sync_core.inventory.groups import HostDraft
from sync_core.inventory.node import Node
from sync_core.inventory.paths import expand_path
from sync_core.inventory.placeholders import fill
from sync_core.inventory.precedence import RawSetting
from sync_core.inventory.problems import Problems, closest, shown
from sync_core.inventory.shape import value_problem
from sync_core.inventory.variables import ONLY_FOR, VariableTable
from sync_core.model.inventory import Connection, Dialect, Host, MaxDelete, Role, Setting, SshSettings, TlsFiles
from sync_core.model.rights import NO_CACHE_RIGHTS, CacheRights
from sync_core.model.security import AllowedHost, Level

__all__ = ["Resolver"]

_NUMBERS = frozenset({"tcp_port", "udp_port", "ssh_port", "interval_s", "max_delete"})
_MODES = frozenset({"file_mode", "dir_mode"})
_PATHS = ("remote", "cache", "ssh_key", "ssh_config")
_MAX_DIGITS = 40
_REQUIRED = {Role.MASTER: "remote", Role.SLAVE: "cache"}
_TCP_PORTS = {Role.MASTER: 4440, Role.SLAVE: 5000}
_UDP_PORTS = {Role.MASTER: 0, Role.SLAVE: 5000}


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolver:
    """Makes hosts out of drafts.

    Attributes:
        home: the absolute folder to which paths in ``Setting`` values are relative.
        folders: by file, what relative paths in it are relative to, absolute.
        environ: the environment, for paths.
        roles: of every host that has one.
        masters: the names of all masters, in file order.
        problems: gets everything that is wrong with a host.
    """

    home: Path
    folders: Mapping[str, Path]
    environ: Mapping[str, str]
    roles: Mapping[str, Role]
    masters: tuple[str, ...]
    problems: Problems

    def settings(self, host: HostDraft, raw: Mapping[str, RawSetting]) -> dict[str, Setting]:
        """Return the values that somebody set for ``host``, placeholders filled in, text that is a number as one.

        What it inherits of the other role's variables is left out.
        """
        role = self.roles[host.name]
        return {
            name: Setting(
                value=self._value(name, host, setting.node),
                written_as=setting.written_as,
                origin=setting.origin,
                file=setting.node.place.file,
                line=setting.node.place.line,
                column=setting.node.place.column,
            )
            for name, setting in raw.items()
            if ONLY_FOR.get(name, role) is role
        }

    def _value(self, name: str, host: HostDraft, node: Node) -> object:
        value = _as_number(name, fill(node, host, self.problems))
        if name in _MODES and isinstance(value, int):
            return f"{value:04o}"
        folder = self.folders[node.place.file]
        if folder == self.home:
            return value
        if name == "tls" and isinstance(value, dict):
            return {key: self._placed(path, folder) for key, path in value.items()}
        return self._placed(value, folder) if name in _PATHS else value

    def _placed(self, value: object, folder: Path) -> object:
        """Return a path that is relative to ``folder`` written out; anything else as it is."""
        if not isinstance(value, str) or value.startswith(("/", "~")):
            return value
        with suppress(ValueError):  # it is looked at again
            return str(expand_path(value, folder=folder, environ=self.environ))
        return value

    def host(self, draft: HostDraft, raw: Mapping[str, RawSetting], settings: Mapping[str, Setting]) -> Host | None:
        """Return the host that ``draft`` became, or ``None`` after noting what is wrong with it.

        Args:
            draft: its name and place.
            raw: the values that count for it, with their places.
            settings: the same, filled in.
        """
        values = self._checked(raw, settings)
        role = self.roles[draft.name]
        self._require_folder(draft, role, raw, values)
        masters = self._masters(draft, raw, values) if role is Role.SLAVE else ()
        paths = {name: self._path(name, values.get(name), raw) for name in _PATHS}
        tls = self._tls(values.get("tls"), raw)
        if any(self._is_faulty(raw[name].node) for name in settings):
            return None
        return _host(name=draft.name, role=role, masters=masters, values=values, paths=paths, tls=tls)

    def _checked(self, raw: Mapping[str, RawSetting], settings: Mapping[str, Setting]) -> dict[str, Any]:
        """Return the values of our own variables that are right; filled in, some may no longer be."""
        values = {
            name: setting.value
            for name, setting in settings.items()
            if name in VariableTable.model_fields and not self._is_faulty(raw[name].node)
        }
        try:
            VariableTable.model_validate(values)
        except ValidationError as error:
            for name in dict.fromkeys(str(detail["loc"][0]) for detail in error.errors(include_url=False)):
                message, hint = value_problem(name, values.pop(name))
                self.problems.add(raw[name].node.place, message, hint, topic=name)
        return values

    def _is_faulty(self, node: Node) -> bool:
        """Return whether something in ``node`` has been found wrong; it is not looked at again then."""
        items = node.content if isinstance(node.content, tuple) else tuple(node.table.values())
        places = (node.place, *node.key_places.values())
        return any(map(self.problems.has_at, places)) or any(map(self._is_faulty, items))

    def _require_folder(
        self, draft: HostDraft, role: Role, raw: Mapping[str, RawSetting], values: Mapping[str, Any]
    ) -> None:
        needed = _REQUIRED[role]
        is_excused = "connection" in raw and values.get("connection") in {None, Connection.NONE}
        is_excused = is_excused or any(self.problems.has_at(table.place) and not table.table for table in draft.tables)
        if needed not in raw and not is_excused:
            message = f"the {role} {shown(draft.name)} needs {shown(needed)}"
            hint = "the folder that it distributes" if role is Role.MASTER else "the folder that holds its copy"
            self.problems.add(draft.place, message, f"{hint}; or connection: none", topic=needed)

    def _masters(self, draft: HostDraft, raw: Mapping[str, RawSetting], values: Mapping[str, Any]) -> tuple[str, ...]:
        if "master" not in raw:
            return self._only_master(draft)
        given = values.get("master", [])
        names = [given] if isinstance(given, str) else given
        content = raw["master"].node.content
        nodes = content if isinstance(content, tuple) else (raw["master"].node,) * len(names)
        for index, (name, node) in enumerate(zip(names, nodes, strict=False)):
            if self.roles.get(name) is not Role.MASTER:
                self._no_master(name, node)
            elif name in names[:index]:
                self.problems.add(node.place, f"the master {shown(name)} is named twice")
        return tuple(names)

    def _no_master(self, name: str, node: Node) -> None:
        is_slave = name in self.roles
        message = f"{shown(name)} is a slave, not a master" if is_slave else f"there is no master {shown(name)}"
        hint = closest(name, self.masters) or f"masters: {', '.join(self.masters[:5]) or 'none'}"
        self.problems.add(node.place, message, hint)

    def _only_master(self, draft: HostDraft) -> tuple[str, ...]:
        if len(self.masters) == 1:
            return self.masters
        slave, known = f"the slave {shown(draft.name)}", self.masters
        if known:
            message, hint = f"{slave} names no `master`, and there are {len(known)}", f"one of {', '.join(known[:5])}"
        else:
            message, hint = f"{slave} has no master", "a host below the group `masters`"
        self.problems.add(draft.place, message, hint, topic="master")
        return ()

    def _tls(self, value: Any, raw: Mapping[str, RawSetting]) -> TlsFiles | None:
        if not isinstance(value, dict):
            return None
        cert, key, ca = (self._path("tls", value[name], raw) for name in ("cert", "key", "ca"))
        return TlsFiles(cert=cert, key=key, ca=ca) if cert and key and ca else None

    def _path(self, name: str, text: str | None, raw: Mapping[str, RawSetting]) -> Path | None:
        if text is None:
            return None
        place = raw[name].node.place
        try:
            return expand_path(text, folder=self.folders[place.file], environ=self.environ)
        except ValueError as error:
            self.problems.add(place, f"{shown(name)}: {shown(text)}: {error}", topic=name)
            return None


def _as_number(name: str, value: object) -> object:
    """Return ``value`` as a number if it is the text of one and ``name`` counts something."""
    if name not in _NUMBERS or not isinstance(value, str) or not value.isascii() or len(value) > _MAX_DIGITS:
        return value
    if value.isdigit():
        return int(value)
    whole, dot, fraction = value.partition(".")
    is_decimal = name == "interval_s" and dot and fraction.isdigit() and (whole.isdigit() or not whole)
    return float(value) if is_decimal else value


def _host(
    *,
    name: str,
    role: Role,
    masters: tuple[str, ...],
    values: Mapping[str, Any],
    paths: Mapping[str, Path | None],
    tls: TlsFiles | None,
) -> Host:
    """Put together the host; ``values`` hold what was set and has been checked."""
    is_master = role is Role.MASTER
    connection, allowed = values.get("connection"), values.get("allowed_hosts")
    return Host(
        name=name,
        role=role,
        address=values.get("address", name),
        tcp_port=values.get("tcp_port", _TCP_PORTS[role]),
        udp_port=values.get("udp_port", _UDP_PORTS[role]) or None,
        listen=values.get("listen"),
        remote=paths["remote"] if is_master else None,
        cache=None if is_master else paths["cache"],
        dialect=Dialect(values.get("dialect", Dialect.AUTO)),
        masters=masters,
        scheduler_id=values.get("scheduler_id", name),
        folder=None if is_master else values.get("folder"),
        interval_s=float(values.get("interval_s", 60)),
        connection=None if connection is None else Connection(connection),
        ssh=SshSettings(
            user=values.get("ssh_user"),
            port=values.get("ssh_port"),
            key=paths["ssh_key"],
            config=paths["ssh_config"],
        ),
        become=values.get("become", False),
        jsync=values.get("jsync", "jsync"),
        allowed_hosts=None if allowed is None else tuple(_allowed_host(entry) for entry in allowed),
        tcp_required=values.get("tcp_required", True),
        udp_required=values.get("udp_required", True),
        max_delete=_max_delete(values.get("max_delete", "50%")),
        rights=NO_CACHE_RIGHTS if is_master else _rights(values),
        any_address=values.get("any_address", False),
        tls=tls,
        trust_path=values.get("trust_path", False),
    )


def _allowed_host(entry: Mapping[str, str]) -> AllowedHost:
    return AllowedHost(host=entry["host"], level=Level.parse(entry["level"]))


def _rights(values: Mapping[str, Any]) -> CacheRights:
    file_mode, dir_mode = (int(values[name], 8) if name in values else None for name in ("file_mode", "dir_mode"))
    owner, group = (str(values[name]) if name in values else None for name in ("owner", "group"))
    return CacheRights(file_mode=file_mode, dir_mode=dir_mode, owner=owner, group=group)


def _max_delete(value: int | str) -> MaxDelete:
    return MaxDelete(number=int(str(value).rstrip("%")), is_percentage=str(value).endswith("%"))
