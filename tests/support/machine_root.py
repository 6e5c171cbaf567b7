"""The root of a booted machine: programs of this one, to be read only, and files of its own."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from pathlib import Path

from tests.support.lan import SSHD
from tests.support.netns import ROOT

__all__ = ["COPY_ON_WRITE", "readable_folders", "write_seed"]

COPY_ON_WRITE = "/usr/local/bin"
"""Seems writable in there."""

_INIT = Path(__file__).with_name("boot_init.sh")
_OF_THIS_MACHINE = ("alternatives", "dbus-1", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "login.defs", "security")
_SYSTEM_IDS = 1000
_USERS = {"jobs": 2001, "plain": 2002, "jsync": 990}
"""``jobs`` may become root, ``plain`` nobody else; ``jsync`` is for agents."""

_PAM = """\
auth     required pam_permit.so
account  required pam_permit.so
password required pam_deny.so
session  optional pam_keyinit.so force revoke
session  optional pam_systemd.so
"""
_FILES = {
    "etc/hostname": "machine\n",
    "etc/hosts": "127.0.0.1 localhost machine\n::1 localhost\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files\n",
    "etc/fstab": "",
    "etc/pam.d/sshd": _PAM,
    "etc/pam.d/systemd-user": _PAM,
    "etc/pam.d/sudo": _PAM.replace("session  optional pam_systemd.so\n", ""),
    "etc/pam.d/other": _PAM,
    "etc/sudoers": "Defaults secure_path=/usr/sbin:/usr/bin:/sbin:/bin\njobs ALL=(ALL) NOPASSWD: ALL\n",
    "etc/ssh/sshd_config": """\
HostKey /etc/ssh/host
AuthorizedKeysFile /etc/ssh/user.pub
PidFile none
UsePAM yes
UseDNS no
PasswordAuthentication no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
""",
    "etc/systemd/system/sshd.service": f"""\
[Unit]
After=systemd-user-sessions.service dbus.service

[Service]
ExecStart={SSHD} -D -e
RuntimeDirectory=sshd
KillMode=process
""",
    "etc/systemd/journald.conf": "[Journal]\nStorage=volatile\nReadKMsg=no\n",
}
_MASKED = (
    "getty.target",
    "systemd-tmpfiles-clean.timer",
    "dev-hugepages.mount",
    "sys-fs-fuse-connections.mount",
    "systemd-update-utmp.service",
    "systemd-update-utmp-runlevel.service",
    "systemd-ask-password-wall.path",
    "systemd-timesyncd.service",
    "systemd-networkd.service",
    "systemd-resolved.service",
    "ssh.service",
    "ssh.socket",
)


def readable_folders() -> list[str]:
    """Return the folders with programs and with this project."""
    wanted = [Path("/usr"), ROOT, Path(sys.prefix), Path(sys.base_prefix)]
    wanted += [place for place in map(Path, ("/bin", "/sbin", "/lib", "/lib64")) if _is_folder(place)]
    return [str(one) for one in wanted if not any(one != other and one.is_relative_to(other) for other in wanted)]


def _is_folder(place: Path) -> bool:
    return place.is_dir() and not place.is_symlink()


def write_seed(seed: Path, *, host_key: Path, user_key: Path) -> None:
    """Write what a machine's root has of its own before its first boot.

    Args:
        seed: the folder; it must not exist.
        host_key: of its SSH server.
        user_key: whoever has the other half logs in as anybody.
    """
    for folder in ("dev", "etc", "home", "proc", "root", "run", "srv", "sys", "tmp", "usr", "opt", "var/log"):
        (seed / folder).mkdir(parents=True)
    (seed / "var/run").symlink_to("/run")
    for place in map(Path, ("/bin", "/sbin", "/lib", "/lib64")):
        if place.is_symlink():
            (seed / place.name).symlink_to(place.readlink())
    for name in _OF_THIS_MACHINE:
        _copy(Path("/etc") / name, seed / "etc" / name)
    for name, text in _FILES.items():
        _write(seed / name, text)
    (seed / "etc/sudoers").chmod(0o440)
    _write(seed / "etc/machine-id", secrets.token_hex(16) + "\n")
    _write_users(seed)
    shutil.copy(host_key, seed / "etc/ssh/host")
    shutil.copy(user_key, seed / "etc/ssh/user.pub")
    units = seed / "etc/systemd/system"
    for name in _MASKED:
        (units / name).symlink_to("/dev/null")
    (units / "multi-user.target.wants").mkdir()
    (units / "multi-user.target.wants/sshd.service").symlink_to("/etc/systemd/system/sshd.service")
    (units / "default.target").symlink_to("/lib/systemd/system/multi-user.target")
    _write(seed / ".upper/jsync", f'#!/bin/sh\nexec {sys.executable} -P -m cli "$@"\n')
    (seed / ".upper/jsync").chmod(0o755)
    shutil.copy(_INIT, seed / "boot_init.sh")


def _write_users(seed: Path) -> None:
    passwd = _system_lines(Path("/etc/passwd"))
    group = _system_lines(Path("/etc/group"))
    for name, number in _USERS.items():
        home = seed / "home" / name
        home.mkdir()
        os.chown(home, number, number)
        passwd.append(f"{name}:x:{number}:{number}::/home/{name}:/bin/sh")
        group.append(f"{name}:x:{number}:")
    _write(seed / "etc/passwd", "\n".join([*passwd, ""]))
    _write(seed / "etc/group", "\n".join([*group, ""]))
    _write(seed / "etc/shadow", "".join(f"{line.split(':')[0]}:*:19000::::::\n" for line in passwd))
    (seed / "etc/shadow").chmod(0o600)


def _system_lines(file: Path) -> list[str]:
    """Return the lines of the system's own users or groups."""
    lines = file.read_text().splitlines()
    return [line for line in lines if int(line.split(":")[2]) < _SYSTEM_IDS and line.split(":")[0] not in _USERS]


def _copy(source: Path, place: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, place, symlinks=True)
    elif source.exists():
        shutil.copy(source, place)


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
