from __future__ import annotations

import contextlib
import logging
import re
from pathlib import Path

import pytest

from cli.log import log_of_agent, log_of_command
from cli.settings import Settings
from sync_core.model.errors import StateError
from tests.support.cli import Stream, logging_left_alone

_LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR)


def _say_all() -> None:
    for name in ("sync_core.x", "other"):
        for level in _LEVELS:
            logging.getLogger(name).log(level, "%s", name)


def _seen(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"sync_core.x": [], "other": []}
    for level, name in re.findall(r"^\S+ \S+ \[(\w+)\] +(\S+)$", text, re.MULTILINE):
        found[name].append(level)
    return found


_ALL = ["debug", "info", "WARN", "ERROR"]


@pytest.mark.parametrize(
    ("verbosity", "is_quiet", "of_command", "of_agent", "others"),
    [
        (0, False, 2, 1, 2),
        (0, True, 2, 2, 2),
        (1, False, 1, 0, 2),
        (2, False, 0, 0, 2),
        (3, False, 0, 0, 0),
    ],
)
def test_how_much_is_said(verbosity: int, is_quiet: bool, of_command: int, of_agent: int, others: int) -> None:
    settings = Settings(verbosity=verbosity, is_quiet=is_quiet)
    for configure, from_level in ((log_of_command, of_command), (lambda s: log_of_agent(s, None), of_agent)):
        stderr = Stream()
        with contextlib.redirect_stderr(stderr), logging_left_alone():
            configure(settings)
            _say_all()
        assert _seen(stderr.written().decode()) == {"sync_core.x": _ALL[from_level:], "other": _ALL[others:]}


def test_an_agent_without_a_terminal_writes_a_file(tmp_path: Path) -> None:
    stderr = Stream()
    with contextlib.redirect_stderr(stderr), logging_left_alone():
        log_of_agent(Settings(), tmp_path / "agent.log")
        logging.getLogger("sync_core").info("z\udcfcrich")
    assert stderr.written() == b""
    assert (tmp_path / "agent.log").read_text().endswith(" [info]   z\\udcfcrich\n")


def test_a_full_log_gives_way_to_a_new_one_and_no_line_is_lost(tmp_path: Path) -> None:
    line = "x" * 100_000
    with logging_left_alone():
        log_of_agent(Settings(), tmp_path / "agent.log")
        for number in range(250):
            logging.getLogger("sync_core").info("%d %s", number, line)
    files = [tmp_path / f"agent.log{ending}" for ending in (".2", ".1", "")]
    numbers = [int(found) for file in files for found in re.findall(r" (\d+) x", file.read_text())]
    assert numbers == list(range(250))
    assert all(10 << 20 <= file.stat().st_size < 11 << 20 for file in files[:2])


def test_no_link_leads_the_log_of_an_agent_elsewhere(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("precious")
    (tmp_path / "agent.log").symlink_to(other)
    with logging_left_alone(), pytest.raises(StateError, match="symbolic links"):
        log_of_agent(Settings(), tmp_path / "agent.log")
    assert other.read_text() == "precious"
