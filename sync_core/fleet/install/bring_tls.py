"""Brings hosts elsewhere what they speak TLS with, as far as it is here, to where the inventory names it."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Sequence
from importlib import resources
from typing import Any

from sync_core.fleet.elsewhere import Machine
from sync_core.fleet.install.target import FIND_PYTHONS, choose_target
from sync_core.model.errors import HostError
from sync_core.model.inventory import Host
from sync_core.net.runner import Runner, first_line, run
from sync_core.net.threads import in_thread
from sync_core.net.tls_files import read_tls

__all__ = ["bring_tls"]

_TIMEOUT_S = 60.0

_log = logging.getLogger(__name__)


async def bring_tls(machine: Machine, runner: Runner) -> None:
    """Make sure that the hosts of a machine have the keys, certificates and authorities that are here for them.

    Hosts of which this machine has no key are passed over: somebody else sees to them.

    Args:
        machine: where.
        runner: of it.

    Raises:
        CertificateError: what is here can't be used.
        UnreachableError: the machine can't be reached, or not in time.
        HostError: it can't be written there.
    """
    files = await in_thread(lambda: [one for host in machine.hosts for one in _files_of(host)], name="certificates")
    if not files:
        return
    target = choose_target((await run(runner, FIND_PYTHONS, timeout_s=_TIMEOUT_S)).stdout)
    text = resources.files(__package__).joinpath("far_tls.py").read_bytes() + b"\nmain()\n"
    first = f"import sys;exec(compile(sys.stdin.buffer.read({len(text)}),'jsync','exec'))"
    order = json.dumps({"files": files}).encode("ascii") + b"\n"  # on standard input: arguments are seen by all
    done = await run(runner, (target.python, "-I", "-B", "-c", first), stdin=text + order, timeout_s=_TIMEOUT_S)
    for path in _written(done.stdout, first_line(done.stderr)):
        _log.info("%s was brought to %s", path, ", ".join(machine.names))


def _files_of(host: Host) -> list[dict[str, Any]]:
    """Return the files of a host, the key before its certificate; raises CertificateError."""
    if host.tls is None or not host.tls.key.exists():
        return []
    read_tls(host.tls, host.name)
    paths = (host.tls.ca, host.tls.key, host.tls.cert)
    return [
        {"path": str(path), "data": base64.b64encode(path.read_bytes()).decode(), "is_key": path == host.tls.key}
        for path in paths
    ]


def _written(output: bytes, complaint: str) -> Sequence[str]:
    try:
        said = json.loads(output)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or not isinstance(said.get("written"), list):
        reason = said.get("failure") if isinstance(said, dict) else None
        raise HostError(
            f"certificates can't be brought: {reason or complaint or 'the program there says nothing'}",
            hint="set `become: true`, or name places in `tls` that the user there may write to",
        )
    return [str(path) for path in said["written"]]
