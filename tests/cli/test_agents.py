from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from cli.agents import Prefixes, ending_cleanly, launcher_of
from cli.command import Call
from cli.output import Sink, Streams
from cli.settings import Settings
from tests.support.cli import Stream


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_without_an_error(number: signal.Signals) -> None:
    before = signal.getsignal(signal.SIGTERM)
    reached = []
    with ending_cleanly():
        reached.append("inside")
        os.kill(os.getpid(), number)
        signal.sigtimedwait([], 5)
        reached.append("behind the signal")
    assert reached == ["inside"]
    assert signal.getsignal(signal.SIGTERM) is before


def test_names_are_aligned() -> None:
    prefixes = Prefixes(["a", "slave-5000"], color=False)
    assert prefixes.of("a") == "a          | "
    assert prefixes.of("slave-5000") == "slave-5000 | "


def test_each_name_has_a_colour_of_its_own() -> None:
    prefixes = Prefixes([f"h{n}" for n in range(12)], color=True)
    shown = {prefixes.of(f"h{n}").split("m")[0] for n in range(10)}
    assert len(shown) == 10
    assert prefixes.of("h0") == "\x1b[36mh0  | \x1b[0m"
    assert prefixes.of("h10").startswith("\x1b[36m")


def test_agents_are_started_by_this_interpreter(tmp_path: Path) -> None:
    settings = Settings(verbosity=2, is_quiet=True)
    environ = {"JSYNC_STATE_DIR": str(tmp_path)}
    launcher = launcher_of(
        Call(settings=settings, sink=Sink(Streams(Stream(), Stream()), settings, environ), environ=environ)
    )
    # quiet is about what this command prints: an agent's log is not thinned out by a cron line
    assert launcher.command == (sys.executable, "-P", "-m", "cli", "--verbose", "--verbose")
    assert launcher.state_folder == tmp_path
