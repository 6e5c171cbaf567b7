"""The table that shows how a command gets on, in a real terminal."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.live import live_table
from cli.output import Sink, Streams
from cli.settings import Settings
from cli.tables import Table
from tests.support.cli import Stream
from tests.support.silence import Silence, silence
from tests.support.site import Site, eventually
from tests.support.terminal import Terminal, terminal

SLAVES = 30


@pytest.fixture(name="silent")
def _silent() -> Iterator[Silence]:
    with silence() as one:
        yield one


@pytest.fixture
def site(tmp_path: Path, silent: Silence) -> Site:
    """Slave 0 is here; for all others a machine is waited for that never says a word."""
    site = Site(tmp_path, slaves=SLAVES)
    there = {"connection": "ssh", "ssh_port": silent.port}
    site.more = {name: there for name in list(site.ports)[1:]}
    site.write_inventory()
    (site.remote / "_all").mkdir(exist_ok=True)
    site.cache().mkdir(parents=True)
    return site


def _run(
    site: Site, *arguments: str, size: tuple[int, int] = (24, 80), stdout: Path | None = None
) -> contextlib.AbstractContextManager[Terminal]:
    command = site.command(*arguments)
    return terminal(command, folder=site.folder, environ=site.environment(), size=size, stdout=stdout)


def test_it_shows_who_is_waited_for_and_is_gone_at_the_end(site: Site, silent: Silence) -> None:
    with _run(site, "diff", "slave-0", "slave-1") as screen:
        screen.wait_for("1 OF 2", "slave-1  1 s", gone=["slave-0"])
        silent.end()
        assert screen.wait() == 2
        assert " OF " not in screen.text
        assert screen.lines[0].startswith("jsync: slave-1: ")
        assert "slave-0  ok " in screen.text
        assert screen.is_sane


def test_ports_that_are_checked_still_stand_first(site: Site, silent: Silence) -> None:
    with _run(site, "check-ports", "slave-0", "slave-1", "--timeout", "30") as screen:
        screen.wait_for("2 OF 6")
        assert [line.split()[-1] for line in screen.lines[1:]] == ["…"] * 4 + ["no-listener"] * 2
        silent.end()
        assert screen.wait() == 1
        assert " OF 6" not in "\n".join([*screen.scrolled_away, screen.text])
        assert screen.is_sane


@pytest.mark.parametrize("size", [(10, 40), (4, 20)])
def test_it_stays_within_a_small_terminal(site: Site, silent: Silence, size: tuple[int, int]) -> None:
    with _run(site, "diff", "slaves", size=size) as screen:
        screen.wait_for("1 OF 30", " 1 s")
        screen.wait_for(" 2 s")
        assert len(screen.lines) < size[0]
        silent.end()
        assert screen.wait() == 2
        assert " OF 30" not in "\n".join([*screen.scrolled_away, screen.text])


def test_it_follows_the_size_of_the_terminal(site: Site, silent: Silence) -> None:
    with _run(site, "diff", "slaves") as screen:
        screen.wait_for("1 OF 30")
        eventually(lambda: len(screen.lines) == 21, what="the forks and the head")
        screen.resize(10, 40)
        eventually(lambda: len(screen.lines) == 8, what="what fits")
        screen.resize(24, 80)
        eventually(lambda: len(screen.lines) == 21, what="everybody again")
        screen.press("\x03")
        assert screen.wait() == 130


def test_it_is_gone_after_an_interruption(site: Site) -> None:
    with _run(site, "diff", "slaves") as screen:
        screen.wait_for("1 OF 30")
        screen.press("\x03")
        assert screen.wait() == 130
        assert " OF " not in screen.text
        assert screen.lines[-1].lstrip("^C") == "jsync: interrupted"
        assert screen.is_sane


def test_stdout_elsewhere_has_nothing_of_it(site: Site, silent: Silence, tmp_path: Path) -> None:
    with _run(site, "diff", "slave-0", "slave-1", "-o", "json", stdout=tmp_path / "out") as screen:
        screen.wait_for("1 OF 2")
        silent.end()
        assert screen.wait() == 2
        assert screen.lines == []
    assert (tmp_path / "out").read_text().startswith('{"schema": "jsync.diff/1"')


def test_without_a_terminal_there_is_nothing_of_it(site: Site, silent: Silence) -> None:
    silent.end()
    run = site.run("diff", "slaves")
    assert run.code == 2
    assert not any(word in run.stdout + run.stderr for word in ("\x1b", "\r", " OF "))


def test_what_is_logged_meanwhile_stands_above() -> None:
    stream = Stream(is_terminal=True)
    sink = Sink(Streams(Stream(), stream), Settings(), {})
    drawn = 0

    def table(_: int) -> Table:
        nonlocal drawn
        drawn += 1
        return Table(columns=("1 OF 2",), rows=())

    handler = logging.StreamHandler(stream)
    logging.getLogger().addHandler(handler)
    try:
        with live_table(sink, table):
            eventually(lambda: drawn > 1)
            logging.getLogger("test").warning("a word")
        assert handler.stream is stream
    finally:
        logging.getLogger().removeHandler(handler)
    erased = "\r\x1b[K\x1b[1A\x1b[K\n\x1b[1A"
    assert f"{erased}a word\n1 OF 2\n" in stream.written().decode()
    assert stream.written().decode().endswith(erased)
