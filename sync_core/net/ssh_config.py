"""Where an SSH connection goes and how: the inventory's words over those of ``~/.ssh/config``."""

from __future__ import annotations

import getpass
from dataclasses import dataclass, replace
from pathlib import Path

import paramiko

from sync_core.model.errors import HostError
from sync_core.model.inventory import SshSettings

__all__ = ["SshTarget", "find_target"]

_USER_CONFIG = Path("~/.ssh/config")
_MOST_JUMPS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SshTarget:
    """Everything that a connection needs to know.

    Attributes:
        host: name or address that is connected to.
        port: number.
        user: who logs in.
        keys: private keys to try; the usual ones of ``~/.ssh`` come by themselves unless ``is_exclusive``.
        is_exclusive: only ``keys`` count, not those of the agent (``IdentitiesOnly``).
        known_hosts: files of known host keys; the first is where new ones belong.
        key_alias: the name under which the host's key is known, if it is another one.
        jump: the host in between, or ``None``.
    """

    host: str
    port: int
    user: str
    keys: tuple[Path, ...]
    is_exclusive: bool
    known_hosts: tuple[Path, ...]
    key_alias: str | None
    jump: SshTarget | None

    @property
    def known_as(self) -> str:
        """The name that stands in files of known hosts."""
        if self.key_alias:
            return self.key_alias
        return self.host if self.port == 22 else f"[{self.host}]:{self.port}"


def find_target(address: str, settings: SshSettings) -> SshTarget:
    """Return how to reach ``address``: ``settings`` first, then the configuration file, then ssh's defaults.

    Raises:
        HostError: the file can't be read, or asks for something that is not supported.
    """
    file = settings.config or _USER_CONFIG.expanduser()
    config = _read(file, is_required=settings.config is not None)
    return _target(config, address, settings, jumps=0)


def _read(file: Path, *, is_required: bool) -> paramiko.SSHConfig:
    try:
        return paramiko.SSHConfig.from_path(str(file))
    except FileNotFoundError:
        if not is_required:
            return paramiko.SSHConfig()
        raise HostError(f"{file}: there is no such file", hint="correct `ssh_config` in the inventory") from None
    except (OSError, UnicodeDecodeError) as error:
        raise HostError(f"{file}: it can't be read: {getattr(error, 'strerror', None) or 'no text'}") from error
    except Exception as error:  # paramiko has no common class for what is wrong in such a file
        raise HostError(f"{file}: {error}", hint="correct the file, or name another one as `ssh_config`") from error


def _target(config: paramiko.SSHConfig, address: str, settings: SshSettings, *, jumps: int) -> SshTarget:
    words = config.lookup(address)
    if words.get("proxycommand", "none") != "none":
        raise HostError(f"ProxyCommand for {address} is not supported", hint="use ProxyJump")
    files = words.get("userknownhostsfile", "~/.ssh/known_hosts ~/.ssh/known_hosts2").split()
    return SshTarget(
        host=words.get("hostname", address),
        port=settings.port or _number(words.get("port", "22"), address),
        user=settings.user or words.get("user") or getpass.getuser(),
        keys=_keys(words, settings),
        is_exclusive=words.get("identitiesonly", "no") == "yes",
        known_hosts=(*(Path(file).expanduser() for file in files), Path("/etc/ssh/ssh_known_hosts")),
        key_alias=words.get("hostkeyalias"),
        jump=_jump(config, words.get("proxyjump", "none"), jumps),
    )


def _keys(words: paramiko.SSHConfigDict, settings: SshSettings) -> tuple[Path, ...]:
    if settings.key is not None:
        return (settings.key,)
    found: str | list[str] = words.get("identityfile", [])
    return tuple(Path(name).expanduser() for name in ([found] if isinstance(found, str) else found))


def _jump(config: paramiko.SSHConfig, text: str, jumps: int) -> SshTarget | None:
    """Return the last of the hosts in ``text`` (``user@host:port,…``), behind the others."""
    if text == "none":
        return None
    if jumps >= _MOST_JUMPS:
        raise HostError("ProxyJump goes in a circle")
    hop: SshTarget | None = None
    for word in text.split(","):
        user, _, place = word.strip().removeprefix("ssh://").rpartition("@")
        host, port = _split_port(place)
        target = _target(config, host, SshSettings(user=user or None, port=port), jumps=jumps + 1)
        hop = target if hop is None else replace(target, jump=hop)
    return hop


def _split_port(place: str) -> tuple[str, int | None]:
    if place.startswith("["):
        host, _, rest = place[1:].partition("]")
        return host, _number(rest[1:], place) if rest.startswith(":") else None
    host, colon, port = place.partition(":")
    if colon and ":" not in port:
        return host, _number(port, place)
    return place, None


def _number(text: str, about: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise HostError(f"{text!r} is no port number for {about}")
    return int(text)
