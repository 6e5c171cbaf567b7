"""W1 and W5: a slave that has nothing begins; measured until its copy is complete and durable."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.figures import JSYNC, Sample
from benchmarks.peers.rsync import NODELAY, pull, rsync_daemon
from benchmarks.processes import ended_after_s, peak_mib, running
from benchmarks.site import MASTER, JsyncSite
from benchmarks.trees import count_files, write_large, write_tree

__all__ = ["first_sync", "first_sync_of_large_files"]

_SLAVE = "slave-0"


def first_sync(bench: Bench) -> None:
    """Measure W1."""
    sizes = bench.sizes
    _first_sync(bench, lambda root: write_tree(root, sizes.files), files=sizes.files, with_fsync=True)


def first_sync_of_large_files(bench: Bench) -> None:
    """Measure W5."""
    sizes = bench.sizes
    _first_sync(
        bench,
        lambda root: write_large(root, sizes.large_files, sizes.large_bytes),
        files=sizes.large_files,
        with_fsync=False,
    )


def _first_sync(bench: Bench, write: Callable[[Path], None], *, files: int, with_fsync: bool) -> None:
    site = bench.site()
    write(site.shared)
    contenders = {JSYNC: lambda: _jsync(site, files)}
    with ExitStack() as stack:
        if bench.has("rsync"):
            plain = stack.enter_context(rsync_daemon(site.shared, bench.new_folder("rsync")))
            nodelay = stack.enter_context(rsync_daemon(site.shared, bench.new_folder("nodelay"), NODELAY))
            target, patience_s = bench.new_folder("targets") / "copy", bench.sizes.patience_s
            contenders["rsync daemon"] = lambda: _rsync(pull(plain, target), target, files, patience_s)
            contenders["rsync daemon, TCP_NODELAY"] = lambda: _rsync(
                pull(nodelay, target, is_nodelay=True), target, files, patience_s
            )
            if with_fsync:
                contenders["rsync --fsync"] = lambda: _rsync(pull(plain, target, "--fsync"), target, files, patience_s)
        stack.enter_context(site.running(MASTER))
        bench.rounds(contenders)
        bench.probe({MASTER: site.master_port}, lambda: _jsync(site, files))
        bench.figures.add(JSYNC, Sample("peak memory, master", "MiB", peak_mib(site.pid(MASTER))))


def _jsync(site: JsyncSite, files: int) -> Iterator[Sample]:
    """Let an agent without a copy and without any state begin."""
    _forget(site.cache(_SLAVE), site.folder / "state" / _SLAVE)
    started_s = time.perf_counter()
    command = site.command("agent", _SLAVE, of="slaves")
    with running(command, env=site.environment, cwd=site.folder) as agent:
        site.wait_until_in_sync(files)
        yield Sample("complete", "ms", (time.perf_counter() - started_s) * 1000)
        yield Sample("peak memory, slave", "MiB", peak_mib(agent.pid))


def _rsync(command: list[str], target: Path, files: int, patience_s: float) -> Iterator[Sample]:
    _forget(target)
    yield Sample("complete", "ms", ended_after_s(command, timeout_s=patience_s) * 1000)
    assert count_files(target) == files, command


def _forget(*folders: Path) -> None:
    """Remove folders, and write out what others left in memory: nobody pays for those before him."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    os.sync()
