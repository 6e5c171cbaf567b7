"""What an agent has, looked at by whoever asks: in our own dialect, or by ``<jsync.files/>`` where that is not spoken.

In our own dialect the first answer is the digest of the whole tree and what is in it, counted. Whoever needs to know
more goes on on the same connection, which speaks of that very tree, whatever changes meanwhile.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sync_core.fleet.file_list import FileList, Source
from sync_core.fleet.tls_to import tls_to
from sync_core.model.errors import PeerError, RemoteRefusalError, RootVanishedError, UnreachableError, UntrustedError
from sync_core.model.file import File
from sync_core.model.folder import EMPTY_FOLDER
from sync_core.model.inventory import Host
from sync_core.model.path import RelPath
from sync_core.net.resolve import Resolver

if TYPE_CHECKING:
    from sync_core.fleet.offered import Offered
    from sync_core.net.dialect_client import DialectConnection

__all__ = ["ASK_OTHERWISE", "ask_agent", "read_by_dialect"]

ASK_OTHERWISE = (
    "ask as root or as the agent's user on its machine, or give this machine the level `all` in its `allowed_hosts`"
)

_CONNECT_TIMEOUT_S = 5.0
_VANISHED = "SCHEDULER-882"


async def ask_agent(
    host: Host, slave: Host | None, resolver: Resolver, *, own: Path | None = None, answer_timeout_s: float
) -> FileList | Offered:
    """Return the agent's list, or in our own dialect what it offers; ``close`` that.

    Args:
        host: whose agent.
        slave: for which slave a master is to say it; ``None`` for a slave.
        resolver: looks up the host's address.
        own: the agent's own socket, where we may open it.
        answer_timeout_s: the longest time in which no byte moves.

    Raises:
        RootVanishedError: the agent says that its folder is not there.
        RemoteRefusalError: it does not want to.
        PeerError: whoever answers there is no jsync agent.
        UnreachableError: nobody answers, or the connection was closed.
    """
    try:
        offered = await _offered(host, slave, resolver, own, answer_timeout_s)
        return offered or await _classic_list(host, slave, resolver, answer_timeout_s)
    except RemoteRefusalError as error:
        error.host = error.host or host.name
        if error.error_code == UntrustedError.code:
            error.hint = ASK_OTHERWISE
        if error.error_code == _VANISHED:
            raise RootVanishedError(error.text, host=host.name) from error
        raise


async def read_by_dialect(
    host: Host,
    slave: Host | None,
    files: Mapping[RelPath, File],
    resolver: Resolver,
    *,
    own: Path | None = None,
    answer_timeout_s: float,
) -> dict[RelPath, bytes] | None:
    """Return contents of what the agent has now; ``None`` where it does not speak our dialect.

    Args:
        host: whose agent.
        slave: of a master: whose view.
        files: which, with their SHA-256 and sizes; what the agent does not have so is left out.
        resolver: looks up the host's address.
        own: as for ``ask_agent``.
        answer_timeout_s: the longest time in which no byte moves.

    Raises:
        JsyncError: as ``ask_agent``.
    """
    offered = await _offered(host, slave, resolver, own, answer_timeout_s)
    if offered is None:
        return None
    try:
        return await offered.contents(files)
    finally:
        await offered.close()


async def _classic_list(host: Host, slave: Host | None, resolver: Resolver, answer_timeout_s: float) -> FileList:
    # Where all agents are of today nobody needs the classic dialect.
    from sync_core.fleet.ask import ask  # noqa: PLC0415
    from sync_core.protocol.messages import FileListAnswer, ListFiles  # noqa: PLC0415

    question = ListFiles(slave=None if slave is None else slave.name)
    answer = await ask(host, question, beside=slave, resolver=resolver, answer_timeout_s=answer_timeout_s)
    if not isinstance(answer, FileListAnswer):
        raise PeerError(f"{host.name} answers, but not with a file list: it is no jsync agent", host=host.name)
    own = None if slave is None else answer.own or EMPTY_FOLDER
    return FileList(host=host, slave=slave, source=Source.AGENT, tree=answer.tree, own=own)


async def _offered(
    host: Host, slave: Host | None, resolver: Resolver, own: Path | None, answer_timeout_s: float
) -> Offered | None:
    """Begin our dialect and look; ``None`` where it is not spoken."""
    # Who reads folders alone does without msgspec.
    from sync_core.fleet.offered import Offered  # noqa: PLC0415

    connection = await _connected(host, slave, resolver, own)
    try:
        if await connection.begin(timeout_s=answer_timeout_s):
            return await Offered.look(connection, host, slave, answer_timeout_s=answer_timeout_s)
    except BaseException:
        await connection.close()
        raise
    await connection.close()
    return None


async def _connected(host: Host, slave: Host | None, resolver: Resolver, own: Path | None) -> DialectConnection:
    """Connect to the agent's own socket, or to the first of the host's addresses that takes a connection."""
    from sync_core.net.dialect_client import DialectConnection  # noqa: PLC0415 - likewise

    if own is not None:
        with contextlib.suppress(UnreachableError):  # it ends just now; who comes next is found by its port
            return await DialectConnection.connect_own(own, host.tcp_port)
    tls = tls_to(host, slave)
    failure: UnreachableError | None = None
    for ip in await resolver.resolve(host.address):
        try:
            return await DialectConnection.connect(ip, host.tcp_port, timeout_s=_CONNECT_TIMEOUT_S, tls=tls)
        except UnreachableError as error:
            failure = error
    raise failure or AssertionError("a name that resolves has an address")
