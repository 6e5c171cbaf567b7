"""Names that may stand in a document."""

from __future__ import annotations

from sync_core.model.errors import UnsafeNameError
from sync_core.model.path import RelPath
from sync_core.protocol.names import check_path, wire_name


def can_travel(path: str) -> bool:
    """Whether a name, or every name of a relative path, may stand in a document of the protocol."""
    try:
        check_path(RelPath(path))
        for name in path.split("/"):
            wire_name(name)
    except UnsafeNameError:
        return False
    return True
