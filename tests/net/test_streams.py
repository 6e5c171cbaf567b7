"""Documents are handed to the system whole or in blocks, and nobody may take for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest

from sync_core.net.streams import write_all
from tests.support.net import ManualClock, run

BLOCK_BYTES = 128 * 1024


class Taker:
    """The part of a stream writer that is written to; each write takes its time.

    Args:
        clock: passes with each block.
        block_s: by so much.
    """

    def __init__(self, clock: ManualClock, *, block_s: float = 0.0) -> None:
        self.writes: list[bytes] = []
        self.transport = self
        self._left_bytes = 0
        self._clock = clock
        self._block_s = block_s

    def set_write_buffer_limits(self, *, high: int) -> None:
        assert high == 0

    def get_write_buffer_size(self) -> int:
        return self._left_bytes

    def is_closing(self) -> bool:
        return False

    def write(self, data: bytes | memoryview) -> None:
        self.writes.append(bytes(data))
        self._left_bytes = len(data)

    async def drain(self) -> None:
        self._clock.now_s += self._block_s
        self._left_bytes = 0


def written(pieces: Sequence[bytes], *, block_s: float = 0.0, is_hurried: bool = False) -> list[bytes]:
    clock = ManualClock()
    taker = Taker(clock, block_s=block_s)
    run(
        write_all(
            cast(asyncio.StreamWriter, taker),
            pieces,
            timeout_s=60.0,
            is_hurried=lambda: is_hurried,
            clock=clock,
        )
    )
    return taker.writes


def test_a_small_document_is_one_write() -> None:
    assert written((b"head", b"body", b"tail\0")) == [b"headbodytail\0"]


def test_a_large_document_goes_in_blocks_and_its_end_in_one_write() -> None:
    body = bytes(range(256)) * (3 * BLOCK_BYTES // 256) + b"rest"
    writes = written((b"head", body, b"tail\0"))
    assert b"".join(writes) == b"head" + body + b"tail\0"
    assert max(map(len, writes)) == BLOCK_BYTES
    assert writes[-1] == b"tail\0"


@pytest.mark.parametrize(("block_s", "is_hurried"), [(59.0, False), (1.9, True)])
def test_who_is_slow_gets_all_of_it_unless_others_wait(block_s: float, is_hurried: bool) -> None:
    pieces = (b"head", bytes(100 * BLOCK_BYTES), b"tail\0")
    assert b"".join(written(pieces, block_s=block_s, is_hurried=is_hurried)) == b"".join(pieces)


def test_who_is_too_slow_for_the_others_is_given_up() -> None:
    with pytest.raises(TimeoutError):
        written((b"head", bytes(100 * BLOCK_BYTES), b"tail\0"), block_s=4.0, is_hurried=True)


def test_a_connection_that_broke_is_an_error_and_not_a_document_that_was_taken() -> None:
    async def go() -> None:
        gone = asyncio.Event()

        async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.transport.abort()
            gone.set()

        server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        async with server:
            _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            await gone.wait()
            with pytest.raises(ConnectionError):
                for _ in range(1000):
                    await asyncio.sleep(0)
                    await write_all(writer, (b"small",), timeout_s=10.0)

    run(go())
