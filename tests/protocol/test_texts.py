from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.protocol.texts import MAX_INSERTION_CHARS, one_line, text

CASES = [
    ("SCHEDULER-105", ("x",), "SCHEDULER-105  Unknown command 'x'"),
    ("SCHEDULER-121", (), "SCHEDULER-121  The security settings do not allow this operation"),
    ("SCHEDULER-164", ("x",), "SCHEDULER-164  Unknown word in what=: 'x'"),
    ("SCHEDULER-222", ("x",), "SCHEDULER-222  <x> is possible on a raw TCP connection only"),
    (
        "SCHEDULER-223",
        ("10.0.0.5/m:4444", "SCHEDULER-121  no"),
        "SCHEDULER-223  Supervisor has reported an error: 10.0.0.5/m:4444 [SCHEDULER-121  no]",
    ),
    (
        "SCHEDULER-224",
        ("10.0.0.5/m:4444",),
        "SCHEDULER-224  Supervisor has closed the connection [10.0.0.5/m:4444]",
    ),
    ("SCHEDULER-286", (800,), "SCHEDULER-286  More than 800 connections are open, this one is refused"),
    ("SCHEDULER-287", (), "SCHEDULER-287  TCP connection not allowed"),
    ("SCHEDULER-289", ("TCP-port 4444", 120), "SCHEDULER-289  TCP-port 4444 is in use, trying again for up to 120s"),
    ("SCHEDULER-301", ("10.0.0.7",), "SCHEDULER-301  UDP message from 10.0.0.7 is not allowed"),
    ("SCHEDULER-319", ("s",), "SCHEDULER-319  One command at a time, please: <s> is one too many"),
    ("SCHEDULER-353", (), "SCHEDULER-353  No immediate response from command <$1>"),
    ("SCHEDULER-353", ("s",), "SCHEDULER-353  No immediate response from command <s>"),
    ("SCHEDULER-381", ("check_folders",), "SCHEDULER-381  Scheduler is not active yet [check_folders]"),
    (
        "SCHEDULER-454",
        ("a#1", "b#1"),
        "SCHEDULER-454  Directories 'a#1' and 'b#1' mean the same host and port, the first one is used",
    ),
    ("SCHEDULER-455", ("x",), "SCHEDULER-455  No configuration directory for 'x'"),
    ("SCHEDULER-457", ("10.0.0.7",), "SCHEDULER-457  Remote scheduler '10.0.0.7' has not been registered"),
    (
        "SCHEDULER-458",
        (90,),
        "SCHEDULER-458  Remote scheduler has not sent a notification for 90s and has been deregistered",
    ),
    ("SCHEDULER-461", ("/../x",), "SCHEDULER-461  Path reaches beyond root (too many '..'): /../x"),
    (
        "SCHEDULER-474",
        ("2026-11-24 02:00:00.000 UTC", 61),
        "SCHEDULER-474  Workload scheduler is not responding to UDP message since 2026-11-24 02:00:00.000 UTC (61s). "
        "Workload scheduler's configuration can not be updated.",
    ),
    ("SCHEDULER-701", ("/sub/",), "SCHEDULER-701  Replicating '/sub/'"),
    (
        "SCHEDULER-701",
        ("/f.lock.xml", "2026-11-24 02:00:00.000 UTC"),
        "SCHEDULER-701  Replicating '/f.lock.xml' [2026-11-24 02:00:00.000 UTC]",
    ),
    ("SCHEDULER-702", ("/x",), "SCHEDULER-702  Removing '/x'"),
    (
        "SCHEDULER-703",
        (),
        "SCHEDULER-703  Local configuration file is ignored, the central configuration file is used instead",
    ),
    (
        "SCHEDULER-714",
        ("10.0.0.7:4441", "1 (10.0.0.7:2)", "2 (10.0.0.7:3)"),
        "SCHEDULER-714  Scheduler 10.0.0.7:4441 is already registered via connection 1 (10.0.0.7:2). "
        "This connection will be closed now. New connection is 2 (10.0.0.7:3)",
    ),
    ("SCHEDULER-718", ("remote", "/r/"), "SCHEDULER-718  Using 'remote' configuration directory '/r/'"),
    ("SCHEDULER-882", ("/r", "ERRNO-2"), "SCHEDULER-882  Configuration directory '/r' has gone [ERRNO-2]"),
    ("SCHEDULER-895", ("/l",), "SCHEDULER-895  Configuration directory '/l' does not exist and is ignored"),
    (
        "SCHEDULER-899",
        (),
        "SCHEDULER-899  Scheduler has no UDP port, so updated configuration files on supervisor will not be noticed",
    ),
    ("SCHEDULER-900", ("jsync 1", "i.yaml", 7), "SCHEDULER-900  Scheduler jsync 1 is starting with i.yaml, pid=7"),
    ("SCHEDULER-902", ("running",), "SCHEDULER-902  state=running"),
    ("SCHEDULER-950", (), "SCHEDULER-950  Scheduler has been registered"),
    (
        "SCHEDULER-955",
        ("10.0.0.5", "<check_folders/>"),
        "SCHEDULER-955  UDP message from 10.0.0.5: <check_folders/>",
    ),
    ("SCHEDULER-956", ("UDP", 5000), "SCHEDULER-956  Scheduler expects commands from UDP port 5000 "),
    (
        "SCHEDULER-956",
        ("TCP", 5000, "10.0.0.7"),
        "SCHEDULER-956  Scheduler expects commands from TCP port 5000  [10.0.0.7]",
    ),
    ("SCHEDULER-965", ("<s/>",), "SCHEDULER-965  Executing command: <s/>"),
    (
        "LIBXML2-003",
        ("tcp_port", "register_remote_scheduler"),
        "LIBXML2-003  Missing attribute tcp_port in <register_remote_scheduler>",
    ),
    ("LIBXML2-007", ("why",), "LIBXML2-007  XML document does not conform to schema [why]"),
    ("XML-ERROR", ("why",), "XML-ERROR   [why]"),
]


@pytest.mark.parametrize(("code", "insertions", "expected"), CASES)
def test_messages_read_as_in_the_original(code: str, insertions: tuple[object, ...], expected: str) -> None:
    assert text(code, *insertions) == expected


def test_unknown_code_is_a_bug() -> None:
    with pytest.raises(KeyError):
        text("SCHEDULER-0")


def test_values_are_cut_and_trimmed() -> None:
    assert text("SCHEDULER-902", "x" * MAX_INSERTION_CHARS) == "SCHEDULER-902  state=" + "x" * 500
    assert text("SCHEDULER-902", "x" * (MAX_INSERTION_CHARS + 1)) == "SCHEDULER-902  state=" + "x" * 500 + "..."
    assert text("SCHEDULER-902", "x \n\t") == "SCHEDULER-902  state=x"


def test_value_that_looks_like_a_place_is_not_replaced() -> None:
    assert text("SCHEDULER-955", "$2", "$1") == "SCHEDULER-955  UDP message from $2: $1"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain blank ü", "plain blank ü"),
        ("a\nb\r\t", "a\\x0ab\\x0d\\x09"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\x9b", "\\x9b"),
        ("\u202e\u2028", "\\u202e\\u2028"),
        ("\U000e0001", "\\U000e0001"),
        ("b\udce4r", "b\\xe4r"),
        ("\ud800", "\\ud800"),
    ],
)
def test_values_are_safe_for_one_line(value: str, expected: str) -> None:
    assert one_line(value) == expected


@given(st.text())
def test_no_value_ever_breaks_a_line(value: str) -> None:
    assert text("SCHEDULER-965", value).isprintable()
