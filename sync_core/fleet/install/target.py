"""What a machine says of its Pythons, and which wheels fit one of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sync_core.model.errors import HostError

__all__ = ["FIND_PYTHONS", "Target", "choose_target"]

_OLDEST = (3, 11)
_OLDEST_GLIBC = 17
"""Wheels for a glibc older than 2.17 have names of their own, which pip knows."""
_NEWEST_MUSL = 2

_TELL = """\
import json, os, platform, sys, sysconfig
from importlib import util
try:
    libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
except (ValueError, OSError, AttributeError):
    libc = ""
facts = {"python": sys.executable, "version": list(sys.version_info[:3]), "kind": sys.implementation.name}
facts.update(system=sys.platform, machine=platform.machine(), libc=libc, has_venv=bool(util.find_spec("venv")))
facts.update(is_free_threaded=bool(sysconfig.get_config_var("Py_GIL_DISABLED")))
print(json.dumps(facts))
"""
FIND_PYTHONS = (
    "sh",
    "-c",
    'for one in python3 python3.14 python3.13 python3.12 python3.11; do "$one" -I -c "$0"; done 2>/dev/null; true',
    _TELL,
)
"""The command that says what each Python of a machine is: one JSON line each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A Python that jsync can be installed for.

    Attributes:
        python: the interpreter.
        version: major and minor.
        abi: as in the names of wheels.
        platforms: likewise, all that fit.
    """

    python: str
    version: tuple[int, int]
    abi: str
    platforms: tuple[str, ...]

    @property
    def tag(self) -> str:
        """A word for all targets that the same wheels fit."""
        return f"{self.abi}-{self.platforms[0]}"


def choose_target(output: bytes) -> Target:
    """Return the first Python that will do, of what ``FIND_PYTHONS`` printed.

    Raises:
        HostError: there is none; the error says what there is.
    """
    found = [facts for facts in map(_facts, output.splitlines()) if facts is not None]
    fit = [facts for facts in found if facts["kind"] == "cpython" and _version(facts) >= _OLDEST]
    if not fit:
        there = ", ".join(dict.fromkeys(".".join(map(str, facts["version"])) for facts in found))
        raise HostError(
            f"there is no Python {'.'.join(map(str, _OLDEST))} or newer" + (f" (only {there})" if there else ""),
            hint="install python3.11 there",
        )
    facts = next((facts for facts in fit if facts["has_venv"]), None)
    if facts is None:
        raise HostError(f"{fit[0]['python']} has no module venv", hint="install python3-venv there")
    if facts["system"] != "linux":
        raise HostError(f"it is a {facts['system']}, and jsync can be brought to linux only")
    version = _version(facts)
    return Target(
        python=facts["python"],
        version=version,
        abi=f"cp{version[0]}{version[1]}{'t' if facts['is_free_threaded'] else ''}",
        platforms=_platforms(facts["machine"], facts["libc"]),
    )


_TYPES: Mapping[str, type] = {
    "python": str,
    "version": list,
    "kind": str,
    "system": str,
    "machine": str,
    "libc": str,
    "has_venv": bool,
    "is_free_threaded": bool,
}


def _facts(line: bytes) -> dict[str, Any] | None:
    """Return what one line says; ``None`` for one that is something else."""
    try:
        facts = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(facts, dict) or not all(isinstance(facts.get(name), kind) for name, kind in _TYPES.items()):
        return None
    is_version = len(facts["version"]) == 3 and all(isinstance(one, int) for one in facts["version"])
    return facts if is_version and facts["machine"].replace("_", "").isalnum() else None


def _version(facts: Mapping[str, Any]) -> tuple[int, int]:
    return facts["version"][0], facts["version"][1]


def _platforms(machine: str, libc: str) -> tuple[str, ...]:
    """Return the platforms that fit, the closest one first (PEP 600, PEP 656)."""
    name, _, version = libc.partition(" ")
    major, _, minor = version.partition(".")
    if name == "glibc" and major == "2" and minor.isdecimal() and int(minor) < 1000:
        many = [f"manylinux_2_{one}_{machine}" for one in range(int(minor), _OLDEST_GLIBC - 1, -1)]
        return (*many, f"manylinux2014_{machine}", f"linux_{machine}")
    return (*(f"musllinux_1_{one}_{machine}" for one in range(_NEWEST_MUSL, -1, -1)), f"linux_{machine}")
