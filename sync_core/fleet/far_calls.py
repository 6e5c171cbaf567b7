"""Commands for hosts that are elsewhere, carried out by the jsync of their machine with its part of the inventory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sync_core.fleet.access import access_of
from sync_core.fleet.far_jsync import ask_jsync, jsync_command
from sync_core.fleet.part import Part, part_of
from sync_core.fleet.reach import Reach
from sync_core.model.inventory import Connection, Host, Inventory
from sync_core.net.runner import Process, Runner

__all__ = ["FarCalls"]


class FarCalls:
    """Asks the jsync of other machines.

    Args:
        inventory: of which each machine gets its part.
        reach: leads there.
        timeout_s: for one answer.
    """

    def __init__(self, inventory: Inventory, reach: Reach, *, timeout_s: float) -> None:
        self._inventory = inventory
        self._reach = reach
        self._timeout_s = timeout_s
        self._parts: dict[str, Part] = {}

    async def ask(self, host: Host, *words: str) -> Mapping[str, Any]:
        """Return the document with which the jsync of the host's machine answers.

        Args:
            host: whose machine.
            words: command and arguments, without ``-o json``.

        Raises:
            UnreachableError: the machine can't be reached, or not in time.
            HostError: there is no jsync, or it says something else.
            JsyncError: whatever the document names as its error.
        """
        part = self._part_of(host)
        options = ("-o", "json", "--part", part.name)
        async with self._reach.on(host) as runner:
            return await ask_jsync(runner, host.jsync, (*words, *options), stdin=part.text, timeout_s=self._timeout_s)

    async def start(self, runner: Runner, host: Host, *words: str) -> Process:
        """Start a command that stays; whoever reads it keeps it company (``lifeline``) and closes it.

        Args:
            runner: of that machine.
            host: likewise.
            words: command and arguments.

        Raises:
            UnreachableError: the machine can't be reached.
            HostError: nothing can be run there.
        """
        part = self._part_of(host)
        options = ("--part", part.name, "--part-bytes", str(len(part.text)))
        process = await runner.start(jsync_command(host.jsync, (*words, *options)))
        try:
            await process.send(part.text)
        except BaseException:
            await process.close()
            raise
        return process

    def neighbours(self, host: Host) -> tuple[Host, ...]:
        """Return all hosts of the inventory on the host's machine, itself included, that its jsync looks after."""
        key = (access_of(host, is_here=False), host.jsync)
        return tuple(
            other
            for other in self._inventory.hosts.values()
            if other.connection is not Connection.LOCAL and (access_of(other, is_here=False), other.jsync) == key
        )

    def _part_of(self, host: Host) -> Part:
        if host.name not in self._parts:
            neighbours = self.neighbours(host)
            part = part_of(self._inventory, neighbours)
            self._parts |= {other.name: part for other in neighbours}
        return self._parts[host.name]
