"""Builders for tests of a master's register: trees, registrations, a register with a scripted site."""

from __future__ import annotations

from typing import Any

from sync_core.model.edit import tree_of
from sync_core.model.file import File, md5_of, sha256_of
from sync_core.model.folder import Folder
from sync_core.model.path import RelPath
from sync_core.model.registry.effects import Effect
from sync_core.model.registry.register import Register
from sync_core.model.registry.registration import HttpIdentity, Identity, Registration, Slave
from sync_core.model.security import IpAddress
from tests.support.net import LOCALHOST

__all__ = ["Site", "a_said", "a_view"]


def a_view(**files: str) -> Folder:
    """Return a tree of files in its root with these contents."""
    entries = {
        RelPath(name): File(md5=md5_of(text.encode()), sha256=sha256_of(text.encode())) for name, text in files.items()
    }
    return tree_of(entries.items())


def a_said(**changes: Any) -> Registration:
    """Return what a JobScheduler with a wake-up port says of itself."""
    values: dict[str, Any] = {"scheduler_id": "slave", "udp_port": 5000, "version": "1.3.12"}
    return Registration(**{**values, **changes})


class Site:
    """A register whose slaves' own folders and views a test chooses; ``now`` and ``wall`` are the same clock."""

    def __init__(self, **more: Any) -> None:
        self.folders: dict[int | None, str] = {}
        self.views: dict[str | None, Folder | None] = {}
        self.compared = 0
        self.now = 0.0
        self.register = Register(folder_of=self._folder_of, realizes=self._realizes, **more)

    def _folder_of(self, slave: Slave) -> str | None:
        return self.folders.get(slave.tcp_port)

    def _realizes(self, have: Folder, wanted: Folder) -> bool:
        self.compared += 1
        return have == wanted

    def view_of(self, folder: str | None) -> Folder | None:
        return self.views.get(folder, self.views.get(None))

    def add(self, port: int = 1, connection: object = "c", **said: Any) -> tuple[Effect, ...]:
        """Let a slave register."""
        return self.register.registered(
            Identity(LOCALHOST, port), a_said(**said), connection, now=self.now, wall=self.now
        )

    def add_by_http(
        self, name: str = "s", *, origin: IpAddress = LOCALHOST, active_s: float = 10.0, **said: Any
    ) -> Slave:
        """Let a slave ask by HTTP."""
        values: dict[str, Any] = {"scheduler_id": name, "interval_s": 5, **said}
        registration = a_said(**values)
        identity = HttpIdentity(name, LOCALHOST, registration.udp_port)
        return self.register.asked_by_http(
            identity, registration, origin=origin, active_s=active_s, now=self.now, wall=self.now
        )

    def fetch(self, slave: Slave, given: Folder | None = None, **more: Any) -> tuple[Effect, ...]:
        """Let a slave be given its newest view, or another one."""
        folder = self._folder_of(slave)
        view = given if given is not None else self.view_of(folder)
        assert view is not None
        values: dict[str, Any] = {"is_whole": True, "is_news": True, "folder": folder, **more}
        return self.register.fetched(slave, slave.connection, given=view, now=self.now, wall=self.now, **values)

    def change(self, **views: Folder | None) -> None:
        """Change views by the names of own folders; ``all`` = that of all others."""
        self.views.update({None if name == "all" else name: view for name, view in views.items()})
        self.register.view_changed(self.view_of)

    def drain(self, *, most: int = 10) -> list[Effect]:
        """Return all that is to be done now."""
        effects: list[Effect] = []
        for _ in range(100_000):
            step = self.register.advance(now=self.now, wall=self.now, most=most)
            effects += step.effects
            if not step.has_more:
                return effects
        raise AssertionError("it never ends")

    def of(self, port: int = 1) -> Slave:
        """Return the slave of that port."""
        slave = self.register.get(Identity(LOCALHOST, port))
        assert slave is not None
        return slave
