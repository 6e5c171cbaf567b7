"""A slave, put together: command port, wake-up port, check loop, cache."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Coroutine, Mapping
from typing import Any

from sync_core.agent import collector
from sync_core.agent.answers import answer_time, state_attributes
from sync_core.agent.cache import CacheFolder
from sync_core.agent.cache_rights import rights_of
from sync_core.agent.dialect_answers import DialectAnswers
from sync_core.agent.digest_keeper import DigestKeeper
from sync_core.agent.paced import Paced
from sync_core.agent.root_guard import RootGuard
from sync_core.agent.slave import CheckLoop
from sync_core.agent.slave_commands import SlaveCommands
from sync_core.agent.slave_offers import SlaveOffers
from sync_core.agent.slave_state import SlaveState
from sync_core.agent.state import HostState
from sync_core.agent.status_writer import StatusWriter
from sync_core.agent.tls_status import tls_facts
from sync_core.agent.trust import Trust
from sync_core.model.errors import RootChangedError, RootUntrustedError
from sync_core.model.inventory import Host, Inventory
from sync_core.net.datagrams import WakeUpListener
from sync_core.net.policy import PolicyKeeper
from sync_core.net.resolve import Resolver
from sync_core.net.server import CommandServer
from sync_core.net.server_limits import most_listed
from sync_core.net.tls import Tls
from sync_core.protocol.messages import StateAnswer
from sync_core.protocol.proof import WakeUpProof
from sync_core.protocol.texts import text
from sync_core.version import WIRE_VERSION

__all__ = ["SlaveAgent"]

_log = logging.getLogger(__name__)


class SlaveAgent:
    """The agent of one slave.

    Args:
        inventory: where it and its masters are declared.
        host: the slave.
        state: its state folder.

    Raises:
        InventoryError, HostError: see ``rights_of``.
        CertificateError: what it is to speak TLS with can't be used.
    """

    def __init__(self, inventory: Inventory, host: Host, state: HostState) -> None:
        assert host.cache is not None, "the inventory refuses a slave without cache"  # noqa: S101
        masters = inventory.masters_of(host)
        resolver = Resolver()
        self._host = host
        self._inventory = inventory
        self._started_at = time.time()
        self._tls = Tls.of(host)
        self._policy = PolicyKeeper(host=host, peers=masters, resolver=resolver)
        self._digests = DigestKeeper(state.digests_path)
        self._cache = CacheFolder(
            host.cache,
            max_delete=host.max_delete,
            rights=rights_of(inventory, host),
            digests=self._digests,
            on_first_look=collector.pass_over,
            guard=RootGuard(host.cache, state, trust_path=host.trust_path).check,
        )
        self._status = StatusWriter(state.write_status)
        status = SlaveState(lambda values: self._status.put({**self._facts(values["master"]), **values}))
        self._proof = WakeUpProof()
        self._loop = CheckLoop(
            host, masters, cache=self._cache, resolver=resolver, state=status, tls=self._tls, proof=self._proof
        )
        self._trust = trust = Trust(host, masters, named_level_of=self._policy.named_level_of, resolver=resolver)
        wake_up = Paced(self._loop.wake_up)
        self._commands = SlaveCommands(self._cache, trust, wake_up=wake_up, state=self._state_answer)
        self._server = CommandServer(
            listen=host.listen,
            port=host.tcp_port,
            level_of=self._policy.level_of,
            standing_of=self._policy.standing_of,
            handler=self._commands.handle,
            serve_dialect=DialectAnswers(SlaveOffers(self._cache, trust)).serve,
            most_entries=lambda: most_listed(self._cache.entries),
            answer_time=answer_time,
            own_socket=state.socket_path,
            tls=self._tls,
        )
        self._wake_ups: WakeUpListener | None = None
        if host.udp_port is not None:
            self._wake_ups = WakeUpListener(
                listen=host.listen,
                port=host.udp_port,
                level_of=self._policy.level_of,
                on_wake_up=lambda _: wake_up(),
                takes_proven=self._takes_proven,
            )

    async def start(self) -> tuple[Coroutine[Any, Any, None], ...]:
        """Bind the ports and return what must run until the agent stops.

        Raises:
            PortInUseError: somebody else holds a port.
            FileTroubleError: the cache folder can't be made.
        """
        with contextlib.suppress(RootChangedError, RootUntrustedError):  # every check says so until it is mended
            await self._cache.prepare()
        await self._policy.refresh()
        await self._server.start()
        if self._wake_ups is None:
            _log.warning("%s", text("SCHEDULER-899"))
        else:
            await self._wake_ups.start()
            _log.info("%s", text("SCHEDULER-956", "UDP", self._host.udp_port))
        _log.info("%s", text("SCHEDULER-956", "TCP", self._host.tcp_port))
        _log.info("%s", text("SCHEDULER-718", "cache", f"{self._host.cache}/"))
        return (self._policy.run(), self._loop.run(), *([] if self._tls is None else [self._tls.run()]))

    async def take(self, inventory: Inventory, host: Host) -> None:
        """Go on by another inventory; the connection to a master stays where that master does.

        Args:
            inventory: where the slave and its masters are declared.
            host: the slave, with the same settings where these need a restart.
        """
        masters = inventory.masters_of(host)
        await self._policy.take(host=host, peers=masters)
        self._inventory, self._host = inventory, host
        self._trust.take(host, masters)
        self._server.judge_again()
        self._cache.max_delete = host.max_delete
        self._loop.take(host, masters)

    async def finish(self) -> None:
        """Return when the update under way, if there is one, is complete; no other one begins."""
        await self._loop.finish()

    async def close(self) -> None:
        """Close the ports and all connections."""
        if self._wake_ups is not None:
            await self._wake_ups.close()
        await self._server.close()
        await self._digests.close()
        await self._status.close()

    def _takes_proven(self, datagram: bytes) -> bool:
        is_proven = self._proof.accepts(datagram)
        if is_proven:
            self._loop.wake_up()
        return is_proven

    def _facts(self, master: str | None) -> Mapping[str, Any]:
        host = self._inventory.hosts.get(master or "")  # it may have left the inventory
        is_plain = host is not None and host.tls is None
        return {
            "tcp_port": self._host.tcp_port,
            "udp_port": self._host.udp_port,
            **tls_facts(self._tls, [master] if master is not None and is_plain else []),
        }

    def _state_answer(self, what: frozenset[str]) -> StateAnswer:
        return StateAnswer(
            attributes=state_attributes(
                self._host,
                version=WIRE_VERSION,
                started_at=self._started_at,
                config_file=str(self._inventory.source),
            ),
            active=0,
            with_remote_schedulers=bool(what & {"remote_schedulers", "all"}),
        )
