from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from cli.errors import ExitCode, Failure, error_text, report
from cli.output import StdoutClosed, Streams
from sync_core.model.errors import (
    HostError,
    InventoryError,
    JsyncError,
    LocalProtocolError,
    Problem,
    RemoteRefusalError,
    UnreachableError,
    UsageError,
)
from tests.support.cli import Stream

_PROBLEMS = (
    Problem(file="jsync.yaml", line=3, column=5, message="unknown variable 'adress'", hint="did you mean 'address'?"),
    Problem(file="jsync.yaml", line=9, column=1, message="no such master: 'x'"),
)


def _reported(error: BaseException, state: Path, *, is_json: bool) -> tuple[ExitCode, str, str]:
    stdout, stderr = Stream(), Stream()
    environ = {"JSYNC_STATE_DIR": str(state), "JSYNC_SSH_PASSWORD": "hush"}
    failure = Failure(Streams(stdout, stderr), command="status", is_json=is_json, environ=environ)
    code = report(error, failure)
    return code, stdout.written().decode(), stderr.written().decode()


@pytest.mark.parametrize(
    ("host", "words", "text"),
    [
        ("a", "there is no `jsync` that runs", "jsync: a: there is no `jsync` that runs"),
        ("slave-1", "slave-10 is not known", "jsync: slave-1: slave-10 is not known"),
        ("slave-1", "no master knows slave-1.", "jsync: no master knows slave-1."),
        ("1", "port 10.9.0.1:4440 is closed", "jsync: 1: port 10.9.0.1:4440 is closed"),
    ],
)
def test_the_host_stands_in_front_unless_the_words_name_it(host: str, words: str, text: str) -> None:
    assert error_text(HostError(words), about=host) == text


@pytest.mark.parametrize(
    ("error", "text", "document"),
    [
        (
            UsageError("no such host: 'x'", hint="did you mean 'y'?"),
            "jsync: no such host: 'x'\n  hint: did you mean 'y'?\n",
            {"code": "usage", "message": "no such host: 'x'", "hint": "did you mean 'y'?", "host": None},
        ),
        (
            UnreachableError("Connection refused", errno=111, host="slave-5000"),
            "jsync: slave-5000: Connection refused\n",
            {"code": "unreachable", "message": "Connection refused", "hint": None, "host": "slave-5000"},
        ),
        (
            RemoteRefusalError("SCHEDULER-121", "SCHEDULER-121  Not \x1b[2J\nallowed"),
            "jsync: SCHEDULER-121  Not \\x1b[2J\\nallowed\n",
            {"code": "refused", "message": "SCHEDULER-121  Not \x1b[2J\nallowed", "hint": None, "host": None},
        ),
    ],
)
def test_errors_of_ours_are_trouble(error: JsyncError, text: str, document: dict[str, object], tmp_path: Path) -> None:
    assert _reported(error, tmp_path, is_json=False) == (ExitCode.TROUBLE, "", text)
    code, out, err = _reported(error, tmp_path, is_json=True)
    assert (code, err) == (ExitCode.TROUBLE, "")
    assert json.loads(out) == {"schema": "jsync.status/2", "error": document}
    assert out.startswith('{"schema": "jsync.status/2", ')


def test_every_inventory_problem_has_its_line(tmp_path: Path) -> None:
    code, out, err = _reported(InventoryError(_PROBLEMS), tmp_path, is_json=False)
    assert (code, out) == (ExitCode.TROUBLE, "")
    assert err == (
        "jsync.yaml:3:5: unknown variable 'adress' (did you mean 'address'?)\njsync.yaml:9:1: no such master: 'x'\n"
    )


