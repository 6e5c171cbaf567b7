"""When a slave that lost its master tries again.

At once, after 1 s, then with doubling pauses of at most 60 s. Jitter only shortens a pause, and no pause is longer than
the outage so far + 1 s: who was away for a moment is back within a moment. The original waits exactly 60 s after any
error, so all its slaves come back together (``protocol.md`` section 14, no. 17).
"""

from __future__ import annotations

__all__ = ["LONGEST_PAUSE_S", "check_pause_s", "retry_pause_s"]

LONGEST_PAUSE_S = 60.0
_RETRY_JITTER = 0.25
_CHECK_JITTER = 0.05


def retry_pause_s(failures: int, *, outage_s: float, jitter: float) -> float:
    """Return how long to wait before the next try.

    Args:
        failures: tries that failed since the last success; 0 = the loss was only just noticed.
        outage_s: seconds since the last success.
        jitter: drawn from [0, 1]; 0 leaves the pause as it is.
    """
    if failures == 0:
        return 0.0
    pause_s = min(2.0 ** min(failures - 1, 10), LONGEST_PAUSE_S, outage_s + 1.0)
    return pause_s * (1.0 - _RETRY_JITTER * jitter)


def check_pause_s(interval_s: float, *, jitter: float) -> float:
    """Return how long after a check began the next one is due: ``interval_s``, or a little less, never more."""
    return interval_s * (1.0 - _CHECK_JITTER * jitter)
