"""Which inventory file is meant when nobody says it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import platformdirs

from sync_core.model.errors import UsageError

__all__ = ["find"]

_VARIABLE = "JSYNC_INVENTORY"
_NAME = "jsync.yaml"


def find(explicit: Path | None, *, environ: Mapping[str, str]) -> Path:
    """Return the inventory file to use: the first that is named or exists (``cli.md`` section 1).

    A file that somebody named is returned whether it exists or not; ``load`` says what is wrong with it.

    Args:
        explicit: what ``-i`` said, if it was given.
        environ: the environment, for ``JSYNC_INVENTORY``.

    Raises:
        UsageError: nobody named a file, and there is none at the usual places; the error lists them.
    """
    if explicit is not None:
        return explicit
    if environ.get(_VARIABLE):
        return Path(environ[_VARIABLE])
    places = (Path(_NAME), platformdirs.user_config_path("jsync") / _NAME, Path("/etc/jsync") / _NAME)
    for place in places:
        if _is_there(place):
            return place
    looked_at = ", ".join(["-i", f"${_VARIABLE}", *(f"./{_NAME}" if p == places[0] else str(p) for p in places)])
    raise UsageError(f"no inventory: looked at {looked_at}", hint="`jsync init` writes a working example")


def _is_there(path: Path) -> bool:
    """Return whether there is something at ``path``; a folder that we may not enter counts as empty."""
    with suppress(OSError):
        return path.exists()
    return False
