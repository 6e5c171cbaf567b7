"""An agent's folder ``<state folder>/<host>/``: who runs, for which inventory, and what it remembers.

agent.lock      held for the life of an agent: a second one refuses to start
up.lock         held while somebody starts, stops or reloads the agent
agent.json      the run record: there from the start until a clean stop
beat            when the agent last was seen to be alive, on the clock that all processes share since the system's start
status.json     what ``jsync status`` shows, written by the agent
agent.log       what a detached agent wrote
agent.err       what its last start wrote to stderr
agent.sock      where root and the agent's own user ask it
digests.sqlite  the digest cache
root.json       on which file system its folder lies
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import platformdirs

from sync_core.agent.json_files import read_object, write_object
from sync_core.agent.own_folder import cant_be_made, make_own, open_own
from sync_core.agent.run_record import RunRecord
from sync_core.model.errors import StateError
from sync_core.model.inventory import SOURCE_SEPARATOR

if TYPE_CHECKING:
    from filelock import BaseFileLock

__all__ = ["HostState", "state_folder"]

_log = logging.getLogger(__name__)

_STATUS: Final = "status.json"


def state_folder(environ: Mapping[str, str]) -> Path:
    """Return where run state lies: ``JSYNC_STATE_DIR``, ``/var/lib/jsync`` for root, else the user's state folder."""
    explicit = environ.get("JSYNC_STATE_DIR")
    if explicit:
        return Path(explicit).expanduser().absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/jsync")
    return Path(platformdirs.user_state_dir("jsync"))


class HostState:
    """The state folder of one host.

    Args:
        folder: the state folder of all hosts.
        host: the inventory's name.
    """

    def __init__(self, folder: Path, host: str) -> None:
        self.host = host
        self.folder = folder / host
        self.log_path = self.folder / "agent.log"
        self.startup_errors_path = self.folder / "agent.err"
        self.digests_path = self.folder / "digests.sqlite"
        self.record_path = self.folder / "agent.json"
        self.socket_path = self.folder / "agent.sock"
        self._is_status_written = True

    @property
    def owner(self) -> int:
        """The user whose folder it is; raises OSError where it is gone."""
        return self.folder.stat().st_uid

    def create(self) -> None:
        """Make the folder, readable by its owner only.

        Raises:
            StateError: it can't be made, or others may write to it.
        """
        make_own(self.folder.parent)
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            with self.open():
                pass
        except OSError as error:
            raise cant_be_made(self.folder, error) from error

    def agent_lock(self) -> BaseFileLock:
        """Return the lock that an agent holds for its life; the kernel frees it when the process dies."""
        return self._lock("agent.lock")

    @contextlib.contextmanager
    def held_for_up(self, timeout_s: float) -> Iterator[None]:
        """Hold the lock of those who start, stop or reload the agent.

        Args:
            timeout_s: how long to wait for another one.

        Raises:
            StateError: it was not given up in time.
        """
        import filelock  # noqa: PLC0415 - whoever only looks at agents locks nothing

        lock = self._lock("up.lock")
        try:
            lock.acquire(timeout=timeout_s)
        except filelock.Timeout:
            raise StateError(f"another jsync is starting or stopping {self.host}", host=self.host) from None
        try:
            yield
        finally:
            lock.release()

    def _lock(self, name: str) -> BaseFileLock:
        from sync_core.agent.state_lock import StateLock  # noqa: PLC0415 - whoever only looks at agents locks nothing

        return StateLock(self.folder / name, mode=0o600)

    def record(self) -> RunRecord | None:
        """Return the run record; ``None`` where there is none, or none that can be read.

        Raises:
            StateError: others may write to the folder, so that it may be anybody's.
        """
        return RunRecord.of(self.read(self.record_path.name))

    def write_record(self, record: RunRecord) -> None:
        """Replace the run record.

        Raises:
            StateError: it can't be written.
        """
        try:
            with self.open() as folder:
                write_object(folder, self.record_path.name, asdict(record))
        except OSError as error:
            raise StateError(
                f"{self.record_path} can't be written: {error.strerror}",
                hint="free some space there, or set JSYNC_STATE_DIR to another folder",
                host=self.host,
            ) from error

    def remove_record(self) -> None:
        """Forget the run record: the agent stopped on purpose."""
        self.record_path.unlink(missing_ok=True)

    def forget(self, record: RunRecord) -> None:
        """Remove the record of an agent that is gone, unless another one has put its own there."""
        if self.record() == record:
            self.remove_record()

    def status(self) -> dict[str, Any]:
        """Return what the agent last said about itself, by the keys of ``jsync.status/2``; may be empty."""
        return self.read(_STATUS)

    def write_status(self, values: Mapping[str, Any]) -> None:
        """Replace the status; an agent whose status can't be written goes on, and says so in its log once."""
        try:
            with self.open() as folder:
                write_object(folder, _STATUS, values)
        except (OSError, StateError) as error:
            if self._is_status_written:
                place = self.folder / _STATUS
                _log.warning("%s can't be written, `jsync status` shows old values: %s", place, error)
            self._is_status_written = False
        else:
            self._is_status_written = True

    def claim(self, inventory: str) -> RunRecord | None:
        """Return the run record after checking that the host is that of ``inventory``.

        Args:
            inventory: its ``source``.

        Raises:
            StateError: another inventory that still exists, or whose agent runs, owns the name; it is named. Or
                others may write to the folder.
        """
        record = self.record()
        if record is None or record.inventory == inventory:
            return record
        if record.is_alive or _is_there(record.inventory):
            options = " ".join(f"-i {source}" for source in record.inventory.split(SOURCE_SEPARATOR))
            raise StateError(
                f"the host {self.host} belongs to another inventory: {record.inventory}",
                hint=f"`jsync down {self.host} {options}` frees it, or set another JSYNC_STATE_DIR",
                host=self.host,
            )
        return None

    def read(self, name: str) -> dict[str, Any]:
        """Return the object in a small file of the folder; empty where there is none.

        Raises:
            StateError: others may write to the folder.
        """
        try:
            with self.open() as folder:
                return read_object(folder, name) or {}
        except OSError:
            return {}

    @contextlib.contextmanager
    def open(self) -> Iterator[int]:
        """Give a descriptor of the folder.

        Raises:
            StateError: others may write to it.
            OSError: it is not there, or can't be opened.
        """
        with open_own(self.folder.parent) as above, open_own(self.folder, within=above) as folder:
            yield folder


def _is_there(inventory: str) -> bool:
    """Return whether the inventory of that ``source`` still exists, in all its parts."""
    return Path(inventory).exists() or all(Path(part).exists() for part in inventory.split(SOURCE_SEPARATOR))
