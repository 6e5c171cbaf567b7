"""SSH against a server that may fall silent at any step."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shlex
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from sync_core.model.errors import UnreachableError
from sync_core.net.outpost import Outpost
from sync_core.net.runner import run as run_command
from sync_core.net.ssh import SshLimits, SshRunner
from tests.support.net import Lines, eventually, free_port, run
from tests.support.ssh_server import PASSWORD, USER, Server, Silent, a_key, ssh_server


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    run(eventually(lambda: not [one for one in threading.enumerate() if one not in before and "ssh" in one.name]))


@pytest.fixture
def user_key(tmp_path: Path) -> Path:
    file = tmp_path / "user"
    a_key("user").write_private_key_file(str(file))
    return file


@contextlib.contextmanager
def a_runner(
    server: Server, folder: Path, *, password: str | None = PASSWORD, key: Path | None = None, step_s: float = 15.0
) -> Iterator[SshRunner]:
    target = server.target(server.known_hosts(folder / "known_hosts"), keys=(key,) if key else ())
    yield SshRunner(target, password=password, limits=SshLimits(connect_s=5.0, step_s=step_s))


def test_a_command_with_its_input_both_outputs_and_exit_code(tmp_path: Path) -> None:
    async def scenario() -> None:
        with ssh_server() as server, a_runner(server, tmp_path) as runner:
            words = ["sh", "-c", "cat; echo 'it hurts' >&2; exit 3"]
            done = await run_command(runner, words, stdin=b"x" * 300_000, timeout_s=15)
            await runner.close()
        assert (done.exit_code, done.stdout, done.stderr) == (3, b"x" * 300_000, b"it hurts\n")
        assert server.commands[0].endswith(shlex.join(words))

    run(scenario())


def test_a_command_ends_there_by_its_deadline_whoever_waits_for_it(tmp_path: Path) -> None:
    async def scenario() -> int:
        with ssh_server() as server, a_runner(server, tmp_path) as runner:
            process = await runner.start(["sh", "-c", "echo $$; exec sleep 600"], deadline_s=1)
            pid = int(await process.receive())
            await eventually(lambda: not psutil.pid_exists(pid))  # and nobody here does anything
            await process.close()
            await runner.close()
        return pid

    assert run(scenario())


def test_words_stay_words_whatever_is_in_them(tmp_path: Path) -> None:
    nasty = ["a b", "$(reboot)", "';'", "\\", "*", ""]

    async def scenario() -> bytes:
        with ssh_server() as server, a_runner(server, tmp_path) as runner:
            program = "import sys; print(sys.argv[1:])"
            done = await run_command(runner, [sys.executable, "-c", program, *nasty], timeout_s=15)
            await runner.close()
            return done.stdout

    assert run(scenario()).decode().strip() == str(nasty)


def test_a_key_logs_in_and_one_connection_serves_many_commands(tmp_path: Path, user_key: Path) -> None:
    async def scenario() -> int:
        with ssh_server() as server, a_runner(server, tmp_path, password=None, key=user_key) as runner:
            await asyncio.gather(*(run_command(runner, ["true"], timeout_s=15) for _ in range(5)))
            await runner.close()
            await runner.close()
            return server.connections

    assert run(scenario()) == 1


def test_a_lost_connection_is_opened_again(tmp_path: Path) -> None:
    async def scenario() -> int:
        with ssh_server() as server, a_runner(server, tmp_path) as runner:
            await run_command(runner, ["true"], timeout_s=15)
            process = await runner.start(["cat"])
            server.drop()
            assert await process.receive() == b""
            with pytest.raises(UnreachableError, match="lost"):
                await process.wait()
            await process.close()
            await run_command(runner, ["true"], timeout_s=15)
            await runner.close()
            return server.connections

    assert run(scenario()) == 2


def test_become_runs_commands_by_sudo_that_asks_nothing(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        with ssh_server() as server:
            target = server.target(server.known_hosts(tmp_path / "known_hosts"))
            runner = SshRunner(target, password=PASSWORD, become=True)
            await run_command(runner, ["id", "-u"], timeout_s=15)
            await runner.close()
            return server.commands

    (command,) = run(scenario())
    assert command.startswith("sudo -n -- sh -c ")  # only root can end what runs as root
    assert command.endswith(" 15 id -u")


def test_a_host_behind_another_one(tmp_path: Path, user_key: Path) -> None:
    async def scenario() -> None:
        with ssh_server() as first, ssh_server() as second:
            known = second.known_hosts(first.known_hosts(tmp_path / "known_hosts"))
            jump = first.target(known, keys=(user_key,))
            runner = SshRunner(second.target(known, jump=jump), password=PASSWORD)
            done = await run_command(runner, ["echo", "behind"], timeout_s=15)
            assert done.stdout == b"behind\n"
            assert (len(first.commands), len(second.commands)) == (0, 1)
            await runner.close()

    run(scenario())


def test_a_host_that_the_one_in_between_does_not_reach(tmp_path: Path, user_key: Path) -> None:
    async def scenario() -> None:
        with ssh_server() as first, ssh_server() as second:
            known = first.known_hosts(tmp_path / "known_hosts")
            away = second.target(known, jump=first.target(known, keys=(user_key,)))
            second.close()
            with pytest.raises(UnreachableError, match="not reached from"):
                await SshRunner(away, password=PASSWORD).start(["true"])
            second.close = lambda: None  # type: ignore[method-assign]

    run(scenario())


@pytest.mark.parametrize("silent", [one for one in Silent if one is not Silent.NEVER])
def test_every_step_has_a_deadline(tmp_path: Path, silent: Silent) -> None:
    async def scenario() -> None:
        with ssh_server(silent=silent) as server, a_runner(server, tmp_path, step_s=0.5) as runner:
            with pytest.raises(UnreachableError, match=r"SSH to 127\.0\.0\.1"):
                await runner.start(["true"])
            await runner.close()

    run(scenario())


def test_giving_up_ends_the_connection(tmp_path: Path) -> None:
    async def scenario() -> None:
        with ssh_server(silent=Silent.GREETING) as server, a_runner(server, tmp_path) as runner:
            task = asyncio.create_task(runner.start(["true"]))
            await eventually(lambda: server.connections == 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    run(scenario())


def test_nobody_listens(tmp_path: Path) -> None:
    async def scenario() -> None:
        with ssh_server() as server:
            target = server.target(server.known_hosts(tmp_path / "known_hosts"))
        with pytest.raises(UnreachableError, match=f"port {target.port}: Connection refused"):
            await SshRunner(target).start(["true"])

    run(scenario())
    assert free_port()


def test_a_wrong_password_is_no_login_and_shown_nowhere(tmp_path: Path) -> None:
    secret = "not-the-one-0815"

    async def scenario() -> UnreachableError:
        with ssh_server() as server, a_runner(server, tmp_path, password=secret) as runner:
            with pytest.raises(UnreachableError) as caught:
                await runner.start(["true"])
            await runner.close()
            return caught.value

    paramiko = logging.getLogger("paramiko")
    before = paramiko.level
    paramiko.setLevel(logging.DEBUG)  # a command line that ran in this process may have silenced it
    try:
        with Lines.of("") as lines:
            error = run(scenario())
    finally:
        paramiko.setLevel(before)
    assert str(error) == f"SSH to 127.0.0.1: {USER} can't log in"
    assert "JSYNC_SSH_PASSWORD" in (error.hint or "")
    told = "".join(traceback.format_exception(error)) + "".join(line for _, _, line in lines.lines)
    assert secret not in told
    assert paramiko.name in {one.name.split(".")[0] for one in lines.records}


@pytest.mark.parametrize(
    ("known_key", "message", "command"),
    [
        (None, "its key is not known (ecdsa-sha2-nistp256 SHA256:", "ssh-keyscan -p {port} 127.0.0.1 >> {file}"),
        (
            "another",
            "its key has changed (now ecdsa-sha2-nistp256 SHA256:",
            "ssh-keygen -R '[127.0.0.1]:{port}' -f {file} && ssh-keyscan -p {port} 127.0.0.1 >> {file}",
        ),
    ],
)
def test_a_key_that_is_not_the_known_one_is_refused(
    tmp_path: Path, known_key: str | None, message: str, command: str
) -> None:
    async def scenario() -> None:
        file = tmp_path / "known_hosts"
        with ssh_server() as server:
            if known_key is not None:
                server.known_hosts(file, known_key)
            runner = SshRunner(server.target(file), password=PASSWORD)
            with pytest.raises(UnreachableError) as caught:
                await runner.start(["true"])
            assert message in str(caught.value)
            assert command.format(port=server.port, file=file) in (caught.value.hint or "")
            assert server.commands == []
            await runner.close()

    run(scenario())


def test_the_program_of_a_check_works_over_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        with ssh_server() as server, a_runner(server, tmp_path) as runner:
            outpost = await Outpost.open(runner, python=sys.executable, deadline_s=60)
            answers = await asyncio.gather(*(outpost.resolve("localhost") for _ in range(20)))
            assert len(set(answers)) == 1
            await outpost.close()

    run(scenario())
