"""Small wheels for tests of installations: a program called jsync that is what a test wants."""

from __future__ import annotations

import base64
import ensurepip
import hashlib
import sys
import zipfile
from pathlib import Path

import pytest

from sync_core.fleet.install.wheels import Wheel
from sync_core.version import __version__

__all__ = ["a_pip", "a_wheel", "needs_pip_wheel", "pip_wheel", "wheels_of"]

_PIP = """\
import pathlib, shutil, sys
words = sys.argv[1:]
folder = pathlib.Path(words[words.index("--dest") + 1])
with open({log!r}, "a") as log:
    log.write(" ".join(words) + "\\n")
for wheel in {wheels!r}:
    shutil.copy(wheel, folder)
"""


def pip_wheel() -> Path | None:
    """Return the wheel of pip that Python itself brings along, if it does."""
    found = sorted((Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl"))
    return found[-1] if found else None


needs_pip_wheel = pytest.mark.skipif(pip_wheel() is None, reason="this Python brings no wheel of pip (python3-venv)")


def a_wheel(folder: Path, *, version: str = __version__, says: str | None = None, needs: str | None = None) -> Path:
    """Write a wheel of a program called jsync.

    Args:
        folder: gets it.
        version: that it claims to have.
        says: what the program prints; by default what jsync prints.
        needs: another distribution.
    """
    information = f"jsync-{version}.dist-info"
    needed = f"Requires-Dist: {needs}\n" if needs else ""
    files = {
        "jsync_for_tests.py": f"def run():\n    print({says or f'jsync {version}'!r})\n",
        f"{information}/METADATA": f"Metadata-Version: 2.1\nName: jsync\nVersion: {version}\n{needed}",
        f"{information}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{information}/entry_points.txt": "[console_scripts]\njsync = jsync_for_tests:run\n",
    }
    lines = [f"{name},sha256={_digest(text)},{len(text)}" for name, text in files.items()]
    files[f"{information}/RECORD"] = "\n".join([*lines, f"{information}/RECORD,,", ""])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"jsync-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def a_pip(folder: Path, *wheels: Path) -> tuple[str, ...]:
    """Return a command that fetches these wheels, whatever it is asked for, and notes what that was in ``asked``."""
    script = folder / "pip.py"
    script.write_text(_PIP.format(log=str(folder / "asked"), wheels=[str(wheel) for wheel in wheels]))
    return (sys.executable, str(script))


def wheels_of(*paths: Path) -> tuple[Wheel, ...]:
    """Return wheels as a store gives them."""
    return tuple(
        Wheel(path=path, size_bytes=path.stat().st_size, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
        for path in paths
    )


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
