"""Signals that come before the process has imported what it needs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

_SIGNALLED = "import os, signal\nos.kill(os.getpid(), int(os.environ['NUMBER']))\nprint('it goes on')\nos._exit(70)\n"


def _signalled_while_importing(folder: Path, number: signal.Signals, *argv: str) -> tuple[int, str, str]:
    (folder / "typer.py").write_text(_SIGNALLED)
    environ = {**os.environ, "PYTHONPATH": str(folder), "NUMBER": str(int(number))}
    command = [sys.executable, "-P", "-m", "cli", *argv]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("argv", ["up", "-q up slaves -l d", "agent s1", "agent -i d s1 --detached"])
def test_what_stays_until_a_signal_ends_with_0_from_the_start(
    tmp_path: Path, argv: str, number: signal.Signals
) -> None:
    assert _signalled_while_importing(tmp_path, number, *argv.split()) == (0, "", "")


@pytest.mark.parametrize("argv", ["up -d", "up -qd", "up --detach", "up -C", "up --install", "diff s1", ""])
def test_what_did_not_do_its_work_does_not_say_so(tmp_path: Path, argv: str) -> None:
    assert _signalled_while_importing(tmp_path, signal.SIGINT, *argv.split()) == (130, "", "")
    assert _signalled_while_importing(tmp_path, signal.SIGTERM, *argv.split()) == (-signal.SIGTERM, "", "")


def test_a_signal_that_the_caller_has_ignored_stays_ignored(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text(_SIGNALLED)
    environ = {**os.environ, "PYTHONPATH": str(tmp_path), "NUMBER": str(int(signal.SIGINT))}
    command = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", sys.executable, "-P", "-m", "cli", "up"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (70, "it goes on\n")


@pytest.mark.parametrize("argv", ["up", "agent s1"])
def test_a_signal_while_the_inventory_is_read(tmp_path: Path, argv: str) -> None:
    script = tmp_path / "inventory"
    script.write_text("#!/bin/sh\nkill -TERM $PPID\nexec sleep 60\n")
    script.chmod(0o755)
    command = [sys.executable, "-P", "-m", "cli", *argv.split(), "-i", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "jsync: interrupted\n")
