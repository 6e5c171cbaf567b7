"""Whose folder is it? Slaves with addresses of their own, strangers on the master's machine, and who takes a place."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sync_core.protocol.dialect.codec import message_frame
from sync_core.protocol.dialect.messages import Look
from sync_core.protocol.dialect.preface import OPENING, PREFACE
from tests.support.http import post
from tests.support.site import Site, eventually, running_site

pytestmark = pytest.mark.e2e

SECRET = b"a password of slave-1"
NOBODY = 65534
FETCH = b"<supervisor.remote_scheduler.configuration.fetch_updated_files/>\0"


def registration(name: str, port: int, *, is_member: bool = False) -> bytes:
    more = ' is_cluster_member="yes"' if is_member else ""
    said = f'<register_remote_scheduler scheduler_id="{name}" tcp_port="{port}" udp_port="0" version="1.3.12"{more}/>'
    return said.encode() + b"\0"


def by_http(name: str, more: str = "") -> bytes:
    body = f'<supervisor.configuration.fetch scheduler_id="{name}" interval="60" version="1.12"{more}/>'
    return post(body.encode(), more="Connection: close\r\n")


def member(name: str, port: int) -> tuple[bytes, ...]:
    return registration(name, port, is_member=True), FETCH


def look(name: str) -> tuple[bytes, ...]:
    return OPENING + b"\0", PREFACE + message_frame(Look(slave=name))


def say(port: int, *parts: bytes, source: str = "127.0.0.1") -> bytes:
    """Say one thing after the other to a command port, and return all that is answered."""
    with socket.socket() as peer:  # create_connection reads modules, which another user may not
        peer.settimeout(20)
        peer.bind((source, 0))
        peer.connect(("127.0.0.1", port))
        answers = b""
        for part in parts[:-1]:
            peer.sendall(part)
            answers += peer.recv(65536)
        peer.sendall(parts[-1])
        peer.shutdown(socket.SHUT_WR)
        while block := peer.recv(65536):
            answers += block
    return answers


def as_nobody(do: Callable[[], bytes]) -> bytes:
    """Return what ``do`` returns when a user without any rights does it."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os.write(writing, do()[:60_000])
        except Exception as error:
            os.write(writing, repr(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        said = file.read()
    os.waitpid(pid, 0)
    return said


def a_site(folder: Path, **more: dict[str, Any]) -> Site:
    """Return a site whose slaves have an address each, and its loopback none; the second one has secrets."""
    ends = {f"slave-{n}": {"address": f"127.0.0.{n + 2}", "listen": f"127.0.0.{n + 2}"} for n in range(2)}
    site = Site(folder, slaves=2, more={name: {**end, **more.get(name, {})} for name, end in ends.items()})
    site.more["master"] = more.get("master", {})
    site.write_inventory()
    site.write(site.remote / "_all" / "all.job.xml", b"<all/>")
    site.write(site.remote / "slave-0" / "own.job.xml", b"<own/>")
    site.write(site.remote / "slave-1" / "secret.job.xml", SECRET)
    site.write(site.remote / f"127.0.0.3#{site.ports['slave-1']}" / "secret.job.xml", SECRET)
    return site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(a_site(tmp_path_factory.mktemp("site")), ("master",)) as running:
        yield running


ATTACKS: dict[str, Callable[[int], tuple[bytes, ...]]] = {
    "its contents": lambda _: (b'<jsync.fetch slave="slave-1"/>\0',),
    "its list": lambda _: (b'<jsync.files slave="slave-1"/>\0',),
    "a look": lambda _: look("slave-1"),
    "a cluster member": lambda _: member("slave-1", 7777),
    "a cluster member at its port": lambda port: member("slave-1", port),
    "a cluster member called like its folder": lambda port: member(f"127.0.0.3#{port}", 7777),
    "by HTTP": lambda _: (by_http("slave-1"),),
    "by HTTP, with its address": lambda _: (by_http("slave-1", ' ip="127.0.0.3"'),),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_slave_is_not_given_what_is_anothers(site: Site, attack: str) -> None:
    said = ATTACKS[attack](site.ports["slave-1"])
    answer = say(site.master_port, *said, source="127.0.0.2")
    assert b"secret.job.xml" not in answer
    assert b"untrusted" in answer


@pytest.mark.parametrize("attack", ATTACKS)
def test_who_is_at_its_address_is_given_it(site: Site, attack: str) -> None:
    said = ATTACKS[attack](site.ports["slave-1"])
    answer = say(site.master_port, *said, source="127.0.0.3")
    assert b"untrusted" not in answer
    assert attack == "a look" or b"secret.job.xml" in answer


@pytest.mark.parametrize("attack", [*ATTACKS, "as a slave"])
def test_another_user_of_the_masters_machine_is_given_nothing(site: Site, attack: str) -> None:
    said = ATTACKS[attack](7777) if attack in ATTACKS else (registration("slave-1", 7777), FETCH)
    answer = as_nobody(lambda: say(site.master_port, *said))
    assert b".job.xml" not in answer
    assert b"untrusted" in answer


def test_another_user_gets_nowhere_by_the_socket_of_the_agent(site: Site) -> None:
    folder = site.state / "master"
    assert (folder / "agent.sock").stat().st_mode & 0o777 == 0o600
    opened = os.open(folder, os.O_PATH)
    folder.chmod(0o755)

    def ask() -> bytes:
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(f"/proc/self/fd/{opened}/agent.sock")
            peer.sendall(ATTACKS["its list"](0)[0])
            return peer.recv(65536) or b"hung up"

    try:
        assert b"secret.job.xml" in ask()
        assert b"PermissionError" in as_nobody(ask)
        (folder / "agent.sock").chmod(0o666)
        said = as_nobody(ask)  # it is hung up on, before or after it has asked
        assert said == b"hung up" or b"ConnectionResetError" in said or b"BrokenPipeError" in said
    finally:
        (folder / "agent.sock").chmod(0o600)
        folder.chmod(0o700)
        os.close(opened)


def test_root_and_the_agents_user_see_everything(tmp_path: Path) -> None:
    long = tmp_path / ("a folder whose name leaves no room for that of a socket " * 3).strip()
    long.mkdir()
    with running_site(a_site(long)) as site:
        eventually(lambda: site.in_sync("slave-1"), what="in sync")
        compared = site.run("diff", "slaves", "-u", "-o", "json").json["slaves"]
        assert {(one["master_source"], one["slave_source"]) for one in compared} == {("agent", "agent")}
        assert site.run("files", "master", "--for", "slave-1", "-o", "json").json["source"] == "agent"
        would = site.run("sync", "slave-1", "--check")
        assert would.code == 0, would.stderr
        assert site.run("check-ports").code == 0
        assert site.run("status").code == 0


def test_who_may_not_look_is_told_what_to_do(site: Site, tmp_path: Path) -> None:
    inventory = tmp_path / "jsync.yaml"
    document = json.loads(site.inventory.read_text())
    document["masters"]["hosts"]["master"]["connection"] = "none"
    inventory.write_text(json.dumps(document))
    for command in (("files", "master", "--for", "slave-1"), ("diff", "slave-1"), ("sync", "slave-1", "--check")):
        run = site.run(*command, "-i", str(inventory))
        assert run.code == 2
        assert "untrusted" in run.stderr
        assert "`allowed_hosts`" in run.stderr


def test_a_host_with_all_rights_sees_everything(tmp_path: Path) -> None:
    allowed = [{"host": "127.0.0.1", "level": "all"}, {"host": "127.0.0.2", "level": "no_add"}]
    with running_site(a_site(tmp_path, master={"allowed_hosts": allowed}), ("master",)) as site:
        assert b"secret.job.xml" in say(site.master_port, *ATTACKS["its contents"](0))
        assert b"untrusted" in say(site.master_port, *ATTACKS["its contents"](0), source="127.0.0.2")


def test_one_that_may_come_from_anywhere_is_known_by_its_id(tmp_path: Path) -> None:
    with running_site(a_site(tmp_path, **{"slave-1": {"any_address": True}}), ("master",)) as site:
        for attack in ("a cluster member", "by HTTP"):
            assert b"secret.job.xml" in say(site.master_port, *ATTACKS[attack](0), source="127.0.0.2")
        assert b"untrusted" in say(site.master_port, *ATTACKS["its contents"](0), source="127.0.0.2")


def test_an_id_of_nobody_is_that_of_any_peer_that_the_inventory_lets_in(site: Site) -> None:
    site.write(site.remote / "clus" / "clus.job.xml", b"<clus/>")
    eventually(lambda: b"clus.job.xml" in say(site.master_port, *member("clus", 5997), source="127.0.0.2"))
    assert b"clus.job.xml" not in as_nobody(lambda: say(site.master_port, *member("clus", 5997)))


def test_who_takes_the_place_of_a_slave_shows(tmp_path: Path) -> None:
    with running_site(a_site(tmp_path)) as site:
        eventually(lambda: site.in_sync("slave-0"), what="in sync")
        assert site.run("status").code == 0
        say(site.master_port, registration("slave-0", site.ports["slave-0"]), source="127.0.0.2")
        eventually(lambda: site.run("status", "-q").code == 1, what="a fault")
        eventually(lambda: site.in_sync("slave-0"), what="in sync, since the slave came back")
        status = site.run("status", "-o", "json").json
        assert not status["ok"]
        master, slave, other = status["agents"]
        assert {one["slave"] for one in master["displaced"]} == {"slave-0"}
        assert slave["displaced"] == master["displaced"]
        assert (other["displaced"], other["recap"]) == ([], "ok")
        assert "another connection took the place of slave-0" in site.run("status").stdout
