"""The systemd unit of an agent, as text (``systemd.service(5)``, ``systemd.exec(5)``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sync_core.model.inventory import Host

__all__ = ["Unit", "unit_name", "unit_text"]

_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:_.-")
_LOW_PORTS = 1024

_EVERYWHERE = """\
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
"""
_ONLY_IN_THE_SYSTEM = """\
ProtectSystem=strict
ProtectHome=read-only
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictNamespaces=yes
"""
"""A user's own manager can't do these on every system."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What a unit says.

    Attributes:
        host: whose agent it is.
        command: the agent's command line.
        state_folder: where run state lies.
        environ: variables that the agent needs beside the one for the state folder.
        user: who runs it, with a state folder that the manager makes; ``None``: the owner of the manager.
        is_of_user: whether the manager is a user's own.
        errors_path: gets what the agent writes to stderr; ``None``: the journal.
    """

    host: Host
    command: Sequence[str]
    state_folder: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    is_of_user: bool = False
    errors_path: Path | None = None


def unit_name(host: str) -> str:
    """Return the name of the unit of a host's agent; what a name can't hold is escaped (``systemd-escape(1)``)."""
    letters = (chr(one) if chr(one) in _PLAIN else f"\\x{one:02x}" for one in host.encode())
    return f"jsync-{''.join(letters)}.service"


def unit_text(unit: Unit) -> str:
    """Return the unit's file."""
    needed = [path for path in (unit.state_folder, unit.host.remote, unit.host.cache) if path is not None]
    # The manager makes the state folder of a user's own below /var/lib, and makes it writable.
    made = [] if unit.user is None else [f"StateDirectory={_words([f'{unit.state_folder.name}/{unit.host.name}'])}"]
    lines = [
        "[Unit]",
        f"Description=jsync {unit.host.role} {_no_specifiers(unit.host.name)}",
        "Wants=network-online.target",
        "After=network-online.target",
        f"RequiresMountsFor={_words(needed)}",
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        "Type=notify",
        *_before(unit),
        f"ExecStart={_words(unit.command, is_command=True)}",
        "ExecReload=/bin/kill -HUP $MAINPID",
        f"Environment={_words([f'{name}={value}' for name, value in _environ(unit).items()])}",
        *([f"User={unit.user}", *made, "StateDirectoryMode=0700"] if made else []),
        *([f"StandardError=truncate:{_no_specifiers(str(unit.errors_path))}"] if unit.errors_path else []),
        "Restart=on-failure",
        "RestartSec=5",
        "TimeoutStopSec=20",
        "WatchdogSec=60",
        "",
        "# The agent reads its folder and the inventory, and writes its cache and its state: nothing else.",
        *_EVERYWHERE.splitlines(),
        *([] if unit.is_of_user else [*_ONLY_IN_THE_SYSTEM.splitlines(), *_capabilities(unit)]),
        *_writable(unit),
        "",
        "[Install]",
        f"WantedBy={'default.target' if unit.is_of_user else 'multi-user.target'}",
    ]
    return "\n".join(lines) + "\n"


def _makes_cache(unit: Unit) -> bool:
    """Return whether the unit makes the cache where it is gone, as those in memory are after a boot.

    An agent that is a user of its own gets it from its administrator; a user's own agent is in no sandbox.
    """
    return unit.user is None and not unit.is_of_user and unit.host.cache is not None


def _before(unit: Unit) -> list[str]:
    words = ("/bin/mkdir", "-p", "--", unit.host.cache or "")
    return [f"ExecStartPre=+{_words(words, is_command=True)}"] if _makes_cache(unit) else []


def _writable(unit: Unit) -> list[str]:
    """Return where the sandbox is open; ``-``: what is not there yet keeps nothing from starting."""
    paths = [] if unit.user is not None else [str(unit.state_folder)]
    if unit.host.cache is not None:
        paths.append(f"{'-' if _makes_cache(unit) else ''}{unit.host.cache}")
    return [f"ReadWritePaths={_words(paths)}"] if paths and not unit.is_of_user else []


def _environ(unit: Unit) -> Mapping[str, str]:
    return {"JSYNC_STATE_DIR": str(unit.state_folder), **unit.environ}


def _capabilities(unit: Unit) -> list[str]:
    """Return what the agent may do beyond others: ports below 1024; and as root the files of every owner."""
    ports = (unit.host.tcp_port, unit.host.udp_port or _LOW_PORTS)
    low = ["CAP_NET_BIND_SERVICE"] if min(ports) < _LOW_PORTS else []
    if unit.user is None:
        return [" ".join(["CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER", *low])]
    return [f"CapabilityBoundingSet={' '.join(low)}", *(f"AmbientCapabilities={one}" for one in low)]


def _words(words: Sequence[str | Path], *, is_command: bool = False) -> str:
    """Return words as one value: quoted, and nothing in them means anything to systemd."""
    return " ".join(_quoted(str(word), is_command=is_command) for word in words)


def _quoted(word: str, *, is_command: bool) -> str:
    safe = _no_specifiers(word).replace("\\", "\\\\").replace('"', '\\"')
    if is_command:
        safe = safe.replace("$", "$$")
    is_plain = word and not set(word) & set(" \t'\"\\;")
    return safe if is_plain else f'"{safe}"'


def _no_specifiers(text: str) -> str:
    return text.replace("%", "%%")
