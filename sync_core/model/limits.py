"""Bounds that several rooms share."""

from __future__ import annotations

from typing import Final

__all__ = ["MAX_FILE_BYTES", "MAX_SHOWN_BYTES"]

MAX_FILE_BYTES: Final = 256 * 1024 * 1024
"""A file beyond this is not configuration. The classic dialect carries contents whole, as base64 in one document, and
both ends hold that document in memory."""

MAX_SHOWN_BYTES: Final = 1024 * 1024
"""Contents beyond this are not compared line by line: that takes time that grows with the square of the size, and no
configuration file is that long."""
