"""The program that takes keys and certificates on a machine, sent as text: it needs the standard library alone.

It reads one JSON line with all files, and answers with one: what it wrote, or a failure. Each file is new or old, never
something between, and nobody else may read a key at any moment.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import sys
from pathlib import Path

__all__ = ["main", "put"]


def put(path: Path, data: bytes, mode: int) -> bool:
    """Make a file hold ``data``; return whether it had to be written."""
    try:
        if path.read_bytes() == data and path.stat().st_mode & 0o777 == mode:
            return False
    except FileNotFoundError:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return True


def main() -> None:
    """Serve one order on standard input."""
    order = json.loads(sys.stdin.buffer.readline())
    try:
        written = [
            one["path"]
            for one in order["files"]
            if put(Path(one["path"]), base64.b64decode(one["data"]), 0o600 if one["is_key"] else 0o644)
        ]
        sys.stdout.write(json.dumps({"written": written}) + "\n")
    except OSError as error:
        sys.stdout.write(json.dumps({"failure": f"{error.filename}: {error.strerror}"}) + "\n")
