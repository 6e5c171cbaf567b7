"""A machine that systemd has booted, with users, sudo and an SSH server: a root of its own in a namespace of its own.

The programs are those of this machine, to be read only; all the rest is new, in memory, and gone with the machine.
"""

from __future__ import annotations

import contextlib
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil

from tests.support.lan import Lan, Machine, wait_for, why_no_lan
from tests.support.machine_root import COPY_ON_WRITE, readable_folders, write_seed

__all__ = ["Booted", "booted", "why_not_booted"]

_SYSTEMD = Path("/lib/systemd/systemd")
_POWER = Path(__file__).with_name("boot_machine.sh")
_NEEDED = {
    _SYSTEMD: "systemd",
    _SYSTEMD.with_name("systemd-logind"): "systemd",
    Path("/usr/bin/dbus-daemon"): "dbus",
    Path("/usr/bin/sudo"): "sudo",
    Path("/usr/bin/unshare"): "util-linux",
    Path("/usr/bin/setpriv"): "util-linux",
}
_TRIAL = """\
set -e
mount -t tmpfs jsync-machine /tmp
mkdir /tmp/lower /tmp/upper /tmp/work /tmp/merged /tmp/groups
mount -t overlay -o lowerdir=/tmp/lower,upperdir=/tmp/upper,workdir=/tmp/work jsync-machine /tmp/merged
mount -t cgroup2 jsync-machine /tmp/groups
mkdir "/tmp/groups/$1"
rmdir "/tmp/groups/$1"
"""
"""What booting needs, all of it in a namespace that ends with it."""


def why_not_booted() -> str | None:
    """Return why no machine can be booted here; ``None`` if one can."""
    reason = why_no_lan()
    if reason is not None:
        return reason
    for program, package in _NEEDED.items():
        if not program.exists():
            return f"a booted machine needs {program.name} (package {package})"
    if not any(Path("/lib").glob("*/security/pam_systemd.so")):
        return "users of a booted machine need pam_systemd.so (package libpam-systemd)"
    namespaces = ("unshare", "--mount", "--uts", "--ipc", "--cgroup", "--pid", "--fork")
    command = [*namespaces, "sh", "-c", _TRIAL, "sh", f"jsync-test-{secrets.token_hex(4)}"]
    tried = subprocess.run(command, capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"no machine can be booted here: {tried.stderr.strip()}"


class Booted:
    """A machine that is on."""

    def __init__(self, machine: Machine, desk: Machine, ssh_config: Path) -> None:
        self.machine = machine
        self.address = machine.address
        self._desk = desk
        self._ssh_config = ssh_config

    def run(self, command: str, *, user: str = "root", exit_code: int | None = 0) -> str:
        """Return what a command prints that a user runs there by SSH; ``exit_code``: which it must have."""
        done = self._desk.run("ssh", "-F", str(self._ssh_config), "-l", user, self.address, command)
        assert exit_code in {None, done.returncode}, (command, done.returncode, done.stdout, done.stderr)
        return done.stdout

    def is_up(self) -> bool:
        """Return whether it has booted."""
        return self.run("systemctl is-system-running", exit_code=None).strip() in {"running", "degraded"}

    def reboot(self) -> None:
        """Boot it again, and wait until that is done."""
        before = self.machine.pids()
        self.run("systemctl reboot", exit_code=None)
        wait_for(lambda: len(before & self.machine.pids()) <= 1, "everything but the power supply ends")
        wait_for(self.is_up, "the machine has booted again")


@contextlib.contextmanager
def booted(net: Lan, machine: Machine, desk: Machine) -> Iterator[Booted]:
    """Boot a machine that has no SSH server yet, and switch it off whatever happens.

    Args:
        net: where it is.
        machine: that shall boot.
        desk: from where one logs in.
    """
    seed = machine.folder / f"{machine.label}-seed"
    tag = f"jsync-test-{secrets.token_hex(4)}"
    write_seed(seed, host_key=net.folder / "host", user_key=net.folder / "user.pub")
    folders = readable_folders()
    power = machine.popen("sh", str(_POWER), str(seed), tag, str(_SYSTEMD), COPY_ON_WRITE, *folders)
    try:
        made = Booted(machine, desk, net.ssh_config)
        wait_for(lambda: power.poll() is not None or made.is_up(), "the machine has booted")
        assert power.poll() is None, [file.read_text() for file in machine.folder.glob(f"{machine.label}-*.log")]
        yield made
    finally:
        _switch_off(power)
        _remove_group(machine.folder / f"{machine.label}-groups", tag)


def _switch_off(power: subprocess.Popen[bytes]) -> None:
    """End the init, whose end is that of all others; who waits for it sees that and ends too."""

    def is_off() -> bool:
        with contextlib.suppress(psutil.NoSuchProcess):
            for waiting in psutil.Process(power.pid).children():
                for init in waiting.children():
                    init.kill()
        return power.poll() is not None

    wait_for(is_off, "the machine is off")


def _remove_group(folder: Path, tag: str) -> None:
    folder.mkdir()
    script = 'mount -t cgroup2 jsync-machine "$1" && cd "$1" && { [ ! -d "$2" ] || find "$2" -depth -type d -delete; }'
    command = ["unshare", "--mount", "sh", "-c", script, "sh", str(folder), tag]
    # A process that ends is in its group a moment longer than in any list.
    wait_for(lambda: subprocess.run(command, capture_output=True, check=False).returncode == 0, "no group is left")
