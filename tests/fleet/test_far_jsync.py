from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sync_core.fleet.far_jsync import ask_jsync, error_from, find_version, jsync_command
from sync_core.model.errors import HostError, PortInUseError, StateError
from sync_core.net.runner import LocalRunner, Runner
from tests.support.runners import PrefixRunner, ScriptedRunner


def ask(runner: Runner, stdin: bytes = b"") -> Any:
    return asyncio.run(ask_jsync(runner, "jsync", ["up", "-o", "json"], stdin=stdin, timeout_s=30))


def version(runner: Runner, jsync: str = "jsync") -> str | None:
    return asyncio.run(find_version(runner, jsync, timeout_s=30))


def a_program(folder: Path, text: str) -> str:
    file = folder / "jsync"
    file.write_text(text)
    file.chmod(0o755)
    return str(file)


def test_its_words_reach_it_unchanged(tmp_path: Path) -> None:
    jsync = a_program(
        tmp_path, '#!/bin/sh\nfor word in "$@"; do printf "%s\\n" "$word" >&2; done\necho "{}"\ncat >&2\n'
    )
    words = ["a b", "$(id)", "'", '"', "-x", "`id`", "*"]

    async def main() -> bytes:
        process = await LocalRunner().start(jsync_command(jsync, words))
        await process.send(b"input")
        await process.end_input()
        while await process.receive():
            pass
        await process.wait()
        await process.close()
        return process.complaint

    assert asyncio.run(main()).decode().splitlines() == [*words, "input"]


def test_it_is_found_where_it_was_brought_to(tmp_path: Path) -> None:
    (tmp_path / ".local" / "bin").mkdir(parents=True)
    a_program(tmp_path / ".local" / "bin", "#!/bin/sh\necho jsync 7.8.9\n")
    assert version(PrefixRunner("env", f"HOME={tmp_path}", "PATH=/usr/bin:/bin")) == "7.8.9"
    assert version(PrefixRunner("env", "HOME=/nowhere", "PATH=/usr/bin:/bin"), "no-such-jsync") is None


def test_what_a_login_prints_first_does_not_matter() -> None:
    assert version(ScriptedRunner(b"Welcome!\njsync 0.1.0\n")) == "0.1.0"
    document = {"schema": "jsync.up/1", "agents": []}
    assert ask(ScriptedRunner(b"Welcome!\n" + json.dumps(document).encode() + b"\n")) == document


@pytest.mark.parametrize(
    ("output", "exit_code"), [(b"", 127), (b"", 126), (b"other 1.0\n", 0), (b"", 0), (b"jsync 1.0\n", 1)]
)
def test_one_that_does_not_run_is_none(output: bytes, exit_code: int) -> None:
    assert version(ScriptedRunner(output, exit_code=exit_code)) is None


@pytest.mark.parametrize("what", [version, ask])
def test_who_may_not_become_root_is_told(what: Callable[[ScriptedRunner], object]) -> None:
    with pytest.raises(HostError) as caught:
        what(ScriptedRunner(exit_code=1, complaint=b"sudo: a password is required\n"))
    assert str(caught.value) == "sudo: a password is required"
    assert caught.value.hint == "allow it in sudoers without a password, or leave out `become`"


def test_where_there_is_none_the_way_to_one_is_named() -> None:
    with pytest.raises(HostError, match="there is no `jsync` that runs") as caught:
        ask(ScriptedRunner(exit_code=127, complaint=b"sh: 1: exec: jsync: not found\n"))
    assert caught.value.hint == "`jsync up --install` brings it"


@pytest.mark.parametrize("output", [b"", b"Welcome!\n", b"{broken\n", b"[" * 100_000, b"[1]\n", b'"words"\n'])
def test_what_is_no_document_is_told_as_such(output: bytes) -> None:
    with pytest.raises(HostError, match="its jsync gave no document: exit code 0"):
        ask(ScriptedRunner(output))


def test_the_error_of_a_document_is_raised_as_ours() -> None:
    words = {"code": "state", "message": "it belongs elsewhere", "hint": "let it", "host": "s1"}
    with pytest.raises(StateError, match="it belongs elsewhere") as caught:
        ask(ScriptedRunner(json.dumps({"error": words}).encode()))
    assert (caught.value.hint, caught.value.host) == ("let it", "s1")


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ({"code": "port-in-use", "message": "m"}, PortInUseError),
        ({"code": "unreachable", "message": "m"}, HostError),
        ({"code": "refused", "message": "m"}, HostError),
        ({"code": "inventory", "message": "m"}, HostError),
        ({"code": "from the future", "message": "m"}, HostError),
        ({"code": ["no", "word"], "message": "m", "hint": 7, "host": 7}, HostError),
    ],
)
def test_kinds_of_errors(words: dict[str, object], kind: type[Exception]) -> None:
    error = error_from(words, host="h")
    assert (type(error), str(error), error.hint, error.host) == (kind, "m", None, "h")


def test_an_error_without_words_has_some() -> None:
    assert str(error_from({})) == "it failed and does not say why"
