"""W3, W6 and W8: one file is replaced by a rename; measured until the last copy has it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.arrivals import Arrivals
from benchmarks.bench import Bench, Contender
from benchmarks.figures import JSYNC, Sample
from benchmarks.peers.bare import bare_pusher
from benchmarks.peers.lsyncd import lsyncd
from benchmarks.processes import cpu_s, peak_mib, wait_for
from benchmarks.site import MASTER, JsyncSite
from benchmarks.trees import content_of, copy_tree, count_files, path_of, replace, write_tree

__all__ = ["growth", "many_slaves", "one_change"]

_VERSIONS = itertools.count(1)
_STEP = 37
_KB_OF_A_MIB = 1048.576
_PAUSE_S = 0.1
"""Between two changes, so that each is a change for itself."""


def one_change(bench: Bench) -> None:
    """Measure W3."""
    _measure(bench, files=bench.sizes.files, slaves=1)


def many_slaves(bench: Bench) -> None:
    """Measure W6."""
    _measure(bench, files=bench.sizes.files_of_many, slaves=bench.sizes.slaves)


def growth(bench: Bench) -> None:
    """Measure W8: W3 for trees of several sizes, without peers; and what memory a file adds."""
    peaks_mib = {
        files: _measure(bench, files=files, slaves=1, suffix=f", {files:,} files", with_peers=False)
        for files in bench.sizes.growth
    }
    least, most = min(peaks_mib), max(peaks_mib)
    for name, small_mib, large_mib in zip(("master", "slave"), peaks_mib[least], peaks_mib[most], strict=True):
        added_kb = (large_mib - small_mib) * _KB_OF_A_MIB / (most - least)
        bench.figures.add(JSYNC, Sample(f"peak memory that a file adds, {name}", "kB", added_kb))


def _measure(
    bench: Bench, *, files: int, slaves: int, suffix: str = "", with_peers: bool = True
) -> tuple[float, float]:
    """Measure and return the peak memory of the master, and of the slave that has most, in MiB."""
    site = bench.site(slaves=slaves)
    write_tree(site.shared, files)
    with ExitStack() as stack:
        contenders: dict[str, Contender] = {}
        stack.enter_context(site.running())
        site.wait_until_in_sync(files)
        pids = [site.pid(host) for host in (MASTER, *site.ports)]
        caches = [site.cache(slave) for slave in site.ports]
        changes = _Changes(
            bench, root=site.shared, outside=site.outside, copies=caches, pids=pids, files=files, suffix=suffix
        )
        contenders[JSYNC] = changes
        if with_peers:
            contenders |= _peers(bench, stack, site, files=files, copies=slaves)
        bench.rounds(contenders)
        probed = {MASTER: site.master_port, "slave": next(iter(site.ports.values()))}
        bench.probe(probed, changes, suffix=suffix)
        return _add_memory(bench, pids, suffix)


def _add_memory(bench: Bench, pids: Sequence[int], suffix: str) -> tuple[float, float]:
    master_mib, *slaves_mib = (peak_mib(pid) for pid in pids)
    peaks_mib = master_mib, max(slaves_mib)
    for name, mib in zip(("master", "slave"), peaks_mib, strict=True):
        bench.figures.add(JSYNC, Sample(f"peak memory, {name}{suffix}", "MiB", mib))
    return peaks_mib


def _peers(bench: Bench, stack: ExitStack, site: JsyncSite, *, files: int, copies: int) -> dict[str, Contender]:
    """Start the peers, each with a tree of its own: nobody sees the changes of another."""
    found: dict[str, Contender] = {}
    if bench.has("lsyncd") and bench.has("rsync"):
        folder = bench.new_folder("lsyncd")
        copy_tree(site.shared, folder / "remote")
        targets = [folder / "copies" / str(number) for number in range(copies)]
        pid = stack.enter_context(lsyncd(folder / "remote", targets, folder))
        for target in targets:
            wait_for(
                lambda target=target: count_files(target) == files,  # type: ignore[misc]
                what="lsyncd's first sync",
                timeout_s=bench.sizes.patience_s,
            )
        found["lsyncd, tuned"] = _Changes(
            bench, root=folder / "remote", outside=site.outside, copies=targets, pids=[pid], files=files
        )
    folder = bench.new_folder("bare")
    copy_tree(site.shared, folder / "remote")
    pids, targets = stack.enter_context(bare_pusher(folder / "remote", folder / "copies", copies))
    for target in targets:
        copy_tree(site.shared, target)
    found["bare Python"] = _Changes(
        bench, root=folder / "remote", outside=site.outside, copies=targets, pids=pids, files=files
    )
    return found


class _Changes:
    """Changes one file after the other and waits for each: a contender."""

    def __init__(
        self,
        bench: Bench,
        *,
        root: Path,
        outside: Path,
        copies: Sequence[Path],
        pids: Sequence[int],
        files: int,
        suffix: str = "",
    ) -> None:
        self._sizes = bench.sizes
        self._root = root
        self._outside = outside
        self._copies = copies
        self._pids = pids
        self._files = files
        self._suffix = suffix

    def __call__(self) -> Iterator[Sample]:
        before_s = cpu_s(self._pids)
        for _ in range(self._sizes.changes):
            yield Sample(f"in the copy{self._suffix}", "ms", self._change() * 1000)
            time.sleep(_PAUSE_S)
        used_s = cpu_s(self._pids) - before_s
        yield Sample(f"CPU a change, both sides{self._suffix}", "ms", used_s * 1000 / self._sizes.changes)

    def _change(self) -> float:
        # All over the tree, and another file each time: rsync takes one of the same size and second for unchanged.
        version = next(_VERSIONS)
        which = version * _STEP % self._files
        content = content_of(which, version)
        with Arrivals([copy / path_of(which) for copy in self._copies]) as arrivals:
            started_s = time.perf_counter()
            replace(self._root / path_of(which), content, self._outside)
            return arrivals.wait(content, timeout_s=self._sizes.patience_s) - started_s
