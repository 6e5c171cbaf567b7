"""One inventory, many hosts: each a network namespace with its own SSH server, address and folders.

Two have jsync and agents, one of them a disk that is full; three have none: a Python, nothing but a shell, nothing but
SFTP; one has another key than is known; one takes connections and says nothing. Each command is run for all at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sync_core.model.file import md5_of
from tests.support.disk import write_tree
from tests.support.lan import Lan, Machine, lan, wait_for, why_no_lan
from tests.support.netns import ROOT

REASON = why_no_lan()
if REASON is not None and os.environ.get("JSYNC_REQUIRE_NETNS"):
    raise RuntimeError(REASON)
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(REASON is not None, reason=REASON or ""),
    pytest.mark.xdist_group("fleet_hosts"),
]

SILENCE = """\
import select, socket
ports = [socket.create_server(("0.0.0.0", port)) for port in (22, 5000)]
taken = []
while True:
    for one in select.select(ports, [], [])[0]:
        taken.append(one.accept())
"""
JSYNC = """\
#!/bin/sh
exec env JSYNC_STATE_DIR={state} PYTHONPATH={root} {python} -P -m cli "$@"
"""
TREE = {"same.job.xml": b"<job/>\n", "d/new.job.xml": b"<job title='new'/>\n", "logo.png": b"\x89PNG\0new"}
OLD = {"same.job.xml": b"<job/>\n", "d/new.job.xml": b"<job title='old'/>\n", "logo.png": b"\x89PNG\0old!"}
SLAVES = ("one", "full", "python", "shell", "sftp", "changed", "silent")
DEADLINE_S = 30


@dataclass
class Run:
    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        return json.loads(self.stdout)


@dataclass
class Fleet:
    """The machines, and the desk from which they are looked after."""

    net: Lan
    folder: Path
    desk: Machine
    hosts: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def inventory(self) -> Path:
        return self.folder / "jsync.yaml"

    def run(self, *arguments: str, is_alone: bool = True) -> Run:
        """Run jsync on the desk; it must be done in time, and leave nothing behind on any machine."""
        started_s = time.monotonic()
        with self.started(*arguments) as process:
            stdout, stderr = process.communicate(timeout=120)
        assert time.monotonic() - started_s < DEADLINE_S, stderr
        if is_alone:
            self.check_that_nothing_remains()
        return Run(process.returncode, stdout, stderr)

    def started(self, *arguments: str) -> subprocess.Popen[str]:
        """Start jsync on the desk."""
        return subprocess.Popen(
            ["ip", "netns", "exec", self.desk.name, sys.executable, "-P", "-m", "cli", *arguments],
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def connections(self) -> list[str]:
        """Return what the desk is connected with."""
        return self.desk.run("ss", "-Htn", "state", "established").stdout.splitlines()

    def check_that_nothing_remains(self) -> None:
        """Wait until only agents and SSH servers run anywhere, and the desk is connected with nobody."""
        wait_for(lambda: not self.remains() and not self.connections(), "nothing remains")

    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "JSYNC_STATE_DIR": str(self.folder / "desk"),
            "JSYNC_INVENTORY": str(self.inventory),
        }

    def add(self, name: str, role: str, *, key: str = "host", **more: Any) -> Machine:
        """Add a machine with one host; ``key`` passes for that of its SSH server."""
        machine = self.net.add(name, has_ssh=False, key=key)
        place = self.folder / name
        (place / "folder").mkdir(parents=True)
        jsync = place / "jsync"
        jsync.write_text(JSYNC.format(state=place / "state", root=ROOT, python=sys.executable))
        jsync.chmod(0o755)
        self.hosts[name] = {
            "address": machine.address,
            "jsync": str(jsync),
            ("remote" if role == "masters" else "cache"): str(place / "folder"),
            **more,
        }
        return machine

    def write(self) -> None:
        """Write the inventory."""
        slaves = {name: values for name, values in self.hosts.items() if name != "master"}
        document = {
            "all": {"vars": {"ssh_config": str(self.net.ssh_config), "interval_s": 3600}},
            "masters": {"hosts": {"master": self.hosts["master"]}},
            "slaves": {"hosts": slaves},
        }
        self.inventory.write_text(json.dumps(document))

    def remains(self) -> dict[str, set[str]]:
        """Return the commands that run on each machine, but for its SSH server and agents."""
        return {name: self._commands(machine) for name, machine in self.net.machines.items() if self._commands(machine)}

    def _commands(self, machine: Machine) -> set[str]:
        words = set()
        for pid in machine.pids():
            try:
                command = Path("/proc", pid, "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            known = ("sshd: /usr/sbin/sshd", "/usr/sbin/sshd -D", " agent ", SILENCE[:20])
            if command and not any(word in command for word in known):
                words.add(command)
        return words


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    with lan(folder) as net:
        made = Fleet(net, folder, net.add("desk", has_ssh=False))
        _build(made)
        try:
            up = made.run("up", "-d", "master", "one", "full")
            assert up.code == 0, up.stdout + up.stderr
            wait_for(lambda: "No space left" in made.run("status", "full").stdout, "the disk is full")
            wait_for(lambda: made.run("diff", "one", "-q").code == 0, "one is in sync")
            yield made
            assert made.run("down", "master", "one", "full").code == 0
        finally:
            subprocess.run(["umount", "-l", str(folder / "full" / "folder")], check=False)


def _build(fleet: Fleet) -> None:
    fleet.add("master", "masters").serve_ssh()
    desk = fleet.desk.address
    fleet.add("one", "slaves").serve_ssh()
    full = fleet.add("full", "slaves")
    _fill(fleet.folder / "full" / "folder")  # before its server starts, which sees the mounts of that moment
    full.serve_ssh()
    for name in ("python", "shell", "sftp"):
        machine = fleet.add(name, "slaves", jsync="no-such-jsync")
        machine.serve_ssh(more=_MORE.get(name, "").format(folder=fleet.folder))
    fleet.add("changed", "slaves", key="other").serve_ssh()
    fleet.add("silent", "slaves").python("-c", SILENCE, listener=":5000")
    allowed = [{"host": desk, "level": "all"}]
    fleet.hosts["master"]["allowed_hosts"] = allowed + [
        {"host": fleet.hosts[name]["address"], "level": "no_add"} for name in SLAVES
    ]
    fleet.hosts["one"]["allowed_hosts"] = [*allowed, {"host": fleet.hosts["master"]["address"], "level": "no_add"}]
    fleet.write()
    tools = fleet.folder / "tools"
    tools.mkdir()
    for tool in ("sh", "find", "md5sum", "xargs", "stat", "readlink", "head", "wc", "true"):
        (tools / tool).symlink_to(Path("/usr/bin") / tool)
    write_tree(fleet.folder / "master" / "folder" / "_all", TREE)
    for name in SLAVES[1:]:
        write_tree(fleet.folder / name / "folder", OLD if name != "full" else {})


_MORE = {
    "shell": "SetEnv PATH={folder}/tools",
    "sftp": "Subsystem sftp internal-sftp\nForceCommand internal-sftp",
}


def _fill(cache: Path) -> None:
    """Make a disk of its own of ``cache``, without room for anything more."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(cache)], check=True)
    write_tree(cache, OLD)
    with contextlib.suppress(OSError), (cache / ".filler").open("wb") as file:
        while True:
            file.write(b"x" * 4096)
            file.flush()


