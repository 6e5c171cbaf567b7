"""Python's collector of garbage, told what an agent is like.

A full collection walks over everything that is alive and holds up the event loop meanwhile: 50 ms for a tree of 100,000
files, 200 ms in a master of 5,000 slaves. But trees hold no circles, and what holds some lives for a moment, which the
younger generations see to. So full ones are rare here, and pass over the first tree. They are not switched off: an
agent runs for years.
"""

from __future__ import annotations

import gc
from typing import Final

__all__ = ["be_rare", "pass_over"]

_YOUNG: Final = 700
"""New objects between two collections, as Python itself has it; the command line that starts an agent allows more."""

_OLDEST_EVERY: Final = 1000
"""Collections of the middle generation between two full ones; Python's own number is 10."""


def be_rare() -> None:
    """Make full collections rare, and pass over all that was imported, without a look at it.

    To be called once, when an agent starts.
    """
    _, middle, _ = gc.get_threshold()
    gc.set_threshold(_YOUNG, middle, _OLDEST_EVERY)
    gc.freeze()


def pass_over() -> None:
    """Let later collections pass over all that is alive now; of use once, after the first look at a large tree.

    What is garbage already goes first: what is passed over is never collected.
    """
    gc.collect()
    gc.freeze()
