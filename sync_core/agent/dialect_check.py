"""One check in our own dialect: what is new, which contents does that need, and into the cache with them.

What the slave knows of its master is the tree that it was led to last. A check asks what leads on from there, compares
that with what the cache holds, and fetches what is missing, so a cache that drifted is healed by the same way as one
that is behind. It ends when the master was told that the cache has it all, or with what can't be had now.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Sequence
from typing import Final

from sync_core.agent.cache import CacheFolder
from sync_core.agent.content_fetch import BrokenOffError, ContentFetch
from sync_core.agent.master_link import Checked
from sync_core.model.answer_plan import PlannedWrite, UpdatePlan, plan_update, portion, realizes
from sync_core.model.errors import RemoteProtocolError
from sync_core.model.file import sha256_of
from sync_core.model.folder import Folder
from sync_core.model.path import RelPath
from sync_core.net.dialect_client import DialectConnection
from sync_core.protocol.dialect.client import Answered, ContentReceived, Finished
from sync_core.protocol.dialect.contents import WantedContent
from sync_core.protocol.dialect.messages import Check, Request
from sync_core.protocol.dialect.pull import Pull
from sync_core.protocol.proof import KEY_BYTES, WakeUpProof
from sync_core.tree.apply import Applied

__all__ = ["DialectCheck"]

_PORTION_BYTES: Final = 64 << 20
"""Of contents in one update, or one file that has more: what came since is seen between two updates."""

_URGENT_BYTES: Final = 1 << 20
"""Likewise, where a big file was broken off for what came since."""

_MOST_ROUNDS: Final = 10_000
"""Updates of one check; a master that changes faster than that is followed by the next one."""


class DialectCheck:
    """The slave's end of one connection.

    Args:
        connection: on which the preface may be sent.
        answer_timeout_s: the longest time in which no byte of an answer comes.
        proof: learns the key that the wake-ups of this connection are proven by.
    """

    def __init__(
        self, connection: DialectConnection, *, answer_timeout_s: float, proof: WakeUpProof | None = None
    ) -> None:
        self._connection = connection
        self._proof = proof
        self._timeout_s = answer_timeout_s
        self._led_to: Folder | None = None

    async def check(self, cache: CacheFolder, *, looks: bool, wake: asyncio.Event) -> Checked:
        """Bring the cache in line with what the master has.

        Args:
            cache: the copy.
            looks: whether to look at what it holds first.
            wake: set while there is something newer: then it goes before the rest of a big file.

        Raises:
            RemoteRefusalError: the master answered with an error.
            RemoteProtocolError: its answer makes no sense.
            UnreachableError: it did not answer in time.
            TreeError: the cache can't be read or updated.
        """
        tree = await (cache.look() if looks else cache.known())
        applied: list[Applied] = []
        lacking, most_bytes, is_told = 0, _PORTION_BYTES, False
        for _ in range(_MOST_ROUNDS):
            wake.clear()
            has, wanted, inline = await self._ask_what_is_new(tree, cache)
            plan, _ = portion(plan_update(tree, await cache.aim(wanted)), most_bytes=most_bytes)
            lacking = 0
            if not plan:
                if is_told or has.digest == wanted.digest:
                    break
                is_told = True  # next: what the cache holds comes to the same here
                continue
            try:
                done, lacking = await self._update(cache, plan, inline, wake)
            except BrokenOffError:
                most_bytes = _URGENT_BYTES
                continue
            most_bytes = _PORTION_BYTES
            applied.append(done)
            if done.is_empty:
                break  # nothing of it can be had now
            tree = done.tree
        return Checked(tree=tree, applied=tuple(applied), lacking=lacking)

    async def wait_closed(self) -> None:
        """Return, or raise why, when the master ends the connection while nothing is asked; as ``Link``."""
        await self._connection.wait_closed()

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()

    async def _ask_what_is_new(self, tree: Folder, cache: CacheFolder) -> tuple[Folder, Folder, dict[RelPath, bytes]]:
        """Return what the master was told of the cache, the newest tree, and what came along of its contents.

        Args:
            tree: what the cache holds.
            cache: says what that comes to.
        """
        known, aim = (tree, tree) if self._led_to is None else (self._led_to, await cache.aim(self._led_to))
        has = known if tree.digest == aim.digest or realizes(tree, aim) else tree
        pull = Pull(known, has=has.digest, wake_key=self._new_wake_key())
        inline = _Inline()
        waiting = deque([await self._send(pull.start())])
        while waiting:
            part = await self._connection.next_part(timeout_s=self._timeout_s)
            match part:
                case Answered(answer=answer):
                    pull.receive(answer)
                case ContentReceived():
                    inline.take(part, pull.inline)
                case Finished(request=request):
                    waiting.popleft()
                    pull.finished(request)
            while self._connection.can_ask and (following := pull.next_request()) is not None:
                waiting.append(await self._send(following))
        if pull.wanted is None:
            raise RemoteProtocolError("the master does not say what it has")
        self._led_to = pull.wanted
        return has, pull.wanted, inline.whole(pull.inline)

    def _new_wake_key(self) -> bytes | None:
        """Return the key of this connection's wake-ups, once."""
        if self._proof is None:
            return None
        key = secrets.token_bytes(KEY_BYTES)
        self._proof.begin(key)
        self._proof = None
        return key

    async def _update(
        self, cache: CacheFolder, plan: UpdatePlan, inline: dict[RelPath, bytes], wake: asyncio.Event
    ) -> tuple[Applied, int]:
        """Fetch what the plan needs and apply it; return what was done, and how many files can't be had now."""
        writes = [step for step in plan if isinstance(step, PlannedWrite)]
        there = {step.path: inline[step.path] for step in writes if _is_there(step, inline)}
        if len(there) == len(writes):
            return await cache.apply(plan, there), 0
        missing = [step for step in writes if step.path not in there]
        fetch = ContentFetch(self._connection, missing, there, timeout_s=self._timeout_s, wake=wake)
        return await cache.update(plan, fetch.bring), fetch.lacking

    async def _send(self, request: Request) -> Request:
        await self._connection.send(request, timeout_s=self._timeout_s)
        return request


def _is_there(step: PlannedWrite, inline: dict[RelPath, bytes]) -> bool:
    return step.path in inline and sha256_of(inline[step.path]) == step.sha256


class _Inline:
    """The contents that ride along with the answer to a check."""

    def __init__(self) -> None:
        self._contents: dict[int, bytearray] = {}

    def take(self, part: ContentReceived, announced: Sequence[WantedContent]) -> None:
        if isinstance(part.request, Check) and part.index < len(announced):
            self._contents.setdefault(part.index, bytearray()).extend(part.data)

    def whole(self, announced: Sequence[WantedContent]) -> dict[RelPath, bytes]:
        """Return those that are what was announced."""
        return {
            announced[index].path: bytes(content)
            for index, content in self._contents.items()
            if index < len(announced) and sha256_of(bytes(content)) == announced[index].sha256
        }
