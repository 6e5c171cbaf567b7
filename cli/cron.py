"""When a command runs: not at the same second as everywhere else, and not twice at once. For cron lines."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from cli.command import Call
from sync_core.model.errors import StateError

__all__ = ["in_its_turn"]


@contextlib.contextmanager
def in_its_turn(call: Call, command: str, *, sleep: Callable[[float], None] = time.sleep) -> Iterator[None]:
    """Wait as ``--splay`` and ``--lock-timeout`` say, and hold the lock meanwhile.

    Args:
        call: has the options.
        command: its name; there is one lock for each command and inventory.
        sleep: waits so many seconds.

    Raises:
        StateError: another run holds the lock for too long, or it can't be made.
        UsageError: there is no inventory.
    """
    if call.settings.splay_s > 0:
        import secrets

        sleep(secrets.SystemRandom().uniform(0, call.settings.splay_s))
    if call.settings.lock_timeout_s is None:
        yield
        return
    import filelock

    lock = filelock.FileLock(_lock_path(call, command), mode=0o600)
    try:
        lock.acquire(timeout=call.settings.lock_timeout_s)
    except filelock.Timeout:
        raise StateError(
            f"another `jsync {command}` of this inventory is still at work",
            hint="wait for it with a longer --lock-timeout, or call it less often",
        ) from None
    except OSError as error:
        raise StateError(f"{lock.lock_file} can't be made: {error.strerror}") from error
    try:
        yield
    finally:
        lock.release()


def _lock_path(call: Call, command: str) -> Path:
    from sync_core.agent.own_folder import make_own
    from sync_core.agent.state import state_folder
    from sync_core.inventory import find
    from sync_core.model.file import md5_of

    folder = state_folder(call.environ)
    found = find(call.settings.inventories, environ=call.environ)
    inventory = "\0".join(str(path.absolute()) for path in found).encode("utf-8", "surrogateescape")
    make_own(folder)
    return folder / f".{command}-{md5_of(inventory)[:12]}.lock"
