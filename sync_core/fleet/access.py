"""How machines are worked on: here, or by SSH."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sync_core.model.inventory import Connection, Host, SshSettings
from sync_core.net.runner import LocalRunner, Runner

__all__ = ["HERE", "Access", "RunnerOf", "access_of", "runners"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How a machine is worked on; hosts with the same access share what is opened.

    Attributes:
        address: for SSH; ``None``: this machine.
        ssh: likewise.
        become: as root.
    """

    address: str | None
    ssh: SshSettings | None
    become: bool


HERE = Access(address=None, ssh=None, become=False)

RunnerOf = Callable[[Access], Runner]
"""Makes the runner of a machine; raises HostError where its SSH settings make no sense."""


def access_of(host: Host, *, is_here: bool) -> Access | None:
    """Return how the host's machine is worked on; ``None`` where only its ports are reached."""
    if is_here:
        return Access(address=None, ssh=None, become=host.become)
    if host.connection is Connection.NONE:
        return None
    return Access(address=host.address, ssh=host.ssh, become=host.become)


def runners(*, password: str | None, connect_s: float) -> RunnerOf:
    """Return what makes runners; those by SSH share their limits.

    Args:
        password: for SSH, where keys and agent are not enough.
        connect_s: for an SSH connection to stand.
    """
    make_ssh_runner: RunnerOf | None = None

    def runner_of(access: Access) -> Runner:
        nonlocal make_ssh_runner
        if access.address is None or access.ssh is None:
            return LocalRunner(become=access.become)
        make_ssh_runner = make_ssh_runner or _ssh_runners(password, connect_s)
        return make_ssh_runner(access)

    return runner_of


def _ssh_runners(password: str | None, connect_s: float) -> RunnerOf:
    # Imported where it is needed: a site on one machine never pays for SSH.
    from sync_core.net.ssh import SshLimits, SshRunner  # noqa: PLC0415
    from sync_core.net.ssh_config import find_target  # noqa: PLC0415

    limits = SshLimits(connect_s=connect_s)

    def make(access: Access) -> Runner:
        target = find_target(access.address or "", access.ssh or SshSettings())
        return SshRunner(target, password=password, become=access.become, limits=limits)

    return make
