"""``inventory_examples/fill-demo.sh``, which ``make demo`` runs first."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.site import PROJECT, tree


@pytest.fixture
def script(tmp_path: Path) -> Path:
    (tmp_path / "cli").mkdir()
    shutil.copytree(PROJECT / "cli" / "example", tmp_path / "cli" / "example")
    (tmp_path / "inventory_examples").mkdir()
    return Path(shutil.copy(PROJECT / "inventory_examples" / "fill-demo.sh", tmp_path / "inventory_examples"))


def _fill(script: Path, **more: str) -> str:
    environ = {**os.environ, **more}
    done = subprocess.run(["sh", str(script)], check=True, capture_output=True, text=True, cwd="/", env=environ)
    assert done.stderr == ""
    return done.stdout


def test_fills_the_folders_and_says_what_to_try(script: Path) -> None:
    text = _fill(script, VENV="/opt/venv")
    assert tree(script.parent / "demo") == {
        "caches": None,
        "remote": None,
        **{f"remote/{path}": content for path, content in tree(PROJECT / "cli" / "example" / "remote").items()},
    }
    assert "  /opt/venv/bin/jsync diff slave-5000 -i inventory_examples/demo.yaml\n" in text
    assert "Ctrl-C" in text


def test_leaves_alone_what_is_there(script: Path) -> None:
    _fill(script)
    mine = script.parent / "demo" / "remote" / "_all" / "nightly.schedule.xml"
    mine.write_text("<schedule/>")
    (script.parent / "demo" / "remote" / "_all" / "warehouse.lock.xml").unlink()
    before = tree(script.parent)
    _fill(script)
    assert tree(script.parent) == before


def test_an_interrupted_filling_begins_anew(script: Path) -> None:
    broken = script.parent / "demo" / "remote.new" / "_all"
    broken.mkdir(parents=True)
    (broken / "half.xml").write_text("<")
    _fill(script)
    assert not (script.parent / "demo" / "remote.new").exists()
    assert not (script.parent / "demo" / "remote" / "_all" / "half.xml").exists()