def test_inventory_problems_as_a_document(tmp_path: Path) -> None:
    _, out, _ = _reported(InventoryError(_PROBLEMS), tmp_path, is_json=True)
    document = json.loads(out)
    assert document["error"] == {
        "code": "inventory",
        "message": "the inventory has 2 errors",
        "hint": None,
        "host": None,
    }
    assert document["errors"][0] == {
        "file": "jsync.yaml",
        "line": 3,
        "column": 5,
        "message": "unknown variable 'adress'",
        "hint": "did you mean 'address'?",
    }
    assert document["errors"][1]["hint"] is None


def test_a_single_inventory_problem_is_the_message(tmp_path: Path) -> None:
    _, out, _ = _reported(InventoryError(_PROBLEMS[1:]), tmp_path, is_json=True)
    assert json.loads(out)["error"]["message"] == "jsync.yaml:9:1: no such master: 'x'"


def test_interrupted(tmp_path: Path) -> None:
    assert _reported(KeyboardInterrupt(), tmp_path, is_json=False) == (
        ExitCode.INTERRUPTED,
        "",
        "jsync: interrupted\n",
    )
    code, out, _ = _reported(KeyboardInterrupt(), tmp_path, is_json=True)
    assert (code, json.loads(out)["error"]["code"]) == (ExitCode.INTERRUPTED, "interrupted")


@pytest.mark.parametrize("error", [ZeroDivisionError("secret"), LocalProtocolError("sent twice")])
def test_a_bug_leaves_a_traceback_for_its_owner_only(error: Exception, tmp_path: Path) -> None:
    state = tmp_path / "new" / "state"
    code, out, err = _reported(error, state, is_json=False)
    [file] = state.iterdir()
    assert (code, out) == (ExitCode.BUG, "")
    assert err == (
        f"jsync: this is a bug in jsync ({type(error).__name__}); the traceback is in {file}\n"
        "  hint: please report it\n"
    )
    written = file.read_text()
    assert str(error) in written
    assert "hush" not in written
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_bug_as_a_document(tmp_path: Path) -> None:
    code, out, _ = _reported(ZeroDivisionError("x"), tmp_path, is_json=True)
    assert (code, json.loads(out)["error"]["code"]) == (ExitCode.BUG, "bug")


def test_a_traceback_goes_elsewhere_where_the_state_folder_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    occupied = tmp_path / "file"
    occupied.write_text("")
    _reported(ZeroDivisionError("x"), occupied / "below", is_json=False)
    assert len(list(tmp_path.glob("jsync-crash-*.txt"))) == 1


def test_a_document_that_is_out_stays_alone(tmp_path: Path) -> None:
    stdout, stderr = Stream(), Stream()
    streams = Streams(stdout, stderr)
    streams.document({"schema": "jsync.status/2"})
    code = report(UsageError("late"), Failure(streams, command="status", is_json=True, environ={}))
    assert code == ExitCode.TROUBLE
    assert json.loads(stdout.written()) == {"schema": "jsync.status/2"}
    assert stderr.written() == b"jsync: late\n"


def test_a_reader_who_left_is_no_news(tmp_path: Path) -> None:
    assert _reported(StdoutClosed(), tmp_path, is_json=True) == (ExitCode.TROUBLE, "", "")


class _Full(Stream):
    def write(self, s: str, /) -> int:
        raise OSError(28, "No space left on device")


class _Gone(Stream):
    def write(self, s: str, /) -> int:
        raise BrokenPipeError(32, "Broken pipe")


def test_a_stdout_that_takes_nothing_is_trouble() -> None:
    stderr = Stream()
    failure = Failure(Streams(_Full(), stderr), command=None, is_json=True, environ={})
    assert report(UsageError("x"), failure) == ExitCode.TROUBLE
    assert stderr.written() == b"jsync: stdout can't be written: No space left on device\n"


def test_a_reader_who_left_before_the_error_is_no_news() -> None:
    stderr = Stream()
    failure = Failure(Streams(_Gone(), stderr), command=None, is_json=True, environ={})
    assert report(UsageError("x"), failure) == ExitCode.TROUBLE
    assert stderr.written() == b""
