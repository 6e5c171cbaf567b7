"""What numbers come to, and what is said where there are none."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.figures import JSYNC, Figures, NotDoneError, Sample
from benchmarks.options import QUICK, Options
from benchmarks.report import markdown, write_json


def a_bench(folder: Path, *, runs: int, warm_ups: int) -> Bench:
    jsync = folder / "jsync"
    return Bench(Options(jsync=jsync, runs=runs, warm_ups=warm_ups, sizes=QUICK, speaker="classic"), folder)


def of(figures: Figures, who: str) -> list[float]:
    return [value for series in figures.series() if series.contender == who for value in series.values]


def test_contenders_take_turns_and_warm_ups_do_not_count(tmp_path: Path) -> None:
    bench, order = a_bench(tmp_path, runs=2, warm_ups=1), []

    def contender(name: str) -> list[Sample]:
        order.append(name)
        return [Sample("x", "ms", len(order))]

    bench.rounds({JSYNC: lambda: contender("ours"), "peer": lambda: contender("theirs")})
    assert order == ["ours", "theirs"] * 3
    assert (of(bench.figures, JSYNC), of(bench.figures, "peer")) == ([3, 5], [4, 6])


def test_one_that_does_not_get_there_is_told_of_and_the_others_go_on(tmp_path: Path) -> None:
    bench = a_bench(tmp_path, runs=3, warm_ups=0)
    tries = []

    def never() -> list[Sample]:
        tries.append(1)
        raise NotDoneError("nothing came")

    bench.rounds({JSYNC: never, "peer": lambda: [Sample("x", "ms", 1.0)]})
    assert len(tries) == 1
    assert bench.figures.notes == ["jsync: nothing came"]
    assert of(bench.figures, "peer") == [1.0, 1.0, 1.0]


def test_a_tool_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    bench = a_bench(tmp_path, runs=1, warm_ups=0)
    assert bench.has("sh")
    assert not bench.has("no-such-tool")
    assert bench.figures.notes == ["no-such-tool is not installed: not measured"]


def test_a_ratio_is_that_of_the_medians_of_one_measure() -> None:
    figures = Figures()
    for value in (1.0, 30.0, 3.0):
        figures.add(JSYNC, Sample("x", "ms", value))
    for value in (2.0, 2.0, 99.0):
        figures.add("peer", Sample("x", "ms", value))
    figures.add("peer", Sample("y", "ms", 1.0))
    assert figures.ratios() == {("x", "peer"): 1.5}
    assert "| peer      | 2 ms | 2 ms   | 99 ms |     | 3 | 1.5          |" in markdown("W0", "title", figures)


def test_the_json_holds_every_single_number(tmp_path: Path) -> None:
    figures = Figures()
    for value in range(1, 21):
        figures.add(JSYNC, Sample("x", "ms", float(value)))
    figures.note("a note")
    write_json(tmp_path / "deep" / "found.json", {"cores": "2"}, {"W0": figures})
    document = json.loads((tmp_path / "deep" / "found.json").read_text(encoding="utf-8"))
    assert document["machine"] == {"cores": "2"}
    (series,) = document["workloads"]["W0"]["series"]
    assert series["values"] == [float(value) for value in range(1, 21)]
    assert (series["min"], series["median"], series["max"]) == (1.0, 10.5, 20.0)
    assert 19.0 <= series["p95"] <= 20.0
    assert document["workloads"]["W0"]["notes"] == ["a note"]