AGENT, SSH = "agent", "ssh"


def test_diff(fleet: Fleet) -> None:
    run = fleet.run("diff", "slaves", "-u", "-o", "json", "--timeout", "8")
    assert run.code == 2
    assert "Traceback" not in run.stderr
    found = {one["slave"]: one for one in run.document["slaves"]}
    sources = {name: (one["in_sync"], one["master_source"], one["slave_source"]) for name, one in found.items()}
    assert sources == {
        "one": (True, AGENT, AGENT),
        "full": (False, AGENT, SSH),
        "python": (False, AGENT, SSH),
        "shell": (False, AGENT, SSH),
        "sftp": (False, AGENT, SSH),
        "changed": (None, AGENT, None),
        "silent": (None, None, None),
    }
    for name in ("full", "python", "shell", "sftp"):
        assert found[name]["counts"] == {"same": 1, "changed": 2, "missing": 0, "extra": 0}
        texts = [entry["unified"].replace(f"{name}/", "slave/") for entry in found[name]["entries"]]
        assert texts[0].endswith("-<job title='old'/>\n+<job title='new'/>\n")
        assert texts[1].startswith("Binary files slave/logo.png (9 bytes, md5 ")
    error = found["changed"]["error"]
    assert (error["code"], error["host"]) == ("unreachable", "changed")
    assert "its key has changed" in error["message"]
    assert "ssh-keygen -R" in error["hint"]
    assert found["silent"]["error"]["message"] == "not done within 8 s"


def test_diff_ends_with_a_recap(fleet: Fleet) -> None:
    run = fleet.run("diff", "slaves", "--limit", "!silent")
    assert run.code == 2
    recap = [line.split()[:2] for line in run.stdout.splitlines()[-6:]]
    assert recap == [
        ["one", "ok"],
        ["full", "changed"],
        ["python", "changed"],
        ["shell", "changed"],
        ["sftp", "changed"],
        ["changed", "unreachable"],
    ]
    quiet = fleet.run("diff", "one", "-q")
    assert (quiet.code, quiet.stdout, quiet.stderr) == (0, "", "")
    assert fleet.run("diff", "python", "shell").code == 1


@pytest.mark.parametrize("name", ["python", "shell", "sftp", "full"])
def test_files(fleet: Fleet, name: str) -> None:
    run = fleet.run("files", name, "-o", "json")
    assert run.code == 0
    assert run.document["source"] == SSH
    sums = {one["path"]: one["md5"] for one in run.document["files"] if one["kind"] == "file"}
    assert sums == {path: md5_of(content) for path, content in OLD.items()}


