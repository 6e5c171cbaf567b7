"""Who may act for whom at an agent that has TLS: a name that a certificate proves, or nobody's.

What speaks in plain is believed by its address, as ever, but never for a host that has TLS too: else somebody between
the two would only have to speak in plain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sync_core.model.errors import UntrustedError
from sync_core.model.inventory import Host
from sync_core.net.connection import Connection

__all__ = ["Trust"]


class Trust:
    """What one agent believes.

    Args:
        host: whose agent.
        slaves: of a master: those of the inventory.
    """

    def __init__(self, host: Host, slaves: Iterable[Host] = ()) -> None:
        self.take(host, slaves)

    def take(self, host: Host, slaves: Iterable[Host] = ()) -> None:
        """Believe from now on what another inventory says; as for a new one."""
        self._host = host
        self._slaves: Mapping[str, Host] = {slave.name: slave for slave in slaves}
        has_tls = [slave for slave in self._slaves.values() if slave.tls is not None]
        self._kept_folders = {
            name for slave in has_tls for name in (slave.folder, slave.scheduler_id, slave.name) if name
        }

    @property
    def has_tls(self) -> bool:
        """Whether names can be proven here at all."""
        return self._host.tls is not None

    def slave_of(self, connection: Connection) -> str:
        """Return the slave that a connection is proven to be of; empty where it speaks in plain.

        Raises:
            UntrustedError: it is proven to be of somebody else.
        """
        if connection.names is None:
            return ""
        for name in sorted(connection.names):
            if name in self._slaves:
                return name
        raise UntrustedError(
            f"{_listed(connection.names)} is no slave of {self._host.name}: its certificate is another's"
        )

    def check_plain(self, slave: Host | None, folder: str | None) -> None:
        """Raise where one who speaks in plain acts for a host that has TLS, or for one that nobody let in by name.

        Args:
            slave: the inventory's slave that has its address; ``None`` for a stranger.
            folder: what it would be given as its own.

        Raises:
            UntrustedError: it does.
        """
        if not self.has_tls:
            return
        if slave is not None and slave.tls is not None:
            raise UntrustedError(f"{slave.name} has TLS, and is not served in plain")
        if slave is None and self._host.allowed_hosts is None:
            raise UntrustedError("who is not in the inventory is served in plain only where `allowed_hosts` names it")
        if slave is None and folder in self._kept_folders:
            raise UntrustedError(f"{folder} is of a slave that has TLS, and is not served in plain")

    def check_look(self, connection: Connection, shown: Host | None = None) -> None:
        """Raise where a connection may not see what is ``shown``'s; ``None`` = this very host's.

        Raises:
            UntrustedError: it may not.
        """
        if not self.has_tls:
            return
        shown = shown or self._host
        if connection.names is None and shown.tls is not None:
            raise UntrustedError(
                f"what is of {shown.name} is shown to nobody in plain: ask as a user who can read its key"
            )
        if connection.names is not None and not connection.names & {shown.name, self._host.name, *shown.masters}:
            raise UntrustedError(f"{_listed(connection.names)} may not see what is of {shown.name}")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "a certificate without a name"
