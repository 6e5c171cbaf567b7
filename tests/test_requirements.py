"""What is installed is locked: each release, and the hashes of its files."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

PROJECT = Path(__file__).parents[1]
LOCKS = PROJECT / "requirements"


def _declared(*extras: str) -> list[Requirement]:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    return [Requirement(line) for line in wanted]


def _locked(name: str) -> dict[str, list[str]]:
    """Return the locked version of each package, and its hashes behind it."""
    found: dict[str, list[str]] = {}
    for block in re.split(r"\n(?=\S)", (LOCKS / f"{name}.txt").read_text(encoding="utf-8")):
        if match := re.match(r"([A-Za-z0-9._-]+)==(\S+)", block):
            found[match[1].lower()] = [match[2], *re.findall(r"--hash=sha256:([0-9a-f]{64})", block)]
    return found


@pytest.mark.parametrize(("name", "extras"), [("run", ["speed"]), ("dev", ["dev"]), ("release", ["release"])])
def test_a_lock_holds_what_is_declared(name: str, extras: list[str]) -> None:
    locked = _locked(name)

    unmet = [
        str(wanted)
        for wanted in _declared(*extras)
        if wanted.name.lower() not in locked or locked[wanted.name.lower()][0] not in wanted.specifier
    ]

    assert unmet == [], "`make lock` writes requirements/ anew"


@pytest.mark.parametrize("path", sorted(LOCKS.glob("*.txt")), ids=lambda path: path.name)
def test_every_release_has_hashes_and_no_index_is_named(path: Path) -> None:
    locked = _locked(path.stem)

    assert len(locked) > 5
    assert [name for name, (_, *hashes) in locked.items() if not hashes] == []
    assert "://" not in path.read_text(encoding="utf-8")
