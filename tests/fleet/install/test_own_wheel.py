from __future__ import annotations

import csv
import io
import shutil
import subprocess
import sys
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

from sync_core.fleet.install.own_wheel import own_wheel
from sync_core.version import __version__
from tests.support.site import PROJECT


def names_and_texts() -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(own_wheel().data)) as archive:
        return {name: archive.read(name).decode("utf-8", "replace") for name in archive.namelist()}


def test_it_holds_what_runs_and_says_what_it_needs() -> None:
    assert own_wheel().name == f"jsync-{__version__}-py3-none-any.whl"
    found = names_and_texts()
    assert found["cli/main.py"] == (PROJECT / "cli" / "main.py").read_text()
    assert "sync_core/net/far_side/serve.py" in found
    assert not [name for name in found if "__pycache__" in name or name.startswith(("tests", "docs"))]
    about = message_from_string(found[f"jsync-{__version__}.dist-info/METADATA"])
    assert (about["Name"], about["Version"]) == ("jsync", __version__)
    assert any(need.startswith("paramiko") for need in about.get_all("Requires-Dist", []))
    assert "jsync = cli.__main__:run" in found[f"jsync-{__version__}.dist-info/entry_points.txt"]
    record = list(csv.reader(found[f"jsync-{__version__}.dist-info/RECORD"].splitlines()))
    assert [name for name, _, _ in record] == list(found)
    assert any("," in name for name in found)


def test_the_same_modules_make_the_same_bytes() -> None:
    assert own_wheel() == own_wheel()


def packed_by(folder: Path) -> subprocess.CompletedProcess[str]:
    """Pack the wheel by a copy of the packages in ``folder``, whatever else is installed."""
    program = "from sync_core.fleet.install.own_wheel import own_wheel as w; print(w().data.hex())"
    command = [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(folder)!r}); {program}"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def a_copy(folder: Path, *, version: str = __version__) -> Path:
    """Return a folder like one that jsync is installed into."""
    for package in ("cli", "sync_core"):
        shutil.copytree(PROJECT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    information = folder / f"jsync-{version}.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: jsync\nVersion: {version}\n")
    (information / "entry_points.txt").write_text("[console_scripts]\njsync = cli.__main__:run\n")
    return folder


def test_an_installed_one_packs_itself(tmp_path: Path) -> None:
    done = packed_by(a_copy(tmp_path / "lib"))
    assert done.stderr == ""
    with zipfile.ZipFile(io.BytesIO(bytes.fromhex(done.stdout))) as archive:
        found = {name: archive.read(name).decode("utf-8", "replace") for name in archive.namelist()}
    assert found[f"jsync-{__version__}.dist-info/METADATA"].endswith(f"Version: {__version__}\n")
    mine = names_and_texts()
    assert {name: text for name, text in found.items() if "dist-info" not in name} == {
        name: text for name, text in mine.items() if "dist-info" not in name
    }


def test_parts_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    done = packed_by(a_copy(tmp_path / "lib", version="0.0.9"))
    assert f"it is {__version__}, and installed as 0.0.9" in done.stderr


@pytest.mark.parametrize("project", ["", "[project]\nname = 'other'\n"])
def test_a_foreign_project_beside_it_does_not_count(tmp_path: Path, project: str) -> None:
    folder = a_copy(tmp_path / "lib")
    (folder / "pyproject.toml").write_text(project)
    assert packed_by(folder).stderr == ""
