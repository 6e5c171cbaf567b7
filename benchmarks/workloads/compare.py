"""W4: compare two trees, a program's start included."""

from __future__ import annotations

import json
from collections.abc import Iterator

from benchmarks.bench import Bench, Contender
from benchmarks.figures import JSYNC, NotDoneError, Sample
from benchmarks.peers.rsync import rsync_daemon
from benchmarks.processes import ended_after_s
from benchmarks.site import MASTER, JsyncSite
from benchmarks.trees import content_of, path_of, replace, write_tree

__all__ = ["compare"]

_SLAVE = "slave-0"


def compare(bench: Bench) -> None:
    """Measure W4: with agents that run, first equal trees, then some files that differ in the cache."""
    site, sizes = bench.site(), bench.sizes
    write_tree(site.shared, sizes.files)
    with site.running():
        site.wait_until_in_sync(sizes.files)
        _compare(bench, site, "equal", 0)
        for number in range(sizes.differences):
            which = number * sizes.files // sizes.differences
            replace(site.cache(_SLAVE) / path_of(which), content_of(which, -1), site.outside)
        _compare(bench, site, "different", sizes.differences)


def _compare(bench: Bench, site: JsyncSite, measure: str, differences: int) -> None:
    remote, cache, patience_s = f"{site.shared}/", f"{site.cache(_SLAVE)}/", bench.sizes.patience_s
    contenders: dict[str, Contender] = {JSYNC: lambda: _jsync(site, measure, differences)}
    if bench.has("diff"):
        diff = ["diff", "-rq", remote, cache]
        contenders["diff -rq"] = lambda: _command(diff, measure, patience_s, (int(differences > 0),))
    if not bench.has("rsync"):
        _measure(bench, site, contenders, measure)
        return
    with rsync_daemon(site.shared, bench.new_folder("rsync")) as address:
        local, remote_check = ["rsync", "-rnc", remote, cache], ["rsync", "-rnc", address, cache]
        contenders["rsync -rnc"] = lambda: _command(local, measure, patience_s, (0,))
        contenders["rsync -rnc, daemon"] = lambda: _command(remote_check, measure, patience_s, (0,))
        _measure(bench, site, contenders, measure)


def _measure(bench: Bench, site: JsyncSite, contenders: dict[str, Contender], measure: str) -> None:
    bench.rounds(contenders)
    ports = {MASTER: site.master_port, "slave": site.ports[_SLAVE]}
    bench.probe(ports, contenders[JSYNC], suffix=f", {measure}")


def _jsync(site: JsyncSite, measure: str, differences: int) -> Iterator[Sample]:
    took_s, output = site.run("diff", _SLAVE, "-o", "json", codes=(int(differences > 0),))
    (slave,) = json.loads(output)["slaves"]
    if (slave["counts"]["changed"], slave["slave_source"]) != (differences, "agent"):
        raise NotDoneError(f"diff says {slave['counts']} by {slave['slave_source']}, {differences} differ")
    yield Sample(measure, "ms", took_s * 1000)


def _command(command: list[str], measure: str, patience_s: float, codes: tuple[int, ...]) -> Iterator[Sample]:
    yield Sample(measure, "ms", ended_after_s(command, timeout_s=patience_s, codes=codes) * 1000)
