"""One agent from start to stop: the place where its parts are put together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import filelock

from sync_core.agent import collector
from sync_core.agent.beat import forget_beat, keep_beating
from sync_core.agent.manager import ServiceManager
from sync_core.agent.process import process_started_at
from sync_core.agent.reload import Reloads
from sync_core.agent.run_record import RunRecord
from sync_core.agent.settings import restart_md5, settings_md5
from sync_core.agent.slave_state import rfc3339
from sync_core.agent.state import HostState
from sync_core.inventory import load
from sync_core.model.errors import StateError
from sync_core.model.inventory import Host, Inventory
from sync_core.protocol.texts import text
from sync_core.version import __version__

if TYPE_CHECKING:
    from sync_core.agent.master_agent import MasterAgent
    from sync_core.agent.slave_agent import SlaveAgent

__all__ = ["run_agent"]

_log = logging.getLogger(__name__)

_FINISH_S = 10.0
_LOCK_PATIENCE_S = 2.0
"""A predecessor that was told to stop may need a moment to let go."""


def run_agent(inventory: Inventory, host: Host, state: HostState, *, is_detached: bool, is_attached: bool) -> None:
    """Run the agent of ``host`` until SIGTERM or SIGINT; returns after a clean stop.

    An update under way is finished first, if that takes no more than 10 s. On SIGHUP the inventory is read again; in a
    terminal, which sends it when it is closed, it ends the agent.

    Args:
        inventory: where the host and its peers are declared.
        host: a master or slave on this machine.
        state: its state folder.
        is_detached: whether ``jsync up -d`` started it.
        is_attached: whether the end of standard input ends it too, so that it never outlives ``jsync up``.

    Raises:
        StateError: another agent of this host runs, or another inventory owns its name.
        PortInUseError: somebody else holds one of its ports.
        HostError: a port can't be bound, or a slave's `owner` or `group` is not known here.
        InventoryError: likewise, where the place is known.
    """
    collector.be_rare()
    state.create()
    lock = state.agent_lock()
    try:
        lock.acquire(timeout=_LOCK_PATIENCE_S)
    except filelock.Timeout:
        state.claim(inventory.source)  # if it is another inventory's, that is what must be said
        raise _second_agent(state) from None
    try:
        state.claim(inventory.source)
        record = _record(inventory, host, is_detached=is_detached)
        state.write_status({})  # first: nobody must take what the last agent said for ours
        forget_beat(state)
        state.write_record(record)
        try:
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                runner.run(_run(inventory, host, state, record, is_attached=is_attached))
        finally:
            state.remove_record()
    finally:
        lock.release()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's event loop where it is installed (the extra ``speed``); ``None`` = Python's own."""
    try:
        import uvloop  # noqa: PLC0415 - it need not be there
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


async def _run(inventory: Inventory, host: Host, state: HostState, record: RunRecord, *, is_attached: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    agent = _agent_of(inventory, host, state)
    ready = replace(record, is_ready=True)
    reloads = Reloads(
        agent, host, ready, read=partial(load, *inventory.sources, environ=os.environ), write=state.write_record
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reloads.want if record.restart_md5 else stop.set)
    if is_attached:
        loop.add_reader(sys.stdin.fileno(), _end_with_stdin, stop)
    _log.info("%s", text("SCHEDULER-900", f"jsync {__version__}", str(inventory.source), str(os.getpid())))
    manager = ServiceManager(os.environ)
    folder = host.remote if host.is_master else host.cache
    assert folder is not None, "the inventory refuses hosts without a folder"  # noqa: S101
    try:
        async with _running(agent.start(), manager.keep_telling(), keep_beating(state, folder)) as tasks:
            state.write_record(ready)
            manager.ready()
            tasks.add(asyncio.create_task(reloads.run()))
            stopping = asyncio.ensure_future(stop.wait())
            await asyncio.wait({*tasks, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            for task in tasks:
                if task.done():
                    task.result()  # a part that ended by itself is a bug, or an error that must be seen
            try:
                async with asyncio.timeout(_FINISH_S):
                    await agent.finish()
            except TimeoutError:
                _log.warning("the update under way is broken off: it was not complete within %g s", _FINISH_S)
    finally:
        manager.stopping()
        await agent.close()
    _log.info("%s", text("SCHEDULER-902", "stopped"))


def _agent_of(inventory: Inventory, host: Host, state: HostState) -> MasterAgent | SlaveAgent:
    """Return the host's agent; only what its role needs is imported."""
    if host.is_master:
        from sync_core.agent.master_agent import MasterAgent  # noqa: PLC0415

        return MasterAgent(inventory, host, state)
    from sync_core.agent.slave_agent import SlaveAgent  # noqa: PLC0415

    return SlaveAgent(inventory, host, state)


@contextlib.asynccontextmanager
async def _running(
    start: Coroutine[Any, Any, tuple[Coroutine[Any, Any, None], ...]], *beside: Coroutine[Any, Any, None]
) -> AsyncIterator[set[asyncio.Task[None]]]:
    """Run the parts of an agent, and what goes on beside it, as tasks; all have ended when the context is left."""
    # What is beside it comes first: a start that fails must not leave it behind.
    tasks = {asyncio.create_task(one) for one in beside}
    try:
        tasks |= {asyncio.create_task(part) for part in await start}
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _end_with_stdin(stop: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        stop.set()


def _record(inventory: Inventory, host: Host, *, is_detached: bool) -> RunRecord:
    return RunRecord(
        host=host.name,
        role=host.role.value,
        inventory=str(inventory.source),
        settings_md5=settings_md5(inventory, host),
        restart_md5="" if _has_terminal() else restart_md5(host),
        pid=os.getpid(),
        process_started_at=process_started_at(),
        started_at=rfc3339(time.time()),
        version=__version__,
        is_detached=is_detached,
        is_ready=False,
    )


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def _second_agent(state: HostState) -> StateError:
    record = state.record()
    who = f" with pid {record.pid}, started {record.started_at}" if record is not None else ""
    return StateError(
        f"an agent for {state.host} runs already{who}",
        hint=f"`jsync status {state.host}` shows it, `jsync down {state.host}` stops it if it is detached",
        host=state.host,
    )
