"""What a master knows of its slaves, and what that adds to what a slave says of itself."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sync_core.fleet.agent_status import AgentState, AgentStatus

__all__ = ["SlaveView", "with_master_view"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlaveView:
    """What a master knows of one slave.

    Attributes:
        is_registered: whether it is there now.
        is_pending: whether it lacks something.
        registered_at: since when it is there.
        pending_since: since when it lacks something.
        pending_because: why, in words.
        fetched_at: when it last got what it lacked.
    """

    is_registered: bool
    is_pending: bool
    registered_at: str | None = None
    pending_since: str | None = None
    pending_because: str | None = None
    fetched_at: str | None = None


def with_master_view(status: AgentStatus, view: SlaveView | None, master: str) -> AgentStatus:
    """Return the status of a slave with what its master adds: one whom no wake-up reaches believes itself in sync.

    Args:
        status: what the slave says; where it says nothing of being in sync, its master's word is taken.
        view: what the master says of it; ``None``: the master does not know it.
        master: the master's name.
    """
    is_silent = status.in_sync is None and status.state is AgentState.RUNNING
    if view is None:
        because = f"it has never registered with {master}"
        return replace(status, in_sync=False, pending_because=because) if is_silent else status
    if is_silent:
        status = replace(
            status,
            in_sync=view.is_registered,
            master=master,
            registered_at=view.registered_at,
            last_fetch_at=view.fetched_at,
            pending_because=None if view.is_registered else f"it is not registered with {master} now",
        )
    if not view.is_pending or (status.in_sync is False and status.last_error is not None):
        return status  # why it does not take what it is given, the slave itself says best
    return replace(status, in_sync=False, pending_since=view.pending_since, pending_because=view.pending_because)
