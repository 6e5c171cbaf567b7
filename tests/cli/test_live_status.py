"""``status --watch`` as a person sees it, with real agents."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.support.silence import silence
from tests.support.site import Site, eventually
from tests.support.terminal import Terminal, terminal

pytestmark = pytest.mark.e2e


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.run("down")


def _watch(
    site: Site, *arguments: str, size: tuple[int, int] = (24, 80), stdout: Path | None = None
) -> AbstractContextManager[Terminal]:
    command = site.command("status", "--watch", *arguments)
    return terminal(command, folder=site.folder, environ=site.environment(), size=size, stdout=stdout)


def _host(screen: Terminal, name: str) -> list[str]:
    """Return the words of a host's line."""
    return next((line.split() for line in screen.lines if line.startswith(f"{name} ")), [])


def test_it_follows_agents_in_place(site: Site) -> None:
    with _watch(site) as screen:
        screen.wait_for("2 hosts: 2 failed", "slave-0  slave   stopped")
        site.up()
        screen.wait_for("2 hosts: 2 ok", "1 of 1", gone=["stopped"])
        assert _host(screen, "slave-0")[1:3] == ["slave", "running"]
        site.run("down", "slave-0")
        screen.wait_for("1 ok, 1 failed", "slave-0  slave   stopped")
        assert screen.text.count("HOST ") == 1
        assert not any(screen.scrolled_away)


def test_it_shows_a_slave_that_falls_behind_and_catches_up(site: Site) -> None:
    site.up()
    with _watch(site) as screen:
        screen.wait_for("2 ok", "  yes  ")
        pid = site.pid("slave-0")
        os.kill(pid, signal.SIGSTOP)
        try:
            site.write(site.remote / "_all" / "new.job.xml", b"<job/>")
            screen.wait_for("0 of 1", "  no ", "behind since ", "ago: the wake-up")
        finally:
            os.kill(pid, signal.SIGCONT)
        screen.wait_for("2 ok", "1 of 1", "  yes  ", gone=["behind"])


def test_ctrl_c_ends_it_and_leaves_the_last_state_and_a_sane_terminal(site: Site) -> None:
    with _watch(site) as screen:
        screen.wait_for("2 hosts: 2 failed")
        screen.press("\x03")
        assert screen.wait() == 130
        assert screen.is_sane
        assert "slave-0  slave   stopped" in screen.text
        assert screen.lines[-1].removeprefix("^C") == "jsync: interrupted"


def test_it_fits_a_small_terminal_and_follows_its_size(tmp_path: Path) -> None:
    site = Site(tmp_path, slaves=12)
    try:
        site.up("master", "slave-0")
        with _watch(site, size=(10, 40)) as screen:
            screen.wait_for("2 ok, 11 failed", "more lines")
            assert len(screen.lines) == 9
            assert _host(screen, "slave-1") and not _host(screen, "slave-0"), "what needs attention comes first"
            assert screen.lines[0].endswith("UTC  13 hosts: 2 ok, 11 failed")
            screen.resize(30, 100)
            screen.wait_for("slave-11", "slave-0 ", gone=["more lines"])
            screen.resize(8, 30)
            eventually(lambda: len(screen.lines) == 7 and all(len(line) <= 30 for line in screen.lines))
            screen.press("\x03")
            assert screen.wait() == 130
            assert not any("HOST" in line for line in screen.scrolled_away)
    finally:
        site.run("down")


def test_who_is_silent_delays_nobody(tmp_path: Path) -> None:
    site = Site(tmp_path, slaves=2)
    with silence() as silent:
        site.more = {"slave-1": {"connection": "ssh", "ssh_port": silent.port}}
        site.write_inventory()
        with _watch(site) as screen:
            screen.wait_for("2 hosts: 2 failed; waiting for slave-1", "slave-0")
            silent.end()
            screen.wait_for("3 hosts: 1 unreachable, 2 failed", "slave-1  slave   unreachable", gone=["waiting"])


def test_quiet_shows_what_needs_attention(site: Site) -> None:
    site.up("master")
    with _watch(site, "-q") as screen:
        screen.wait_for("1 ok, 1 failed", "slave-0  slave  stopped")
        assert not _host(screen, "master")


def test_elsewhere_the_table_is_printed_when_it_changes(site: Site, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def tables() -> list[str]:
        return out.read_text().split("HOST ")[1:]

    with _watch(site, stdout=out) as screen:
        eventually(lambda: out.exists() and len(tables()) == 1)
        site.up("master")
        eventually(lambda: "running" in tables()[-1])
        screen.press("\x03")
        assert screen.wait() == 130
        assert screen.text.removeprefix("^C") == "jsync: interrupted"
    assert "\x1b" not in out.read_text()
    assert all(line.isprintable() for line in out.read_text().splitlines())
