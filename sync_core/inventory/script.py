"""Running an executable inventory: no shell, no input, a deadline, and no more output than can be an inventory."""

from __future__ import annotations

import errno
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sync_core.inventory.document import MAX_FILE_BYTES

__all__ = ["DEADLINE_S", "NoProgramError", "Output", "ScriptError", "run"]

DEADLINE_S = 30.0
"""For all runs of one script together: somebody waits for it."""

_MAX_STDERR_BYTES = 64 * 1024
_MAX_QUOTED_CHARACTERS = 600
_CHUNK_BYTES = 64 * 1024


class NoProgramError(Exception):
    """The file is executable, but nothing that could be run: no script with its interpreter, no binary."""


class ScriptError(Exception):
    """A script gave no inventory; ``said`` quotes its stderr, if it said anything.

    Args:
        message: what is wrong.
        said: its last words.
    """

    def __init__(self, message: str, said: str | None = None) -> None:
        super().__init__(message)
        self.said = said


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What a script that succeeded wrote.

    Attributes:
        data: its stdout.
        said: the end of its stderr, on one line; ``None`` if there was none.
    """

    data: bytes
    said: str | None


def run(path: Path, arguments: Sequence[str], *, environ: Mapping[str, str], deadline: float) -> Output:
    """Return what the script prints.

    It runs in its own folder, so that it finds its files whoever calls jsync from wherever, and in a session of its
    own, so that nothing of it is left when it takes too long.

    Args:
        path: the script, absolute.
        arguments: for it.
        environ: its environment.
        deadline: when it must have ended, on the monotonic clock.

    Raises:
        NoProgramError: the system can't run such a file.
        ScriptError: it could not be started, failed, took too long, or printed too much.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 - the file that the user named, without a shell
            [str(path), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=path.parent,
            env=dict(environ),
            start_new_session=True,
        )
    except OSError as error:
        if error.errno == errno.ENOEXEC:
            raise NoProgramError from None
        raise ScriptError(f"can't be run: {error.strerror}") from None
    with process:
        try:
            written = _read(process, deadline)
            exit_code = process.wait(max(0.0, deadline - time.monotonic()))
        except BaseException as error:
            _kill(process)
            if isinstance(error, subprocess.TimeoutExpired):
                raise ScriptError(f"it was stopped after {DEADLINE_S:g} seconds") from None
            raise
    said = _last_words(written[1])
    if exit_code:
        how = f"with exit code {exit_code}" if exit_code > 0 else f"by signal {-exit_code}"
        raise ScriptError(f"it ended {how}", said)
    return Output(data=written[0], said=said)


def _read(process: subprocess.Popen[bytes], deadline: float) -> tuple[bytes, bytes]:
    """Read both streams to their ends; of stderr the last part is kept."""
    out, err = process.stdout, process.stderr
    assert out is not None  # noqa: S101 - both are pipes
    assert err is not None  # noqa: S101
    written: dict[IO[bytes], bytearray] = {out: bytearray(), err: bytearray()}
    with selectors.DefaultSelector() as selector:
        for stream in written:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise subprocess.TimeoutExpired(process.args, DEADLINE_S)
            for key, _ in selector.select(left_s):
                stream = out if key.fileobj is out else err
                chunk = os.read(key.fd, _CHUNK_BYTES)
                written[stream] += chunk
                if not chunk:
                    selector.unregister(stream)
            if len(written[out]) > MAX_FILE_BYTES:
                raise ScriptError(f"it printed more than {MAX_FILE_BYTES} bytes")
            del written[err][:-_MAX_STDERR_BYTES]
    return bytes(written[out]), bytes(written[err])


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the script and whatever it started in its session."""
    os.killpg(process.pid, signal.SIGKILL)  # nobody has waited for the script yet, so its number is still its own
    process.wait()


def _last_words(stderr: bytes) -> str | None:
    lines = [line.strip() for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    text = " | ".join(lines)
    if len(text) > _MAX_QUOTED_CHARACTERS:
        text = "…" + text[-_MAX_QUOTED_CHARACTERS + 1 :]
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text) or None
