"""The program on a host: a real one on this machine, and pretended ones that misbehave."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

from sync_core.model.errors import HostError, RemoteProtocolError, UnreachableError
from sync_core.net.far import FarSession
from sync_core.net.far_program import command, program
from sync_core.net.runner import LocalRunner
from tests.support.net import listening, run

MODULES = sorted(file.name for file in resources.files("sync_core.net.far_side").iterdir() if file.name.endswith(".py"))


class Scripted:
    """A process that says what a test wants."""

    def __init__(self, *blocks: bytes, exit_code: int = 0, complaint: bytes = b"") -> None:
        self.blocks = [*blocks, b""]
        self.exit_code = exit_code
        self.complaint = complaint
        self.is_asked = asyncio.Event()
        self.is_closed = False

    async def send(self, data: bytes) -> None:
        self.is_asked.set()

    async def receive(self) -> bytes:
        await self.is_asked.wait()
        return self.blocks.pop(0)

    async def end_input(self) -> None:
        pass

    async def wait(self) -> int:
        return self.exit_code

    async def close(self) -> None:
        self.is_closed = True


async def session() -> FarSession:
    return await FarSession.open(LocalRunner(), python=sys.executable, deadline_s=60)


@pytest.mark.parametrize("name", MODULES)
def test_it_is_written_for_old_interpreters(name: str) -> None:
    text = resources.files("sync_core.net.far_side").joinpath(name).read_text()
    words = [sys.executable, "-c", "import ast, sys; ast.parse(sys.stdin.read(), feature_version=(3, 6))"]
    subprocess.run(words, input=text, text=True, check=True, timeout=30)
    for newer in ("from __future__ import annotations", "capture_output", "asyncio.run", "dataclass", ":="):
        assert newer not in text


def test_many_requests_are_under_way_at_once() -> None:
    async def scenario() -> None:
        far = await session()
        answers = await asyncio.gather(*(far.ask("route", 15, address="127.0.0.1") for _ in range(200)))
        assert {answer["interface"] for answer in answers} == {"lo"}
        await far.close()
        await far.close()

    run(scenario())


def test_what_it_can_t_do_is_told() -> None:
    async def scenario() -> None:
        far = await session()
        with pytest.raises(HostError, match="nonsense: AttributeError"):
            await far.ask("nonsense", 15)
        with pytest.raises(HostError, match="route: "):
            await far.ask("route", 15, address="no address")
        with listening(udp=True) as port, pytest.raises(UnreachableError, match=r"no answer to 'udp' within 0\.2 s"):
            details = {"timeout_s": 9, "source": None, "datagrams": ["x"], "replies": []}
            await far.ask("udp", 0.2, address="127.0.0.1", port=port, **details)
        await far.close()
        with pytest.raises(UnreachableError, match="the conversation is over"):
            await far.ask("hello", 15)

    run(scenario())


def test_it_ends_with_its_input_and_leaves_nothing(tmp_path: Path) -> None:
    text = program(deadline_s=60)
    request = (
        b'{"id": 1, "do": "listen", "number": 1, "kind": "udp", "address": "127.0.0.1", "port": 0, "answers": {}}\n'
    )
    done = subprocess.run(
        command(sys.executable, text),
        input=text + request,
        capture_output=True,
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert list(tmp_path.iterdir()) == []


def test_it_ends_by_itself_when_nobody_ends_it() -> None:
    text = program(deadline_s=0.1)
    with subprocess.Popen(command(sys.executable, text), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(text)
        process.stdin.flush()
        assert process.wait(30) == -signal.SIGALRM


def test_it_ends_when_the_network_is_gone_and_nothing_comes_any_more() -> None:
    text = program(deadline_s=60).replace(b"SILENCE_S = 10", b"SILENCE_S = 1")
    with subprocess.Popen(command(sys.executable, text), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(text)
        process.stdin.flush()
        assert process.wait(30) == -signal.SIGALRM


def test_who_is_still_there_is_heard() -> None:
    async def scenario() -> None:
        process = Scripted()
        far = FarSession(process, beat_s=0.01)
        await asyncio.wait_for(process.is_asked.wait(), 15)
        await far.close()

    run(scenario())


def test_it_ends_when_nobody_listens_any_more() -> None:
    text = program(deadline_s=60)
    reader, writer = os.pipe()
    with subprocess.Popen(command(sys.executable, text), stdin=subprocess.PIPE, stdout=writer) as process:
        os.close(writer)
        os.close(reader)
        assert process.stdin is not None
        process.stdin.write(text + b'{"id": 1, "do": "hello"}\n')
        process.stdin.flush()
        assert process.wait(30) == 1


def test_an_end_in_the_middle_is_told_to_all_who_wait() -> None:
    async def scenario() -> None:
        far = await session()
        task = asyncio.create_task(far.ask("hello", 15))
        await task
        os.kill(_only_child(), signal.SIGKILL)
        with pytest.raises(HostError, match="the probe program ended: exit code -9"):
            await far.ask("hello", 15)
        await far.close()

    run(scenario())


@pytest.mark.parametrize(
    ("process", "error", "message"),
    [
        ({"exit_code": 127, "complaint": b"sh: python3: not found\n"}, HostError, "there is no python3: sh: python3"),
        ({"exit_code": 1, "complaint": b"sudo: a password is required\n"}, HostError, "sudo: a password is required"),
        ({"exit_code": 5}, HostError, "the probe program ended: exit code 5"),
        ({"blocks": (b"Welcome!\n",)}, RemoteProtocolError, "an answer that is none"),
        ({"blocks": (b"[1, 2]\n",)}, RemoteProtocolError, "an answer that is none"),
        ({"blocks": (b'{"no": "id"}\n',)}, RemoteProtocolError, "an answer that is none"),
        ({"blocks": (b"x" * (1 << 20),) * 33}, RemoteProtocolError, "an answer without end"),
    ],
)
def test_a_host_that_misbehaves(process: dict[str, object], error: type[Exception], message: str) -> None:
    async def scenario() -> None:
        blocks = process.pop("blocks", ())
        assert isinstance(blocks, tuple)
        scripted = Scripted(*blocks, **process)  # type: ignore[arg-type]
        far = FarSession(scripted)
        with pytest.raises(error, match=message):
            await far.ask("hello", 15)
        await far.close()
        assert scripted.is_closed

    run(scenario())


def test_answers_that_nobody_waits_for_are_dropped_and_split_ones_put_together() -> None:
    async def scenario() -> None:
        far = FarSession(Scripted(b'{"id": 9}\n{"id"', b": 1, ", b'"uid": 7}\n{"id": 1}\n'))
        assert (await far.ask("hello", 15))["uid"] == 7
        await far.close()

    run(scenario())


def _only_child() -> int:
    [pid] = [int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit() and _is_child(one)]
    return pid


def _is_child(process: Path) -> bool:
    try:
        return (process / "stat").read_text().rsplit(")", 1)[1].split()[1] == str(os.getpid())
    except OSError:
        return False
