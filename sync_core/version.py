"""jsync's version, for people and for the wire."""

from __future__ import annotations

from sync_core import __version__

__all__ = ["WIRE_VERSION", "__version__"]

WIRE_VERSION = f"1.3.12 (jsync {__version__})"
"""What peers are told: opaque to them, but tools read the leading digits as JobScheduler's."""
