"""What a master offers in our own dialect: to each slave its view, to those who look the view of any slave."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from sync_core.agent.dialect_answers import Checked, Offer
from sync_core.agent.file_contents import FileContents
from sync_core.agent.master import MasterCommands
from sync_core.agent.signals import Signals
from sync_core.agent.views import Views, folder_of
from sync_core.model.errors import JsyncError
from sync_core.model.file import Kind
from sync_core.model.folder import EMPTY_FOLDER, Folder
from sync_core.model.overlay import layer_of
from sync_core.model.path import RelPath, join
from sync_core.model.registry.register import Register
from sync_core.net.server import Connection
from sync_core.protocol.dialect.history import History
from sync_core.protocol.dialect.messages import Check
from sync_core.protocol.texts import text

__all__ = ["MasterOffers"]

_MOST_TREES: Final = 1024
"""Of those offered lately. A slave that is there needs none of them: what it was offered last is known beside it."""


class MasterOffers:
    """The offers of one master.

    Args:
        commands: finds views.
        register: who is registered, and learns what they have.
        signals: does what is due then.
        contents: reads below the remote folder.
        on_change: called after the register changed.
    """

    def __init__(
        self,
        *,
        commands: MasterCommands,
        register: Register,
        signals: Signals,
        contents: FileContents,
        on_change: Callable[[], None],
    ) -> None:
        self._commands = commands
        self._register = register
        self._signals = signals
        self._on_change = on_change
        self._history = History(most_trees=_MOST_TREES)
        self.kept = contents.kept
        self.read = contents.read

    async def look(self, connection: Connection, slave: str | None) -> Offer:
        """Return the view for the slave of that name; ``connection`` may look at all of them.

        Raises:
            JsyncError: there is no such slave, or its view can't be had now.
        """
        views, folder = await self._commands.view_for(connection, slave)
        return _offer(views, folder, is_look=True)

    async def check(self, connection: Connection, request: Check, before: Folder | None) -> Checked:
        """Return the newest view of the slave that is registered there, and note what it has.

        Raises:
            JsyncError: nobody is registered there, or the view can't be had now.
        """
        slave = self._register.of(connection)
        if slave is None:
            raise JsyncError(text("SCHEDULER-457", str(connection.peer_ip)))
        views, folder = await self._commands.view_of(slave)
        offer = _offer(views, folder)
        self._history.offer(offer.tree)
        has = self._tree_of(request.has, offer.tree, before)
        was_in_sync = slave.is_in_sync
        self._register.confirmed(
            slave, connection, has=has, wake_key=request.wake_key, now=time.monotonic(), wall=time.time()
        )
        self._signals.stir()
        if slave.is_in_sync != was_in_sync:
            self._on_change()
        return Checked(offer=offer, known=self._tree_of(request.known, before, offer.tree))

    def _tree_of(self, digest: bytes | None, *likely: Folder | None) -> Folder | None:
        """Return the tree with this digest: one of those likely, or one that was offered lately."""
        if digest is None or digest == EMPTY_FOLDER.digest:
            return EMPTY_FOLDER if digest is not None else None
        return next((tree for tree in likely if tree is not None and tree.digest == digest), self._history.get(digest))


def _offer(views: Views, folder: str | None, *, is_look: bool = False) -> Offer:
    own = views.own(folder)

    def place_of(path: RelPath) -> RelPath:
        layer = layer_of(own, path, Kind.FILE)
        return join(RelPath(folder_of(layer, folder)), path)

    return Offer(tree=views.of(folder), place_of=place_of, own=own or EMPTY_FOLDER, is_look=is_look)
