"""The password for SSH goes to the login and to nobody else: no child of any kind finds it."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from tests.support.site import Site, eventually

_PASSWORD = "JSYNC_SSH_PASSWORD"
_LISTED = '{"masters": {"hosts": ["m"]}, "_meta": {"hostvars": {"m": {"remote": "/r"}}}}'


def run(site: Site, *arguments: str) -> None:
    done = subprocess.run(
        site.command(*arguments),
        env={**site.environment(), _PASSWORD: "hush", "SITE": "north"},
        cwd=site.folder,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def environment_of(pid: int) -> str:
    return Path(f"/proc/{pid}/environ").read_bytes().decode()


def test_a_detached_agent_does_not_get_it(tmp_path: Path) -> None:
    site = Site(tmp_path)
    try:
        run(site, "up", "-d")
        for host in ("master", "slave-0"):
            assert "SITE=north" in environment_of(site.pid(host))
            assert _PASSWORD not in environment_of(site.pid(host))
    finally:
        site.run("down")


def test_an_agent_in_the_foreground_does_not_get_it(tmp_path: Path) -> None:
    site = Site(tmp_path)
    environ = {**site.environment(), _PASSWORD: "hush", "SITE": "north"}
    with subprocess.Popen(site.command("up", "master"), env=environ, stderr=subprocess.DEVNULL) as process:
        try:
            eventually((site.state / "master" / "agent.json").exists, what="the agent runs")
            assert "SITE=north" in environment_of(site.pid("master"))
            assert _PASSWORD not in environment_of(site.pid("master"))
        finally:
            os.kill(process.pid, signal.SIGTERM)


def test_an_inventory_that_is_a_program_does_not_get_it(tmp_path: Path) -> None:
    site = Site(tmp_path)
    script = tmp_path / "inventory"
    script.write_text(f"#!/bin/sh\nenv >{tmp_path}/seen\necho '{_LISTED}'\n")
    script.chmod(0o755)
    run(site, "validate", "-i", str(script))
    seen = (tmp_path / "seen").read_text()
    assert "SITE=north" in seen
    assert _PASSWORD not in seen
