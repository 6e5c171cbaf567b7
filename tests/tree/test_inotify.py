from __future__ import annotations

import errno
import os
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.tree.inotify import Inotify, KernelEvent, Mask, events_of, reason_of


@given(
    st.lists(
        st.builds(
            KernelEvent,
            watch=st.integers(-1, 2**31 - 1),
            mask=st.integers(0, 2**32 - 1),
            name=st.binary(max_size=40).map(lambda name: name.replace(b"\0", b"")),
        )
    ),
    st.integers(1, 16),
)
def test_what_was_written_is_read(events: list[KernelEvent], padding: int) -> None:
    told = b""
    for event in events:
        name = event.name + b"\0" * padding if event.name else b""
        told += struct.pack("=iIII", event.watch, event.mask, 7, len(name)) + name
    assert events_of(told) == events


def test_the_kernel_tells(tmp_path: Path) -> None:
    kernel = Inotify()
    assert kernel.read() == []
    watch = kernel.add(str(tmp_path), Mask.CREATE | Mask.MODIFY)
    assert kernel.add(str(tmp_path), Mask.CREATE | Mask.MODIFY) == watch
    (tmp_path / "ä\udce9").write_bytes(b"1")
    assert kernel.read() == [
        KernelEvent(watch, Mask.CREATE, b"\xc3\xa4\xe9"),
        KernelEvent(watch, Mask.MODIFY, b"\xc3\xa4\xe9"),
    ]
    kernel.remove(watch)
    kernel.remove(watch)
    assert kernel.read() == [KernelEvent(watch, Mask.IGNORED, b"")]
    kernel.close()
    with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
        kernel.read()


def test_what_can_not_be_watched_is_an_error(tmp_path: Path) -> None:
    kernel = Inotify()
    with pytest.raises(FileNotFoundError):
        kernel.add(str(tmp_path / "none"), Mask.CREATE)
    kernel.close()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ENOSPC, "x"), "the limit of watches is reached (fs.inotify.max_user_watches)"),
        (OSError(errno.EIO, "Input/output error"), "Input/output error"),
        (OSError("something"), "something"),
    ],
)
def test_reasons_are_words(error: OSError, reason: str) -> None:
    assert reason_of(error) == reason
