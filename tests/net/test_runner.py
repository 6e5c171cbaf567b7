from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from sync_core.model.errors import HostError, UnreachableError
from sync_core.net.runner import LocalRunner, as_root, first_line
from sync_core.net.runner import run as run_command
from tests.support.net import eventually, run


def test_a_command_with_its_input_both_outputs_and_exit_code() -> None:
    words = ["sh", "-c", "cat; echo 'it hurts' >&2; exit 3"]
    done = run(run_command(LocalRunner(), words, stdin=b"x" * 300_000, timeout_s=15))
    assert (done.exit_code, done.stdout, done.stderr) == (3, b"x" * 300_000, b"it hurts\n")


def test_a_command_need_not_read_its_input() -> None:
    done = run(run_command(LocalRunner(), ["true"], stdin=b"x" * 1_000_000, timeout_s=15))
    assert done.exit_code == 0


def test_a_signal_is_a_negative_exit_code() -> None:
    assert run(run_command(LocalRunner(), ["sh", "-c", "kill -9 $$"], timeout_s=15)).exit_code == -9


def test_a_command_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    pid = tmp_path / "pid"

    async def scenario() -> None:
        with pytest.raises(UnreachableError, match=r"sh: not done within 0\.5 s"):
            await run_command(LocalRunner(), ["sh", "-c", f"echo $$ > {pid}; exec sleep 60"], timeout_s=0.5)
        await eventually(lambda: not Path(f"/proc/{pid.read_text().strip()}").exists())

    run(scenario())


def test_a_command_that_says_too_much_is_ended() -> None:
    with pytest.raises(HostError, match="yes: more than 100000 bytes of output"):
        run(run_command(LocalRunner(), ["yes"], timeout_s=15, most_bytes=100_000))


def test_of_its_complaints_only_the_first_part_is_kept() -> None:
    words = [sys.executable, "-c", "import sys; sys.stderr.write('e' * 1_000_000)"]
    assert len(run(run_command(LocalRunner(), words, timeout_s=15)).stderr) == 64 * 1024


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="no-such-program: there is no such program"):
        run(run_command(LocalRunner(), ["no-such-program"], timeout_s=15))
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF")
    broken.chmod(0o755)
    with pytest.raises(HostError, match="broken: Exec format error"):
        run(run_command(LocalRunner(), [str(broken)], timeout_s=15))


def test_input_after_the_end_is_an_error() -> None:
    async def scenario() -> None:
        process = await LocalRunner().start(["true"])
        assert await process.wait() == 0
        with pytest.raises(UnreachableError):
            while True:
                await process.send(b"x" * 100_000)
        await process.close()
        await process.close()

    run(scenario())


def test_what_a_child_leaves_behind_does_not_hold_us() -> None:
    async def scenario() -> float:
        loop = asyncio.get_running_loop()
        process = await LocalRunner().start(["sh", "-c", "sleep 60 & echo $!"])
        pid = int(await process.receive())
        before_s = loop.time()
        await process.close()
        os.kill(pid, 9)
        return loop.time() - before_s

    assert run(scenario()) < 10


def test_as_root_asks_nothing() -> None:
    assert as_root(["id", "-u"]) == ("sudo", "-n", "--", "id", "-u")


def test_become_needs_sudo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sudo = tmp_path / "sudo"
    sudo.write_text('#!/bin/sh\nshift 2\necho "root:$*"\n')
    sudo.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    runner = LocalRunner(become=True)
    assert run(run_command(runner, ["id", "-u"], timeout_s=15)).stdout == b"root:id -u\n"
    run(runner.close())


@pytest.mark.parametrize(
    ("complaint", "line"),
    [(b"", ""), (b"\n one \ntwo", "one"), (b"\xff\x1b[31mred", "\ufffd?[31mred"), (b"x" * 999, "x" * 200)],
)
def test_the_first_line_of_a_complaint(complaint: bytes, line: str) -> None:
    assert first_line(complaint) == line
