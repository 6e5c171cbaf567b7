from __future__ import annotations

import logging
import re
import sys

import pytest

from sync_core.agent.logs import AgentFormatter, PrefixedLogger


def line_of(message: str, *, level: int = logging.INFO, prefix: str | None = None) -> str:
    record = logging.LogRecord("x", level, "f", 1, message, None, None)
    record.created, record.msecs = 1_350_000_000.502, 502.0
    if prefix is not None:
        record.prefix = prefix
    return AgentFormatter().format(record)


@pytest.mark.parametrize(
    ("level", "field"),
    [
        (logging.DEBUG, " [debug]  "),
        (logging.INFO, " [info]   "),
        (logging.WARNING, " [WARN]   "),
        (logging.ERROR, " [ERROR]  "),
        (logging.CRITICAL, " [ERROR]  "),
        (7, " [info]   "),
    ],
)
def test_a_line_looks_like_the_originals(level: int, field: str) -> None:
    assert len(field) == 10
    line = line_of("SCHEDULER-950  x", level=level, prefix="Supervisor_client 10.0.0.5:4440")
    stamp, rest = line[:23], line[23:]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.502", stamp)
    assert rest == f"{field}(Supervisor_client 10.0.0.5:4440) SCHEDULER-950  x"


def test_nobodys_data_forges_a_line_or_steers_a_terminal() -> None:
    line = line_of("a\nb\x1b[2Jc\udce9 \x7f é", prefix="p\r\n")
    assert line.endswith(r"(p\r\n) a\nb\x1b[2Jc\udce9 \x7f é")
    assert "\n" not in line


def test_a_traceback_follows_its_line() -> None:
    try:
        raise ValueError("why")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "f", 1, "m", None, sys.exc_info())
    first, *rest = AgentFormatter().format(record).splitlines()
    assert first.endswith("m")
    assert rest[-1] == "ValueError: why"


def test_a_prefixed_logger_adds_its_prefix_and_keeps_other_extras() -> None:
    log = PrefixedLogger(logging.getLogger("x"), "P")
    _, kwargs = log.process("m", {"extra": {"other": 1}})
    assert kwargs["extra"] == {"other": 1, "prefix": "P"}
