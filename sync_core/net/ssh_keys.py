"""Keys of SSH servers: nobody is trusted because nobody said no."""

from __future__ import annotations

import base64
import hashlib
import shlex

import paramiko

from sync_core.model.errors import UnreachableError
from sync_core.net.ssh_config import SshTarget

__all__ = ["RefuseUnknown", "changed_key"]


class RefuseUnknown(paramiko.MissingHostKeyPolicy):
    """Refuses a key that is not known.

    Args:
        target: whose.
    """

    def __init__(self, target: SshTarget) -> None:
        self._target = target

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        """Raise UnreachableError that tells how the key would become known."""
        scan = _scan(self._target)
        raise UnreachableError(
            f"SSH to {self._target.host}: its key is not known ({key.get_name()} {_fingerprint(key)})",
            hint=f"compare that with the host's own, then: {scan}",
        )


def changed_key(target: SshTarget, key: paramiko.PKey) -> UnreachableError:
    """Return the error for a host whose key is not the known one."""
    removals = [f"ssh-keygen -R {shlex.quote(target.known_as)} -f {shlex.quote(str(target.known_hosts[0]))}"]
    return UnreachableError(
        f"SSH to {target.host}: its key has changed (now {key.get_name()} {_fingerprint(key)})",
        hint=f"somebody may be in between; if the change is right: {' && '.join([*removals, _scan(target)])}",
    )


def _scan(target: SshTarget) -> str:
    words = ["ssh-keyscan", *(["-p", str(target.port)] if target.port != 22 else []), target.host]
    return f"{shlex.join(words)} >> {shlex.quote(str(target.known_hosts[0]))}"


def _fingerprint(key: paramiko.PKey) -> str:
    digest = base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode("ascii")
    return f"SHA256:{digest.rstrip('=')}"
