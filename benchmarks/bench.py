"""How a workload is measured: contenders in turns, so that whatever the machine does meanwhile hits them all."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

from benchmarks.figures import JSYNC, Figures, NotDoneError, Sample
from benchmarks.options import Options
from benchmarks.probe import probed
from benchmarks.processes import is_installed
from benchmarks.site import JsyncSite

__all__ = ["Bench", "Contender"]

Contender: TypeAlias = Callable[[], Iterable[Sample]]
"""Does the work once and returns what was measured."""


class Bench:
    """One workload's run.

    Args:
        options: what was asked for.
        folder: an empty folder for everything.
    """

    def __init__(self, options: Options, folder: Path) -> None:
        self.options = options
        self.sizes = options.sizes
        self.folder = folder
        self.figures = Figures()
        self._numbers = itertools.count()

    def new_folder(self, name: str) -> Path:
        """Return a folder that nobody had before."""
        folder = self.folder / f"{next(self._numbers)}-{name}"
        folder.mkdir(parents=True)
        return folder

    def site(self, *, slaves: int = 1, interval_s: float = 3600, port_for_slaves: int | None = None) -> JsyncSite:
        """Return a new site of the program under test."""
        return JsyncSite(
            self.new_folder("jsync"),
            self.options.jsync,
            slaves=slaves,
            interval_s=interval_s,
            master_port_for_slaves=port_for_slaves,
            patience_s=self.sizes.patience_s,
        )

    def has(self, tool: str) -> bool:
        """Whether a peer is installed; it is said where it is not."""
        if not is_installed(tool):
            self.figures.note(f"{tool} is not installed: not measured")
            return False
        return True

    def rounds(self, contenders: Mapping[str, Contender]) -> None:
        """Measure all contenders in turns; one that does not get there is told of and left out from there on."""
        left = dict(contenders)
        for number in range(self.options.warm_ups + self.options.runs):
            for name, contender in list(left.items()):
                try:
                    samples = list(contender())
                except NotDoneError as error:
                    self.figures.note(f"{name}: {error}")
                    del left[name]
                    continue
                if number >= self.options.warm_ups:
                    for sample in samples:
                        self.figures.add(name, sample)

    def probe(self, ports: Mapping[str, int], contender: Contender, *, suffix: str = "") -> None:
        """Do the work once more and see how long the agents' event loops are held up."""
        delays: Mapping[str, float] = {}
        try:
            with probed(ports) as delays:
                list(contender())
        except NotDoneError as error:
            self.figures.note(f"{JSYNC}, run with a probe: {error}")
        for name, delay_ms in delays.items():
            self.figures.add(JSYNC, Sample(f"loop delay, {name}{suffix}", "ms", delay_ms))
