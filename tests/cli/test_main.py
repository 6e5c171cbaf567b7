from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.commands import LISTED, all_commands
from sync_core import __version__
from tests.support.cli import run_cli

_NOT_FOR_HELP = ["paramiko", "aiohttp", "pydantic", "lxml", "yaml", "psutil", "asyncio", "msgspec", "hashlib"]


def test_version() -> None:
    result = run_cli("--version")
    assert (result.exit_code, result.out, result.err) == (0, f"jsync {__version__}\n", "")


@pytest.mark.parametrize("argv", [("--version", "-o", "json"), ("-ojson", "--version"), ("--output=json", "--version")])
def test_version_as_a_document(argv: tuple[str, ...]) -> None:
    result = run_cli(*argv)
    assert (result.exit_code, result.err) == (0, "")
    assert result.document == {"schema": "jsync.version/1", "version": __version__}


@pytest.mark.parametrize("argv", [("--help",), ("diff", "-h")])
def test_help_as_a_document(argv: tuple[str, ...]) -> None:
    result = run_cli(*argv, "-o", "json")
    assert (result.exit_code, result.err) == (0, "")
    assert result.document == {"schema": "jsync.help/1", "text": run_cli(*argv).out}


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_lists_every_command(option: str) -> None:
    result = run_cli("-q", option)
    assert (result.exit_code, result.err) == (0, "")
    assert all(f"\n  {command.name} " in result.out for command in all_commands())
    assert "..." not in result.out.partition("Commands:")[2]


@pytest.mark.parametrize("command", all_commands(), ids=lambda command: command.name)
def test_every_command_has_help_with_examples(command: object) -> None:
    name = getattr(command, "name", "")
    result = run_cli(name, "-h")
    assert (result.exit_code, result.err) == (0, "")
    assert result.out.startswith(f"Usage: jsync {name} ")
    assert "\n  Examples:\n    " in result.out
    for option in ("-i, --inventory", "-l, --limit", "-o, --output", "-q, --quiet", "-v, --verbose", "--color"):
        assert f"\n  {option}" in result.out
    assert max(map(len, result.out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("argv", "message", "hint"),
    [
        ([], "Missing command", "`jsync --help` shows how"),
        (["nonsense"], "No such command 'nonsense'", "`jsync --help` shows how"),
        (["validate", "--nonsense"], "No such option: --nonsense", "`jsync validate --help` shows how"),
        (["validate", "-o", "xml"], "Invalid value for '-o' / '--output'", "`jsync validate --help` shows how"),
    ],
)
def test_usage_errors(argv: list[str], message: str, hint: str) -> None:
    result = run_cli(*argv)
    assert (result.exit_code, result.out) == (2, "")
    assert result.err.startswith(f"jsync: {message}")
    assert result.err.endswith(f"  hint: {hint}\n")


@pytest.mark.parametrize(
    ("argv", "schema"),
    [
        (["-o", "json"], "jsync.error/1"),
        (["nonsense", "-o", "json"], "jsync.error/1"),
        (["-o", "json", "validate", "--nonsense"], "jsync.validate/1"),
        (["--output=json", "init", "a", "b"], "jsync.init/1"),
        (["validate", "-o", "xml", "-ojson", "--nonsense"], "jsync.validate/1"),
    ],
)
def test_usage_errors_as_a_document(argv: list[str], schema: str) -> None:
    result = run_cli(*argv)
    assert (result.exit_code, result.err) == (2, "")
    assert result.document["schema"] == schema
    assert result.document["error"]["code"] == "usage"


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from cli.main import main; code = main(['--help']);"
        f"print([name for name in sys.modules if name in {_NOT_FOR_HELP!r} or name.startswith('cli.commands.')],"
        "file=sys.stderr); sys.exit(code)"
    )
    result = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert result.stderr == "[]\n"
    assert result.stdout.startswith("Usage: jsync ")


def test_a_command_line_imports_no_other_command() -> None:
    script = (
        "import sys; from cli.main import main; main(['notify', '--help']);"
        "print([name for name in sys.modules if name.startswith('cli.commands.')], file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert result.stderr == "['cli.commands.notify']\n"


def test_help_lists_commands_as_they_are() -> None:
    assert [(listed.name, listed.summary) for listed in LISTED] == [
        (command.name, command.help.partition("\n")[0]) for command in all_commands()
    ]


def _jsync(*argv: str, stdout: int, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "cli", *argv]
    environ = {**os.environ, **(env or {})}
    return subprocess.Popen(command, stdout=stdout, stderr=subprocess.PIPE, env=environ)


def test_as_a_process() -> None:
    with _jsync("--version", stdout=subprocess.PIPE) as process:
        out, err = process.communicate()
    assert (process.returncode, out, err) == (0, f"jsync {__version__}\n".encode(), b"")


def test_a_reader_who_leaves_hears_no_complaint() -> None:
    read, write = os.pipe()
    os.close(read)
    with _jsync("schema", stdout=write) as process:
        os.close(write)
        _, err = process.communicate()
    assert (process.returncode, err) == (2, b"")


def test_a_full_disk_is_said() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("wb") as full, _jsync("schema", stdout=full.fileno()) as process:
        _, err = process.communicate()
    assert (process.returncode, err) == (2, b"jsync: stdout can't be written: No space left on device\n")


def test_a_terminal_without_the_characters_gets_escapes() -> None:
    with _jsync("validate", "-i", "zürich.yaml", stdout=subprocess.PIPE, env={"PYTHONIOENCODING": "ascii"}) as process:
        _, err = process.communicate()
    assert process.returncode == 2
    assert b"z\\xfcrich.yaml" in err
    assert b"Traceback" not in err


@pytest.mark.parametrize(("argv", "code"), [(["--help"], 2), (["diff", "-h"], 2), (["schema"], 2)])
@pytest.mark.parametrize("where", [">&-", ">/dev/full"])
def test_data_that_can_t_be_written_is_trouble(argv: list[str], code: int, where: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {where}', "sh", sys.executable, "-m", "cli", *argv],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == code
    assert done.stderr == "jsync: stdout can't be written: No space left on device\n"
