"""The real Ansible, to compare with: installed once into ``.venv-ansible`` beside the project's own environment.

Where that can't be done, tests that need it are skipped; ``JSYNC_REQUIRE_ANSIBLE=1`` makes them fail instead.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock
import pytest

__all__ = ["Ansible", "installed"]

_PROJECT = Path(__file__).parents[2]
_LOCK = _PROJECT / "requirements" / "ansible.txt"
_FOLDER = _PROJECT / ".venv-ansible"
_STAMP = _FOLDER / f".{hashlib.sha256(_LOCK.read_bytes()).hexdigest()}"
_INSTALL_S = 100

_PATTERNS = """
import json, sys
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
manager = InventoryManager(loader=DataLoader(), sources=sys.argv[1:])
for line in sys.stdin:
    try:
        print(json.dumps([host.name for host in manager.get_hosts(json.loads(line))]))
    except Exception:
        print("null")
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ansible:
    """An installed Ansible.

    Attributes:
        folder: its environment.
        home: an empty folder that it may use; nobody's settings are read.
    """

    folder: Path
    home: Path

    def inventory(self, *sources: Path) -> dict[str, Any]:
        """Return what ``ansible-inventory --list`` says of ``sources`` together."""
        options = [word for source in sources for word in ("-i", str(source))]
        document: dict[str, Any] = json.loads(self._run("ansible-inventory", *options, "--list"))
        return document

    def graph(self, *sources: Path) -> str:
        """Return what ``ansible-inventory --graph`` draws."""
        options = [word for source in sources for word in ("-i", str(source))]
        return self._run("ansible-inventory", *options, "--graph")

    def list_hosts(self, source: Path, pattern: str) -> list[str]:
        """Return what ``ansible --list-hosts`` says of ``pattern``."""
        return self._run("ansible", "-i", str(source), "--list-hosts", pattern).split()[2:]  # hosts (3):

    def select(self, source: Path, patterns: Sequence[str]) -> list[list[str] | None]:
        """Return for each pattern the hosts that it means to Ansible; ``None`` where it refuses the pattern.

        One process asks for all of them, since Ansible takes a second to start.
        """
        lines = "\n".join(map(json.dumps, patterns))
        return [
            json.loads(line) for line in self._run("python", "-c", _PATTERNS, str(source), given=lines).splitlines()
        ]

    def _run(self, program: str, *arguments: str, given: str = "") -> str:
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_CONFIG": str(self.home / "ansible.cfg"),
            "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1",
            "ANSIBLE_TRANSFORM_INVALID_GROUP_CHARS": "ignore",
        }
        done = subprocess.run(
            [str(self.folder / "bin" / program), *arguments],
            input=given,
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=environ,
            cwd=self.home,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def installed(home: Path) -> Ansible:
    """Return an installed Ansible, after installing it if need be; skip or fail the test where that can't be done.

    Args:
        home: an empty folder for it.
    """
    with filelock.FileLock(f"{_FOLDER}.lock"):
        reason = None if _STAMP.exists() else _install()
    if reason is None:
        (home / "ansible.cfg").touch()
        return Ansible(folder=_FOLDER, home=home)
    message = f"{_LOCK.name} can't be installed into {_FOLDER}: {reason}"
    if os.environ.get("JSYNC_REQUIRE_ANSIBLE") == "1":
        pytest.fail(message)
    pytest.skip(f"{message} (JSYNC_REQUIRE_ANSIBLE=1 makes this a failure)")


def _install() -> str | None:
    """Install it and return ``None``, or why that can't be done."""
    pip = [str(_FOLDER / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--retries", "0"]
    install = [*pip, "install", "--quiet", "--require-hashes", "--requirement", str(_LOCK)]
    for command in ([sys.executable, "-m", "venv", str(_FOLDER)], install):
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=_INSTALL_S)
        except subprocess.CalledProcessError as error:
            return str(error.stderr).strip().rpartition("\n")[2] or str(error)
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
    _STAMP.touch()
    return None
