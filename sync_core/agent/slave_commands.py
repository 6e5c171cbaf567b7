"""What peers and administrators may ask a slave's command port (``protocol.md`` section 11)."""

from __future__ import annotations

import logging
from collections.abc import Callable

from sync_core.agent.answers import error_answer
from sync_core.agent.cache import CacheFolder
from sync_core.agent.commands import OwnRequest, StateOf, answer_command
from sync_core.agent.trust import Trust
from sync_core.model.answer_plan import plan_answer
from sync_core.model.folder import Folder
from sync_core.net.server import Connection
from sync_core.protocol.messages import (
    Answer,
    ChangesAnswer,
    CheckFolders,
    FetchConfiguration,
    FetchDifferences,
    FetchUpdatedFiles,
    FileListAnswer,
    ListFiles,
    OkAnswer,
    OpenDialect,
    Register,
    Request,
)

__all__ = ["SlaveCommands"]

_log = logging.getLogger(__name__)


class SlaveCommands:
    """Carries out what is asked of a slave.

    Args:
        cache: its copy.
        trust: knows who may see it.
        wake_up: makes it check at once.
        state: builds ``<state>`` for the words of ``what``.
    """

    def __init__(self, cache: CacheFolder, trust: Trust, *, wake_up: Callable[[], None], state: StateOf) -> None:
        self._cache = cache
        self._trust = trust
        self._wake_up = wake_up
        self._state = state

    async def handle(self, connection: Connection, request: Request) -> Answer:
        """Return the answer to one request; our own errors become ERROR answers."""
        return await answer_command(connection, request, state=self._state, own=self._answer)

    async def _answer(self, connection: Connection, request: OwnRequest) -> Answer:
        match request:
            case CheckFolders():
                self._wake_up()
                return OkAnswer()
            case ListFiles():
                await self._trust.may_read(connection)
                return FileListAnswer(tree=await self._cache.shown())
            case FetchDifferences():
                if not await self._trust.may_read(connection):
                    raise self._trust.refusal()
                return await self._differences(request.listed)
            case Register():
                return error_answer("SCHEDULER-105", "register_remote_scheduler")
            case FetchConfiguration():
                return error_answer("SCHEDULER-105", "supervisor.configuration.fetch")
            case OpenDialect():
                return OkAnswer(jsync=2)
            case FetchUpdatedFiles():
                return error_answer("SCHEDULER-457", str(connection.peer_ip))

    async def _differences(self, listed: Folder) -> Answer:
        plan = plan_answer(await self._cache.shown(), listed)
        built = await self._cache.build(plan)
        for trouble in built.left_out:
            _log.warning("%s is not sent: %s", trouble.path, trouble.reason)
        return ChangesAnswer(changes=built.changes)
