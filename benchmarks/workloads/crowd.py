"""W7: thousands of slaves that all have the same port, each an address of its own; simulated, in one process."""

from __future__ import annotations

import hashlib
import json
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench
from benchmarks.crowd.addresses import address_of
from benchmarks.figures import JSYNC, NotDoneError, Sample
from benchmarks.probe import probed
from benchmarks.processes import cpu_s, resident_mib
from benchmarks.site import MASTER, JsyncSite
from benchmarks.trees import content_of, replace
from tests.support.ports import free_port

__all__ = ["crowd"]

_FILES = 50
_INTERVAL_S = 60.0
_LOOK_EVERY_S = 0.2
_CHANGED = "job-00.job.xml"
_PROJECT = Path(__file__).resolve().parents[2]


def crowd(bench: Bench) -> None:
    """Measure W7, once in each way: a start of thousands of slaves is no work to repeat."""
    speaker = bench.options.speaker
    bench.figures.note(f"the simulated slaves speak: {speaker}; they share the machine with the master")
    for suffix, has_own in ((", _all only", False), (", an own folder each", True)):
        try:
            _measure(bench, suffix, has_own=has_own)
        except NotDoneError as error:
            bench.figures.note(f"{JSYNC}{suffix}: {error}")


def _measure(bench: Bench, suffix: str, *, has_own: bool) -> None:
    count, figures, port = bench.sizes.crowd, bench.figures, free_port()
    site = _site(bench, port, has_own=has_own)
    with site.running(MASTER):
        pid = site.pid(MASTER)
        before_mib = resident_mib(pid)
        words = [str(site.master_port), str(count), str(port), bench.options.speaker]
        with _Crowd.running(words, count, bench.sizes.patience_s) as slaves:
            figures.add(JSYNC, Sample(f"all registered and in sync{suffix}", "ms", slaves.ready["seconds"] * 1000))
            with probed({MASTER: site.master_port}) as delays:
                told_s, in_sync_s = slaves.change(site, version=1)
            figures.add(JSYNC, Sample(f"all told, with a probe{suffix}", "ms", told_s * 1000))
            figures.add(JSYNC, Sample(f"all in sync, with a probe{suffix}", "ms", in_sync_s * 1000))
            figures.add(JSYNC, Sample(f"loop delay, master{suffix}", "ms", delays[MASTER]))
            for number in range(bench.options.runs):
                told_s, in_sync_s = slaves.change(site, version=2 + number)
                figures.add(JSYNC, Sample(f"all told{suffix}", "ms", told_s * 1000))
                figures.add(JSYNC, Sample(f"all in sync{suffix}", "ms", in_sync_s * 1000))
            memory_kb = (resident_mib(pid) - before_mib) * 1024 * 1.024 / count
            figures.add(JSYNC, Sample(f"memory a slave, master{suffix}", "kB", memory_kb))
            figures.add(JSYNC, Sample(f"idle CPU, master{suffix}", "%", _idle_percent(pid, bench.sizes.idle_s)))


def _idle_percent(pid: int, idle_s: float) -> float:
    time.sleep(min(idle_s, 5.0))  # what the last change left behind
    before_s, started_s = cpu_s([pid]), time.perf_counter()
    time.sleep(idle_s)
    return (cpu_s([pid]) - before_s) / (time.perf_counter() - started_s) * 100


def _site(bench: Bench, port: int, *, has_own: bool) -> JsyncSite:
    site = bench.site(slaves=0)
    for number in range(_FILES):
        (site.shared / f"job-{number:02}.job.xml").write_bytes(content_of(number))
    of_all = {"connection": "none", "tcp_port": port, "udp_port": port}
    slaves: dict[str, dict[str, Any]] = {}
    for number in range(bench.sizes.crowd):
        slaves[f"crowd-{number}"] = {"address": address_of(number), "scheduler_id": f"crowd-{number}", **of_all}
        if has_own:
            own = site.remote / f"{address_of(number)}#{port}"
            own.mkdir()
            (own / "own.job.xml").write_bytes(content_of(number, -1))
    site.write_inventories(slaves, interval_s=_INTERVAL_S)
    return site


class _Crowd:
    """The process with the slaves."""

    def __init__(self, process: subprocess.Popen[str], count: int, patience_s: float) -> None:
        self._process = process
        self._count = count
        self._patience_s = patience_s
        self.ready = self._next()

    @classmethod
    @contextmanager
    def running(cls, words: list[str], count: int, patience_s: float) -> Iterator[_Crowd]:
        """Let all slaves begin; they have what there is when the context is entered."""
        command = [sys.executable, "-m", "benchmarks.crowd", *words]
        with subprocess.Popen(
            command, cwd=_PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                yield cls(process, count, patience_s)
            finally:
                process.kill()

    def change(self, site: JsyncSite, *, version: int) -> tuple[float, float]:
        """Change one file in ``_all``; return the seconds until the last slave was told, and until it has it.

        Raises:
            NotDoneError: one was not, or something went wrong.
        """
        content = content_of(0, version)
        self._ask(f"{_CHANGED} {hashlib.md5(content).hexdigest()}")
        started_s = time.perf_counter()
        replace(site.shared / _CHANGED, content, site.outside)
        while True:
            time.sleep(_LOOK_EVERY_S)
            story = self._ask("")
            if story["errors"]:
                raise NotDoneError(f"slaves failed: {story['errors']}")
            if story["have_it"] == self._count:
                return story["last_told_s"] - started_s, story["last_has_it_s"] - started_s
            if time.perf_counter() > started_s + self._patience_s:
                have_it = f"{story['told']} were told and {story['have_it']} of {self._count} have it"
                raise NotDoneError(f"{have_it} after {self._patience_s:.0f} s")

    def _ask(self, line: str) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._next()

    def _next(self) -> Any:
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], self._patience_s)[0]:
            raise NotDoneError(f"the crowd said nothing for {self._patience_s:.0f} s")
        line = self._process.stdout.readline()
        if not line:
            raise NotDoneError("the crowd has gone")
        return json.loads(line)
