"""Which inventory is meant when nobody says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import platformdirs

from sync_core.model.errors import UsageError

__all__ = ["find"]

_VARIABLE = "JSYNC_INVENTORY"
_NAME = "jsync.yaml"


def find(explicit: Sequence[Path], *, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the inventories to use: those that are named, else the first that exists (``cli.md`` section 1).

    What somebody named is returned whether it exists or not; ``load`` says what is wrong with it.

    Args:
        explicit: what each ``-i`` said; empty if none was given.
        environ: the environment, for ``JSYNC_INVENTORY``.

    Raises:
        UsageError: nobody named a file, and there is none at the usual places; the error lists them.
    """
    if explicit:
        return tuple(explicit)
    if environ.get(_VARIABLE):
        return (Path(environ[_VARIABLE]),)
    places = (Path(_NAME), platformdirs.user_config_path("jsync") / _NAME, Path("/etc/jsync") / _NAME)
    for place in places:
        if _is_there(place):
            return (place,)
    looked_at = ", ".join(["-i", f"${_VARIABLE}", *(f"./{_NAME}" if p == places[0] else str(p) for p in places)])
    raise UsageError(f"no inventory: looked at {looked_at}", hint="`jsync init` writes a working example")


def _is_there(path: Path) -> bool:
    """Return whether there is something at ``path``; a folder that we may not enter counts as empty."""
    with suppress(OSError):
        return path.exists()
    return False
