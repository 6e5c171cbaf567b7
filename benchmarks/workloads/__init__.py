"""W1 to W9: what is measured, each a function that takes a bench."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

from benchmarks.bench import Bench
from benchmarks.workloads.check import unchanged_check
from benchmarks.workloads.command_line import command_line
from benchmarks.workloads.compare import compare
from benchmarks.workloads.crowd import crowd
from benchmarks.workloads.first_sync import first_sync, first_sync_of_large_files
from benchmarks.workloads.one_change import growth, many_slaves, one_change

__all__ = ["WORKLOADS", "Workload"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One of W1 to W9."""

    title: str
    measure: Callable[[Bench], None]


WORKLOADS = MappingProxyType(
    {
        "W1": Workload(title="first sync of many files", measure=first_sync),
        "W2": Workload(title="a check with nothing new", measure=unchanged_check),
        "W3": Workload(title="one file replaced by a rename", measure=one_change),
        "W4": Workload(title="compare two trees", measure=compare),
        "W5": Workload(title="first sync of large files", measure=first_sync_of_large_files),
        "W6": Workload(title="one file to many slaves", measure=many_slaves),
        "W7": Workload(title="thousands of slaves on one port", measure=crowd),
        "W8": Workload(title="one file replaced, as the tree grows", measure=growth),
        "W9": Workload(title="the command line", measure=command_line),
    }
)
