"""``diff``, ``files`` and ``sync --check``, from the folders alone: no agent runs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.cli import Result, run_cli
from tests.support.ports import free_port
from tests.support.site import Site

_TIME = 1348231966


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path, slaves=2)
    for folder in (site.remote / "_all", site.cache("slave-0"), site.cache("slave-1")):
        _write(folder / "a" / "same.job.xml", b"<job/>\n")
    _write(site.own() / "mine.job.xml", b"<job title='new'/>\n")
    _write(site.cache() / "mine.job.xml", b"<job title='old'/>\n")
    return site


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (_TIME, _TIME))


def _run(site: Site, *argv: str) -> Result:
    return run_cli(*argv, environ=site.environment())


def test_diff_of_what_is_in_sync(site: Site) -> None:
    result = _run(site, "diff", "slave-1")
    assert (result.exit_code, result.err) == (0, "")
    assert result.out == "slave-1: in sync with master, 1 files (lists: master by local, slave-1 by local)\n"
    assert (_run(site, "diff", "slave-1", "-q").out, _run(site, "diff", "slave-1", "-q").err) == ("", "")


def test_diff_of_what_is_not(site: Site) -> None:
    result = _run(site, "diff", "slaves", "-q")
    assert (result.exit_code, result.err) == (1, "")
    lines = result.out.splitlines()
    assert lines[0] == "slave-0: 1 changed, 0 missing, 0 extra, 1 same (lists: master by local, slave-0 by local)"
    assert lines[2].split()[:4] == ["changed", "mine.job.xml", "file", "own"]
    assert len(lines) == 3


def test_diff_of_several_ends_with_a_recap(site: Site) -> None:
    lines = _run(site, "diff", "slaves").out.splitlines()
    assert [line.split() for line in lines[-3:]] == [
        ["SLAVE", "RECAP", "SAME", "CHANGED", "MISSING", "EXTRA", "MASTER", "LISTS"],
        ["slave-0", "changed", "1", "1", "0", "0", "master", "local,", "local"],
        ["slave-1", "ok", "1", "0", "0", "0", "master", "local,", "local"],
    ]


@pytest.mark.parametrize("line", ["diff", "sync -C", "notify -C", "status", "logs", "up -C", "down -C"])
def test_who_wants_more_is_told_how_many_at_once(site: Site, line: str) -> None:
    result = _run(site, *line.split(), "slaves", "-v", "--forks", "7")
    assert result.err.splitlines()[0].startswith("jsync: 2 hosts, 7 at once, ")
    assert result.err.splitlines()[0].endswith(" s for each")


@pytest.mark.parametrize("line", ["diff", "sync -C", "notify -C", "status"])
def test_several_hosts_end_with_a_recap(site: Site, line: str) -> None:
    result = _run(site, *line.split(), "slaves")
    assert result.err.splitlines()[-1].startswith("jsync: 2 hosts: ")
    (hosts,) = (
        value for value in _run(site, *line.split(), "slaves", "-o", "json").document.values() if type(value) is list
    )
    assert {host["recap"] for host in hosts} <= {"ok", "changed", "unreachable", "failed"}
    assert len(_run(site, *line.split(), "slave-0").err.split(" hosts: ")) == 1


def test_diff_shows_the_lines(site: Site) -> None:
    out = _run(site, "diff", "slave-0", "-u", "--color", "always").out
    assert "\x1b[1;31m-<job title='old'/>\x1b[0m\n\x1b[32m+<job title='new'/>\x1b[0m\n" in out


def test_diff_as_a_document(site: Site) -> None:
    result = _run(site, "-o", "json", "diff", "all", "-u")
    assert (result.exit_code, result.err) == (1, "")
    document = result.document
    assert (document["schema"], document["in_sync"]) == ("jsync.diff/1", False)
    assert [slave["in_sync"] for slave in document["slaves"]] == [False, True]
    [entry] = document["slaves"][0]["entries"]
    assert entry["state"] == "changed"
    assert entry["unified"].startswith("--- slave-0/mine.job.xml\n+++ master/mine.job.xml\n")


def test_diff_without_a_list_is_trouble_that_beats_a_difference(site: Site) -> None:
    site.more = {"slave-1": {"cache": str(site.folder / "nowhere")}}
    site.write_inventory()
    result = _run(site, "diff", "slaves")
    assert result.exit_code == 2
    assert "slave-0: 1 changed" in result.out
    assert "slave-1" in result.err
    document = _run(site, "diff", "slaves", "-o", "json").document
    assert document["slaves"][1]["error"]["code"] == "root-vanished"


def test_diff_of_a_master_is_a_usage_error(site: Site) -> None:
    result = _run(site, "diff", "master", "-o", "json")
    assert (result.exit_code, result.document["error"]["code"]) == (2, "usage")


def test_files_table(site: Site) -> None:
    result = _run(site, "files", "slave-0")
    assert (result.exit_code, result.err) == (0, "jsync: slave-0: list read by local\n")
    assert _run(site, "files", "slave-0", "-q").err == ""
    assert [line.split()[-1] for line in result.out.splitlines()] == ["PATH", "a/", "a/same.job.xml", "mine.job.xml"]


def test_files_document(site: Site) -> None:
    document = _run(site, "files", "master", "--for", "slave-0", "-o", "json").document
    assert list(document) == ["schema", "host", "for", "source", "tree_digest", "settling", "files"]
    assert (document["schema"], document["host"], document["for"]) == ("jsync.files/2", "master", "slave-0")
    assert document["source"] == "local"
    assert document["files"][-1] == {
        "path": "mine.job.xml",
        "kind": "file",
        "md5": document["files"][-1]["md5"],
        "last_write_time": "2012-09-21T12:52:46Z",
        "size": 19,
        "layer": "own",
    }
    assert document["files"][0] == {
        "path": "a",
        "kind": "directory",
        "md5": None,
        "last_write_time": None,
        "size": None,
        "layer": "_all",
    }


def test_files_for_md5sum(site: Site) -> None:
    result = _run(site, "files", "slave-0", "-o", "md5sum")
    assert (result.exit_code, result.err) == (0, "")
    done = subprocess.run(
        ["md5sum", "-c", "--strict", "--quiet"], input=result.out_bytes, cwd=site.cache(), check=False
    )
    assert done.returncode == 0


def test_files_as_the_protocol_s_own_document(site: Site) -> None:
    result = _run(site, "files", "slave-1", "-o", "xml")
    assert result.out.startswith('<?xml version="1.0" encoding="ISO-8859-1"?>\n<supervisor.remote_scheduler.')
    assert 'name="same.job.xml" last_write_time="2012-09-21T12:52:46.000Z" md5="' in result.out
    assert not result.out.endswith("\n")
    on_terminal = run_cli("files", "slave-1", "-o", "xml", environ=site.environment(), is_terminal=True)
    assert on_terminal.out == result.out + "\n"


@pytest.mark.parametrize("argv", [("files", "master"), ("files", "slaves"), ("files", "slave-0", "--for", "slave-1")])
def test_files_of_what_is_no_single_list(site: Site, argv: tuple[str, ...]) -> None:
    result = _run(site, *argv, "-o", "json")
    assert (result.exit_code, result.document["error"]["code"]) == (2, "usage")


def test_sync_without_a_master_is_trouble(site: Site) -> None:
    result = _run(site, "sync", "slave-0", "-C")
    assert (result.exit_code, result.out) == (2, "")
    assert result.err.startswith("jsync: ")
    document = _run(site, "sync", "slave-0", "-CD", "-o", "json").document
    assert (document["schema"], document["ok"], document["is_check"]) == ("jsync.sync/1", False, True)
    assert document["slaves"][0]["error"]["code"] == "unreachable"
    assert document["slaves"][0]["unified"] == ""


def test_notify(site: Site) -> None:
    result = _run(site, "notify", "slave-0", "-C")
    assert (result.exit_code, result.err) == (0, "")
    assert result.out == f"slave-0: wake-up would be sent to 127.0.0.1:{site.ports['slave-0']} by UDP from master\n"
    assert _run(site, "notify", "slave-0", "-Cq").out == ""
    document = _run(site, "notify", "slaves", "-C", "-o", "json").document
    assert (document["schema"], document["ok"]) == ("jsync.notify/1", True)
    assert [slave["protocol"] for slave in document["slaves"]] == ["udp", "udp"]


def test_notify_where_nobody_listens(site: Site) -> None:
    site.more = {"slave-0": {"udp_port": 0}}
    site.write_inventory()
    result = _run(site, "notify", "slave-0")
    assert (result.exit_code, result.out) == (2, "")
    assert "slave-0" in result.err


def test_check_ports_where_nothing_runs(site: Site) -> None:
    result = _run(site, "check-ports", "slave-0")
    assert result.exit_code == 1
    assert result.out.count("no-listener") == 6
    assert "  next: start the agent: jsync up slave-0\n" in result.out
    assert _run(site, "check-ports", "slave-0", "--network-only", "-q").out == ""
    result = _run(site, "check-ports", "slave-0", "-o", "json")
    assert (result.exit_code, result.document["schema"], result.document["ok"]) == (1, "jsync.check-ports/1", False)
    assert len(result.document["checks"]) == 3


def test_status_where_nothing_runs(site: Site) -> None:
    result = _run(site, "status", "slaves")
    assert (result.exit_code, result.err) == (1, "jsync: 2 hosts: 2 failed\n")
    assert _run(site, "status", "slaves", "-q").err == ""
    assert [line.split()[:3] for line in result.out.splitlines()[1:]] == [
        ["slave-0", "slave", "stopped"],
        ["slave-1", "slave", "stopped"],
    ]
    document = _run(site, "status", "-o", "json").document
    assert (document["schema"], document["ok"], len(document["agents"])) == ("jsync.status/2", False, 3)


@pytest.mark.parametrize("argv", [("status", "--watch"), ("logs", "-f")])
def test_what_never_ends_is_no_document(site: Site, argv: tuple[str, ...]) -> None:
    result = _run(site, *argv, "-o", "json")
    assert (result.exit_code, result.document["error"]["code"]) == (2, "usage")


def test_down_and_logs_where_nothing_runs(site: Site) -> None:
    assert _run(site, "logs").out == ""
    hosts = [{"host": host, "recap": "ok"} for host in ("master", "slave-0", "slave-1")]
    assert _run(site, "logs", "-o", "json").document == {
        "schema": "jsync.logs/1",
        "lines": [],
        "hosts": hosts,
        "errors": [],
    }
    result = _run(site, "down")
    assert result.exit_code == 0
    assert result.out.count("not-running") == 3
    assert result.err == "jsync: 3 hosts: 3 ok\n"
    assert _run(site, "down", "-q").out == ""


def test_up_says_what_it_would_do(site: Site) -> None:
    result = _run(site, "up", "-C")
    assert (result.exit_code, result.err) == (0, "jsync: 3 hosts: 3 changed\n")
    assert result.out.count("started") == 3
    assert not site.state.exists()
    document = _run(site, "up", "-C", "-o", "json").document
    assert (document["schema"], document["ok"], document["is_check"]) == ("jsync.up/1", True, True)
    assert document["agents"][0] == {
        "host": "master",
        "outcome": "started",
        "pid": None,
        "installed": None,
        "error": None,
        "recap": "changed",
    }


def test_agents_of_a_machine_that_is_not_reached(site: Site) -> None:
    site.more = {"slave-1": {"connection": "ssh", "ssh_port": free_port()}}
    site.write_inventory()
    for command in (["up", "-d"], ["up", "-C"], ["up", "--install"], ["down"]):
        result = _run(site, *command, "slave-1")
        assert (result.exit_code, result.out.splitlines()[1].split()) == (2, ["slave-1", "unreachable", "unreachable"])
        assert "Connection refused" in result.err
    refusal = "SSH to 127.0.0.1 port"
    foreground = _run(site, "up", "slave-1")
    assert (foreground.exit_code, foreground.out[:18]) == (2, "slave-1 | " + refusal[:8])
    assert f"jsync: slave-1: {refusal}" in foreground.err
    agent = _run(site, "agent", "slave-1")
    assert (agent.exit_code, agent.out) == (2, "")
    assert f"jsync: slave-1: {refusal}" in agent.err
    assert _run(site, "agent", "slave-1", "-o", "json").document["error"]["code"] == "unreachable"


def test_an_agent_is_one_host_s_of_ours(site: Site) -> None:
    site.more = {"slave-1": {"connection": "none"}}
    site.write_inventory()
    assert "one host is wanted here" in _run(site, "agent", "slaves").err
    assert "it has no agent of ours" in _run(site, "agent", "slave-1").err


def test_notify_of_a_slave_whose_master_is_elsewhere_says_that_it_may_be_ignored(site: Site) -> None:
    site.more = {"master": {"connection": "none"}}
    site.write_inventory()
    result = _run(site, "notify", "slave-0", "-q")
    assert (result.exit_code, result.out) == (0, "")
    assert result.err == (
        "jsync: slave-0: the wake-up may be ignored: it goes from here, where no master is "
        "(master has `connection: none`)\n"
    )


def test_logs_of_a_host_that_is_somebody_elses(site: Site) -> None:
    state = site.state / "slave-0"
    state.mkdir(parents=True)
    (state / "agent.log").mkdir()
    result = _run(site, "logs", "slave-0")
    assert (result.exit_code, result.out) == (2, "")
    assert "agent.log can't be read" in result.err
    [error] = _run(site, "logs", "slave-0", "-o", "json").document["errors"]
    assert (error["host"], error["error"]["code"]) == ("slave-0", "file")
    followed = _run(site, "logs", "slave-0", "-f")
    assert followed.exit_code == 2
    assert "agent.log can't be read" in followed.err
