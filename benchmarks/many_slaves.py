"""One change, told to and fetched by 100, 1,000 and 3,500 JobSchedulers at once; and what they cost the master.

    python -m benchmarks.many_slaves [COUNT ...]

The master is a real process; the slaves are scripted, all in one process of their own, each with a connection and a
wake-up port of its own. ``register`` is the time until all have registered and have their first copy of 50 files;
``told`` and ``fetched`` are the times from the edit of one file until the last slave got its datagram, and its answer.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.support.crowd import CrowdSite, a_crowd
from tests.support.site import eventually, running_site

_FILES = 50
_PATIENCE_S = 300.0


def main() -> None:
    """Measure and print."""
    counts = [int(argument) for argument in sys.argv[1:]] or [100, 1000, 3500]
    print("slaves  register s  told s  fetched s  master MiB (before, after)")
    for count in counts:
        with tempfile.TemporaryDirectory(prefix="jsync-bench-") as name:
            _measure(CrowdSite(Path(name), count))


def _measure(site: CrowdSite) -> None:
    for number in range(_FILES):
        site.write(site.remote / "_all" / f"{number:02}.job.xml", f"<job title='{number}'/>\n".encode() * 20)
    with running_site(site, ["master"]):
        before_mib = site.memory_mib()
        with a_crowd(site) as crowd:
            edited_at = time.monotonic()
            site.write(site.remote / "_all" / "00.job.xml", b"<job title='edited'/>\n")
            eventually(lambda: _is_over(site), timeout_s=_PATIENCE_S, what="everybody in sync")
            story = crowd.story()
            after_mib = site.memory_mib()
    if story["fetched"] != site.count or story["errors"]:
        raise SystemExit(f"not everybody got the change: {story}")
    print(
        f"{site.count:6}  {crowd.ready['seconds']:10.2f}  {story['last_told_at'] - edited_at:6.2f}  "
        f"{story['last_fetched_at'] - edited_at:9.2f}  {before_mib:.0f}, {after_mib:.0f}"
    )


def _is_over(site: CrowdSite) -> bool:
    told = site.log("master").count("sending UDP command check_folders")
    return told >= site.count and bool(
        site.run("status", "master", "-o", "json").json["agents"][0]["slaves_in_sync"] == site.count
    )


if __name__ == "__main__":
    main()
