"""How long an agent's event loop is held up, seen from outside.

A process of its own asks ``<show_state/>`` every 5 ms on one connection. The answer comes from the loop at once, so the
longest answer time less the median one is how long the loop was held up at most, or how long this process had to wait
for a processor. Rounds with a probe are rounds of their own: the questions cost the agent something.
"""

from __future__ import annotations

import json
import select
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

__all__ = ["HOW_IT_IS_MEASURED", "probed"]

HOW_IT_IS_MEASURED = (
    "loop delay: longest answer to <show_state/>, asked every 5 ms during one more run, less the median answer"
)

_EVERY_S = 0.005
_QUESTION = b"<show_state/>"
_PATIENCE_S = 600.0


@contextmanager
def probed(ports: Mapping[str, int]) -> Iterator[dict[str, float]]:
    """Probe the agents with these command ports; the delays in ms are there when the context is left."""
    delays_ms: dict[str, float] = {}
    with ExitStack() as stack:
        processes = {name: stack.enter_context(_started(port)) for name, port in ports.items()}
        try:
            yield delays_ms
        finally:
            for name, process in processes.items():
                output, _ = process.communicate()
                if output:
                    delays_ms[name] = json.loads(output)["delay_ms"]


def _started(port: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.probe", str(port)]
    root = Path(__file__).resolve().parents[1]
    process = subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()  # it asks from now on
    return process


def main() -> None:
    """Ask until standard input ends; write one line when it begins and one with what was seen."""
    took_s: list[float] = []
    with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=_PATIENCE_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _ask(connection)
        sys.stdout.write("{}\n")
        sys.stdout.flush()
        while not took_s or not select.select([sys.stdin], [], [], max(0.0, _EVERY_S - took_s[-1]))[0]:
            took_s.append(_ask(connection))
    delay_s = max(took_s) - statistics.median(took_s)
    sys.stdout.write(json.dumps({"asked": len(took_s), "delay_ms": delay_s * 1000}) + "\n")


def _ask(connection: socket.socket) -> float:
    started_s = time.perf_counter()
    connection.sendall(_QUESTION)
    block = b""
    while not block.endswith(b"\0"):
        block = connection.recv(1 << 16)
        if not block:
            raise SystemExit("the agent has closed the connection")
    return time.perf_counter() - started_s


if __name__ == "__main__":
    main()