def test_files_of_hosts_that_cannot_be_asked(fleet: Fleet) -> None:
    for name, message in {"changed": "its key has changed", "silent": "not done within 3 s"}.items():
        run = fleet.run("files", name, "-o", "json", "--timeout", "3")
        assert run.code == 2
        assert message in run.document["error"]["message"]
        assert run.document["error"]["host"] == name


def test_status(fleet: Fleet) -> None:
    run = fleet.run("status", "-o", "json", "--timeout", "8")
    assert run.code == 2
    assert "Traceback" not in run.stderr
    found = {one["host"]: one for one in run.document["agents"]}
    states = {name: (one["state"], one.get("in_sync")) for name, one in found.items()}
    assert states == {
        "master": ("running", None),
        "one": ("running", True),
        "full": ("running", False),
        **dict.fromkeys(("python", "shell", "sftp", "changed", "silent"), ("unreachable", None)),
    }
    assert "No space left on device" in found["full"]["pending_because"]
    assert found["one"]["files"] == 3
    assert (found["one"]["recap"], found["full"]["recap"], found["silent"]["recap"]) == ("ok", "failed", "unreachable")
    assert found["master"]["slaves_registered"] == 2
    assert "there is no" in found["python"]["last_error"]
    assert fleet.run("status", "master", "one", "-q").stdout == ""


def test_status_of_an_agent_without_jsync_by_tcp(fleet: Fleet) -> None:
    hosts = fleet.hosts["one"]
    fleet.hosts["one"] = {**hosts, "jsync": "no-such-jsync"}
    fleet.write()
    try:
        run = fleet.run("status", "one", "-o", "json")
    finally:
        fleet.hosts["one"] = hosts
        fleet.write()
    (one,) = run.document["agents"]
    assert (run.code, one["state"], one["in_sync"], one["files"]) == (0, "running", True, None)


def test_logs(fleet: Fleet) -> None:
    run = fleet.run("logs", "-n", "1000", "-o", "json", "--timeout", "8")
    assert run.code == 2
    assert {line["host"] for line in run.document["lines"]} == {"master", "one", "full"}
    assert any("SCHEDULER-950" in line["line"] for line in run.document["lines"])
    assert {one["host"] for one in run.document["errors"]} == {"python", "shell", "sftp", "changed", "silent"}


def test_logs_are_followed_until_somebody_stops_it(fleet: Fleet) -> None:
    with fleet.started("logs", "master", "one", "changed", "-f", "-n", "1") as process:
        assert process.stdout is not None
        seen: set[str] = set()
        while not {"master", "one"} <= seen:
            seen.add(process.stdout.readline().split(" | ")[0].strip())
        assert fleet.run("notify", "one", is_alone=False).code == 0
        while "SCHEDULER-955" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    fleet.check_that_nothing_remains()


def test_an_interrupted_command_leaves_nothing_behind(fleet: Fleet) -> None:
    with fleet.started("diff", "silent", "python") as process:
        wait_for(lambda: bool(fleet.connections()), "a connection")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    fleet.check_that_nothing_remains()


def test_sync(fleet: Fleet) -> None:
    run = fleet.run("sync", "slaves", "-o", "json", "--timeout", "8")
    assert run.code == 2
    codes = {one["slave"]: one["error"]["code"] for one in run.document["slaves"]}
    assert codes == {
        "one": "state",
        "full": "state",
        **dict.fromkeys(("python", "shell", "sftp"), "host"),
        **dict.fromkeys(("changed", "silent"), "unreachable"),
    }
    recap = {one["slave"]: one["recap"] for one in run.document["slaves"]}
    assert recap == {
        **dict.fromkeys(("one", "full", "python", "shell", "sftp"), "failed"),
        **dict.fromkeys(("changed", "silent"), "unreachable"),
    }


def test_sync_where_no_agent_runs(fleet: Fleet) -> None:
    assert fleet.run("down", "full").code == 0
    try:
        preview = fleet.run("sync", "full", "-CD", "-o", "json")
        assert preview.code == 0
        (full,) = preview.document["slaves"]
        assert [(one["path"], one["action"]) for one in full["changes"]] == [
            ("d/new.job.xml", "changed"),
            ("logo.png", "changed"),
        ]
        assert "+<job title='new'/>" in full["unified"]
        done = fleet.run("sync", "full", "-o", "json")
        assert done.code == 2
        assert "No space left on device" in done.document["slaves"][0]["error"]["message"]
        assert fleet.run("files", "full", "-o", "json").document["files"][1]["md5"] == md5_of(OLD["d/new.job.xml"])
    finally:
        fleet.run("up", "-d", "full")


def test_notify(fleet: Fleet) -> None:
    run = fleet.run("notify", "slaves", "-o", "json")
    assert run.code == 0
    assert {one["sent_by"] for one in run.document["slaves"]} == {"master"}
    assert run.document["slaves"][0]["endpoint"] == f"{fleet.hosts['one']['address']}:5000"
