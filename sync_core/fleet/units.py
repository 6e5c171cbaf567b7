"""Detached agents as systemd units: they come back after a crash, a hang, and a start of the machine."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sync_core.agent.run_record import RunRecord
from sync_core.agent.state import HostState
from sync_core.fleet.launch import Launcher, NotReady, last_words
from sync_core.fleet.unit_file import Unit, unit_name, unit_text
from sync_core.model.errors import HostError
from sync_core.model.inventory import Host, Inventory

__all__ = ["Units", "find_units"]

_DEADLINE_S = 60.0
_MARK = "# Written by `jsync up`, removed by `jsync down`.\n"
"""Only a unit that begins so is ours: an administrator's own, from `jsync service`, may have the same name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """A service manager of this machine.

    Attributes:
        systemctl: the command that speaks with it.
        folder: where its units lie.
        is_of_user: whether it is a user's own.
        loginctl: the command that lets a user's manager live without logins.
    """

    systemctl: tuple[str, ...]
    folder: Path
    is_of_user: bool
    loginctl: tuple[str, ...] = ("loginctl",)

    def outlive_logins(self) -> bool:
        """Make sure that units stay when nobody is logged in; return whether they will."""
        if not self.is_of_user:
            return True
        try:
            return self._run(self.loginctl, "enable-linger", timeout_s=_DEADLINE_S).returncode == 0
        except (OSError, subprocess.TimeoutExpired):
            return False

    def has(self, host: str) -> bool:
        """Return whether there is a unit of the host's agent that ``start_agent`` wrote."""
        try:
            return (self.folder / unit_name(host)).read_text(encoding="utf-8", errors="replace").startswith(_MARK)
        except OSError:
            return False

    def start_agent(
        self, launcher: Launcher, inventory: Inventory, host: Host, state: HostState, *, timeout_s: float
    ) -> RunRecord | NotReady:
        """Start the host's agent, now and whenever the machine starts; it must not run.

        Args:
            launcher: knows the command line.
            inventory: where the host is declared.
            host: whose agent.
            state: its state folder.
            timeout_s: how long it may take to be ready.

        Raises:
            HostError: the unit can't be written, or the manager refuses it.
        """
        unit = Unit(
            host=host,
            command=launcher.arguments(inventory, host, "--detached"),
            state_folder=launcher.state_folder,
            environ={"PYTHONUNBUFFERED": "1"},
            is_of_user=self.is_of_user,
            errors_path=state.startup_errors_path,
        )
        name = unit_name(host.name)
        try:
            if host.cache is not None:
                host.cache.mkdir(parents=True, exist_ok=True)  # why it can't be made is told best here
            self._write(host.name, _MARK + unit_text(unit))
        except OSError as error:
            raise HostError(f"{error.filename}: {error.strerror}", host=host.name) from error
        self._must(host.name, "daemon-reload")
        self._must(host.name, "enable", "--quiet", name)
        self._run(self.systemctl, "reset-failed", name, timeout_s=_DEADLINE_S)  # it may never have run
        try:
            started = self._run(self.systemctl, "start", name, timeout_s=timeout_s)
        except subprocess.TimeoutExpired:
            return NotReady(exit_code=None, reason=f"not ready within {timeout_s:g} s")
        record = state.record()
        if started.returncode == 0 and record is not None and record.is_ready:
            return record
        why_not = self._why_not(name, state)
        self._run(self.systemctl, "stop", name, timeout_s=_DEADLINE_S)  # or it would be tried for ever
        return NotReady(exit_code=started.returncode, reason=why_not)

    def stop(self, host: str) -> None:
        """Stop the host's agent if it is a unit.

        Raises:
            HostError: the manager refuses.
        """
        if self.has(host):
            self._must(host, "stop", unit_name(host))

    def forget(self, host: str) -> None:
        """Stop the host's agent if it is a unit, and remove the unit.

        Raises:
            HostError: the manager refuses, or the unit can't be removed.
        """
        if not self.has(host):
            return
        self._must(host, "disable", "--now", "--quiet", unit_name(host))
        try:
            (self.folder / unit_name(host)).unlink(missing_ok=True)
        except OSError as error:
            raise HostError(f"{error.filename}: {error.strerror}", host=host) from error
        self._must(host, "daemon-reload")

    def _why_not(self, name: str, state: HostState) -> str:
        """Return what the agent said, or what the manager knows of one that never came to say anything."""
        if state.startup_errors_path.exists() and state.startup_errors_path.stat().st_size:
            return last_words(state)
        shown = self._run(self.systemctl, "show", "--property=Result,ExecMainStatus", name, timeout_s=_DEADLINE_S)
        return f"systemd could not run it ({', '.join(shown.stdout.split())}); ask it: systemctl status {name}"

    def _write(self, host: str, text: str) -> None:
        name = unit_name(host)
        place = self.folder / name
        if place.exists() and not self.has(host):
            raise HostError(
                f"{place} is there, and not of our making", hint=f"systemctl start {name}; or remove it", host=host
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self.folder / f".{name}.{secrets.token_hex(4)}"
        try:
            temporary.write_text(text, encoding="utf-8")
            temporary.chmod(0o644)
            temporary.replace(place)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise

    def _must(self, host: str, *words: str) -> None:
        try:
            done = self._run(self.systemctl, *words, timeout_s=_DEADLINE_S)
        except subprocess.TimeoutExpired:
            raise HostError(f"systemctl {words[0]}: not done within {_DEADLINE_S:g} s", host=host) from None
        except OSError as error:
            raise HostError(f"systemctl can't be run: {error.strerror}", host=host) from error
        if done.returncode != 0:
            said = done.stderr.strip().splitlines()[:1] or [f"exit code {done.returncode}"]
            raise HostError(f"systemctl {words[0]}: {said[0]}", host=host)

    @staticmethod
    def _run(command: Sequence[str], *words: str, timeout_s: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - a fixed program, and names that were escaped
            [*command, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_s, check=False
        )


def find_units(environ: Mapping[str, str], *, root: Path = Path("/"), uid: int | None = None) -> Units | None:
    """Return the service manager that this user's agents belong to; ``None`` where there is none.

    Args:
        environ: says where the user's runtime and configuration folders are.
        root: where the machine's files are.
        uid: the user's number; ``None``: whoever runs this.
    """
    uid = os.geteuid() if uid is None else uid
    if not (root / "run/systemd/system").is_dir():
        return None  # sd_booted(3)
    if uid == 0:
        return Units(systemctl=("systemctl",), folder=root / "etc/systemd/system", is_of_user=False)
    runtime = environ.get("XDG_RUNTIME_DIR") or str(root / f"run/user/{uid}")
    if not (Path(runtime) / "systemd/private").exists():
        return None
    config = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME", "/")) / ".config")
    systemctl = ("env", f"XDG_RUNTIME_DIR={runtime}", "systemctl", "--user")
    return Units(systemctl=systemctl, folder=Path(config) / "systemd/user", is_of_user=True)
