"""rsync as a daemon that hands out one folder."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.processes import running, wait_for
from tests.support.ports import free_port

__all__ = ["NODELAY", "pull", "rsync_daemon"]

NODELAY = "socket options = TCP_NODELAY"

_CONFIG = """\
port = {port}
address = 127.0.0.1
use chroot = no
reverse lookup = no
{more}
[tree]
path = {root}
read only = yes
{ids}
"""
_START_S = 10.0


@contextmanager
def rsync_daemon(root: Path, folder: Path, more: str = "") -> Iterator[str]:
    """Run a daemon for ``root`` and give its address; ``folder`` takes its configuration.

    Args:
        root: what it hands out.
        folder: where its configuration may lie.
        more: global settings.
    """
    port = free_port()
    ids = f"uid = {os.geteuid()}\ngid = {os.getegid()}" if os.geteuid() == 0 else ""
    config = folder / "rsyncd.conf"
    config.write_text(_CONFIG.format(port=port, more=more, root=root, ids=ids), encoding="utf-8")
    with running(["rsync", "--daemon", "--no-detach", f"--config={config}"], stdin=subprocess.DEVNULL):
        wait_for(lambda: _listens(port), what="the rsync daemon", timeout_s=_START_S)
        yield f"rsync://127.0.0.1:{port}/tree/"


def pull(address: str, target: Path, *options: str, is_nodelay: bool = False) -> list[str]:
    """Return the command that makes ``target`` equal to what the daemon has."""
    nodelay = ["--sockopts=TCP_NODELAY"] if is_nodelay else []
    return ["rsync", "-a", "--delete", *nodelay, *options, address, f"{target}/"]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
