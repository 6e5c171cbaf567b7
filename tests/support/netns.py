"""Network namespaces: a machine of one's own with its own firewall, and agents' ports in it.

``python -m tests.support.netns PROTOCOL ADDRESS PORT …`` opens such ports in the namespace that it is started in,
says ``ready``, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from sync_core.model.security import Level
from sync_core.net.datagrams import WakeUpListener
from sync_core.net.server import CommandServer, Connection
from sync_core.protocol.messages import Answer, OkAnswer, Request

__all__ = ["Namespace", "namespace", "why_no_namespaces"]

ROOT = Path(__file__).parents[2]
_DEADLINE_S = 60


def why_no_namespaces() -> str | None:
    """Return why network namespaces can't be used here; ``None`` if they can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    for tool, package in (("ip", "iproute2"), ("nft", "nftables")):
        if shutil.which(tool) is None:
            return f"network namespaces need {tool} (package {package})"
    try:
        with namespace():
            return None
    except subprocess.CalledProcessError as error:
        return f"network namespaces are not allowed here: {error.stderr.strip()}"


class Namespace:
    """A network namespace with a loopback interface."""

    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in it to its end."""
        inside = ["ip", "netns", "exec", self.name, *command]
        return subprocess.run(inside, cwd=ROOT, capture_output=True, text=True, timeout=_DEADLINE_S, check=False)

    def firewall(self, *rules: str) -> None:
        """Add nftables rules, each after the name of its chain: ``input udp dport 5000 drop``."""
        lines = ["add table inet filter"]
        for hook in ("input", "output"):
            lines.append(f"add chain inet filter {hook} {{ type filter hook {hook} priority 0; policy accept; }}")
        lines += [f"add rule inet filter {rule}" for rule in rules]
        _checked("ip", "netns", "exec", self.name, "nft", "\n".join(lines))

    @contextlib.contextmanager
    def agents(self, *ports: tuple[str, str, int]) -> Iterator[None]:
        """Open ports (protocol, address, number) that behave like those of agents."""
        words = [str(word) for port in ports for word in port]
        command = ["ip", "netns", "exec", self.name, sys.executable, "-m", "tests.support.netns", *words]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                assert process.stdout.readline() == "ready\n"
                yield
            finally:
                process.stdin.close()
                process.wait(_DEADLINE_S)


@contextlib.contextmanager
def namespace() -> Iterator[Namespace]:
    """Make a network namespace, and remove it whatever happens."""
    name = f"jsync-test-{os.getpid()}-{secrets.token_hex(3)}"
    _checked("ip", "netns", "add", name)
    try:
        _checked("ip", "-n", name, "link", "set", "lo", "up")
        yield Namespace(name)
    finally:
        _checked("ip", "netns", "del", name)


def _checked(*command: str) -> None:
    subprocess.run(command, capture_output=True, text=True, timeout=_DEADLINE_S, check=True)


async def _handle(_: Connection, __: Request) -> Answer:
    return OkAnswer()


async def _open(protocol: str, address: str, port: int) -> CommandServer | WakeUpListener:
    opened: CommandServer | WakeUpListener
    if protocol == "tcp":
        opened = CommandServer(
            listen=address,
            port=port,
            handler=_handle,
            level_of=lambda _: Level.ALL,
            answer_time=lambda: "2026-11-24 03:07:51.419",
        )
    else:
        opened = WakeUpListener(listen=address, port=port, on_wake_up=lambda _: None, level_of=lambda _: Level.ALL)
    await opened.start()
    return opened


async def _main(words: Sequence[str]) -> None:
    opened = [
        await _open(protocol, address, int(port))
        for protocol, address, port in zip(words[::3], words[1::3], words[2::3], strict=True)
    ]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    for one in opened:
        await one.close()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1:]))
