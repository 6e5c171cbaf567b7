"""W2: a check with nothing new, after a wake-up and by the interval."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from benchmarks.bench import Bench, Contender
from benchmarks.figures import JSYNC, Sample
from benchmarks.peers.rsync import NODELAY, pull, rsync_daemon
from benchmarks.processes import cpu_s, wait_for
from benchmarks.relay import Relay
from benchmarks.site import MASTER, JsyncSite
from benchmarks.trees import write_tree

__all__ = ["unchanged_check"]

_SLAVE = "slave-0"
_WAKE_UP = b"<check_folders/>"
_PLAIN_EVERY_S = 1.1
"""Wake-ups that prove nothing are answered once a second."""
_INTERVAL_S = 3.0
_TOTALS = re.compile(rb"Total bytes (?:sent|received): ([0-9,]+)")


def unchanged_check(bench: Bench) -> None:
    """Measure W2. Bytes and times are those of a relay between slave and master."""
    _after_a_wake_up(bench)
    _by_the_interval(bench)


def _after_a_wake_up(bench: Bench) -> None:
    with ExitStack() as stack:
        relay = stack.enter_context(Relay())
        site = _running(bench, stack, relay, interval_s=3600)
        contenders: dict[str, Contender] = {JSYNC: lambda: _woken(bench, site, relay)}
        if bench.has("rsync"):
            plain = stack.enter_context(rsync_daemon(site.shared, bench.new_folder("rsync")))
            nodelay = stack.enter_context(rsync_daemon(site.shared, bench.new_folder("nodelay"), NODELAY))
            target = bench.new_folder("target") / "copy"
            shutil.copytree(site.shared, target)
            contenders["rsync daemon"] = lambda: _rsync(pull(plain, target, "--stats"))
            contenders["rsync daemon, TCP_NODELAY"] = lambda: _rsync(pull(nodelay, target, "--stats", is_nodelay=True))
        bench.rounds(contenders)
        bench.probe({MASTER: site.master_port, "slave": site.ports[_SLAVE]}, contenders[JSYNC])


def _by_the_interval(bench: Bench) -> None:
    with ExitStack() as stack:
        relay = stack.enter_context(Relay())
        site = _running(bench, stack, relay, interval_s=_INTERVAL_S)
        pids = [site.pid(_SLAVE), site.pid(MASTER)]
        bench.figures.note("an interval's look is seen from outside only by its CPU")
        bench.rounds({JSYNC: lambda: _looks(bench, relay, pids)})


def _running(bench: Bench, stack: ExitStack, relay: Relay, *, interval_s: float) -> JsyncSite:
    site = bench.site(interval_s=interval_s, port_for_slaves=relay.port)
    relay.master_port = site.master_port
    write_tree(site.shared, bench.sizes.files)
    stack.enter_context(site.running())
    site.wait_until_in_sync(bench.sizes.files)
    return site


def _woken(bench: Bench, site: JsyncSite, relay: Relay) -> Iterator[Sample]:
    for _ in range(bench.sizes.checks):
        time.sleep(_PLAIN_EVERY_S)
        before, sent_s = relay.seen, time.perf_counter()
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.sendto(_WAKE_UP, ("127.0.0.1", site.ports[_SLAVE]))
        after = relay.one_answer(before, timeout_s=bench.sizes.patience_s)
        wire_bytes = after.asked_bytes + after.answered_bytes - before.asked_bytes - before.answered_bytes
        yield Sample("check", "ms", (after.last_s - sent_s) * 1000)
        yield Sample("wire", "kB", wire_bytes / 1000)


def _looks(bench: Bench, relay: Relay, pids: Sequence[int]) -> Iterator[Sample]:
    begin, used_s = relay.seen.questions, cpu_s(pids[:1])
    of_both_s = cpu_s(pids)
    wait_for(
        lambda: relay.seen.questions >= begin + bench.sizes.checks,
        what="checks by the interval",
        timeout_s=bench.sizes.patience_s,
    )
    time.sleep(_INTERVAL_S / 2)  # the last one is over, the next has not begun
    looks = relay.seen.questions - begin
    yield Sample("CPU a look by the interval, slave", "ms", (cpu_s(pids[:1]) - used_s) * 1000 / looks)
    yield Sample("CPU a look by the interval, both sides", "ms", (cpu_s(pids) - of_both_s) * 1000 / looks)


def _rsync(command: list[str]) -> Iterator[Sample]:
    started_s = time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=True)
    yield Sample("check", "ms", (time.perf_counter() - started_s) * 1000)
    yield Sample("wire", "kB", sum(int(found.replace(b",", b"")) for found in _TOTALS.findall(done.stdout)) / 1000)
