"""TLS with real processes: who proves who it is, what is refused, and what goes on while certificates change."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sync_core.fleet.authority import Authority, Pair
from sync_core.fleet.certificates import files_below, renew_tls
from sync_core.inventory import load
from sync_core.net.client import CommandClient
from sync_core.net.tls import Tls, TlsTo
from sync_core.protocol.messages import ShowState, StateAnswer
from tests.support.certificates import NOW, write_pair, write_tls
from tests.support.site import Site, eventually, running_site, tree

pytestmark = pytest.mark.e2e

REGISTER = (
    '<register_remote_scheduler scheduler_id="{name}" tcp_port="{port}" udp_port="0" version="{version}"/>'
    "<supervisor.remote_scheduler.configuration.fetch_updated_files><file_based>"
    '<configuration.directory name="/"/></file_based></supervisor.remote_scheduler.configuration.fetch_updated_files>'
)


def tls_of(folder: Path, name: str) -> dict[str, str]:
    return {"cert": str(folder / f"{name}.crt"), "key": str(folder / f"{name}.key"), "ca": str(folder / "ca.crt")}


def a_site(
    folder: Path, *, slaves: int = 1, plain: tuple[str, ...] = (), more: dict[str, dict[str, Any]] | None = None
) -> Site:
    """Return a site whose hosts have certificates that `jsync tls init` made; those in ``plain`` don't use theirs."""
    site = Site(folder, slaves=slaves, more=more or {})
    made = site.run("tls", "init")
    assert made.code == 0, made.stderr
    for name in ("master", *site.ports):
        own = {} if name in plain else {"tls": tls_of(folder / "tls", name)}
        site.more[name] = {**own, **site.more.get(name, {})}
    site.write_inventory()
    return site


def status_of(site: Site, host: str) -> dict[str, Any]:
    agents: list[dict[str, Any]] = site.run("status", "-o", "json").json["agents"]
    return next(agent for agent in agents if agent["host"] == host)


def the_cache_has(site: Site, name: str, slave: str = "slave-0") -> None:
    eventually((site.cache(slave) / name).exists, what=f"{name} in the cache of {slave}")


def in_plain(port: int, text: str) -> str:
    """Say something in plain and return what is answered."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as peer:
        peer.sendall(text.encode() + b"\0")
        answer = b""
        with contextlib.suppress(TimeoutError):
            while not answer.endswith(b"\0") and (block := peer.recv(65536)):
                answer += block
    return answer.decode("latin-1")


def let_it_end(site: Site, name: str) -> None:
    """Give a host a certificate of the same authority that ended some days ago."""
    folder = site.folder / "tls"
    pair = Pair(cert=(folder / "ca.crt").read_bytes(), key=(folder / "ca.key").read_bytes())
    write_pair(files_below(folder, name), Authority(pair).issue(name, now=NOW - timedelta(days=9), days=1))


def test_both_ends_prove_who_they_are_and_everything_works(tmp_path: Path) -> None:
    site = a_site(tmp_path, slaves=2)
    site.write(site.remote / "_all" / "a.xml", b"<a/>")
    site.write(site.own("slave-1") / "own.xml", b"<own/>")
    with running_site(site):
        eventually(site.in_sync, what="in sync")
        site.write(site.remote / "_all" / "b.xml", b"<b/>")
        the_cache_has(site, "b.xml")
        site.wait_for_line("slave-0", "SCHEDULER-955  UDP message from 127.0.0.1: <check_folders/>")
        master, slave = status_of(site, "master"), status_of(site, "slave-0")
        assert (master["plain_peers"], slave["plain_peers"]) == ([], [])
        assert master["certificate_expires_at"] is not None
        assert slave["certificate_warning"] is None
        assert site.run("files", "master", "--for", "slave-1", "-o", "json").json["source"] == "agent"
        compared = site.run("diff", "slaves", "-o", "json").json["slaves"]
        assert {(one["master_source"], one["slave_source"]) for one in compared} == {("agent", "agent")}
        ports = site.run("check-ports", "-o", "json")
        assert ports.code == 0, ports.stdout
        assert "both ends proved by TLS who they are" in ports.stdout
        let_it_end(site, "slave-0")
        ports = site.run("check-ports", "-o", "json")
        assert ports.code == 1
        assert "our own certificate: certificate expired" in ports.stdout
        assert site.run("tls", "renew").code == 0
    done = [site.run("up", "-d", "master"), site.run("sync", "slave-1", "--check"), site.run("sync", "slave-1")]
    assert [run.code for run in done] == [0, 0, 0], [run.stderr for run in done]
    site.run("down")


def test_where_udp_is_lost_the_wake_up_by_tcp_speaks_tls(tmp_path: Path) -> None:
    site = a_site(tmp_path, more={"slave-0": {"udp_port": 0}})
    with running_site(site):
        eventually(site.in_sync, what="in sync")
        site.write(site.remote / "_all" / "a.xml", b"<a/>")
        site.wait_for_line("master", "sending TCP command check_folders to")
        the_cache_has(site, "a.xml")
        assert site.run("notify", "slave-0").code == 0
        assert "failed" not in site.log("master")


def test_a_slave_of_another_authority_gets_nothing_and_both_logs_say_why(tmp_path: Path) -> None:
    site = a_site(tmp_path)
    evil = write_tls(tmp_path / "evil", "slave-0", authority="evil")
    site.more["slave-0"]["tls"] = {"cert": str(evil.cert), "key": str(evil.key), "ca": str(evil.ca)}
    site.write_inventory()
    site.write(site.remote / "_all" / "a.xml", b"<a/>")
    with running_site(site):
        site.wait_for_line("slave-0", "TLS: unknown CA")
        eventually(lambda: "unknown CA" in str(status_of(site, "slave-0")["last_error"]), what="said by status")
        assert not list(site.cache().iterdir())


def test_what_cant_be_used_is_said_at_the_start(tmp_path: Path) -> None:
    site = a_site(tmp_path)
    let_it_end(site, "slave-0")
    run = site.run("up", "-d", "slave-0")
    assert run.code != 0
    assert "certificate expired" in run.stderr
    (tmp_path / "tls" / "master.key").chmod(0o644)
    run = site.run("up", "-d", "master")
    assert run.code != 0
    assert "others than this user and root can read it" in run.stderr
    site.run("down")


def test_anothers_certificate_gets_what_is_the_others_and_never_ours(tmp_path: Path) -> None:
    """Slave-0's machine has slave-0's key: with it, it claims to be slave-1 in every way that there is."""
    site = a_site(tmp_path, slaves=2)
    site.write(site.own("slave-1") / "secret.xml", b"<secret/>")
    site.write(site.remote / "slave-0" / "own.xml", b"<own/>")
    with running_site(site, ["master"]):
        stolen = dict(site.more)
        site.more["slave-1"] = {**site.more["slave-1"], "tls": tls_of(tmp_path / "tls", "slave-0")}
        site.write_inventory()
        refused = site.run("sync", "slave-1")
        assert refused.code == 2
        assert "wrong name" in refused.stderr
        site.more.update(stolen)
        site.write_inventory()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(tmp_path / "tls" / "ca.crt")
        context.load_cert_chain(tmp_path / "tls" / "slave-0.crt", tmp_path / "tls" / "slave-0.key")
        for question in (
            '<jsync.files slave="slave-1"/>',
            '<jsync.fetch slave="slave-1"/>',
            f'<register_remote_scheduler scheduler_id="slave-1" tcp_port="{site.ports["slave-1"]}" udp_port="0" '
            'is_cluster_member="yes" version="jsync 0.2.0"/>',
        ):
            with (
                socket.create_connection(("127.0.0.1", site.master_port)) as plain,
                context.wrap_socket(plain, server_hostname="master") as peer,
            ):
                peer.sendall(question.encode() + b"\0")
                answer = peer.recv(65536)
                if b"<ERROR" not in answer:
                    peer.sendall(b"<supervisor.remote_scheduler.configuration.fetch_updated_files/>\0")
                    answer += peer.recv(65536)
                assert b"secret" not in answer, question
        assert "secret" not in site.log("slave-0")


@pytest.mark.parametrize("version", ["1.13.2 (2016-12-09)", "1.3.12 jsync 0.2.0"])
def test_a_slave_that_has_tls_is_refused_in_plain(tmp_path: Path, version: str) -> None:
    site = a_site(tmp_path)
    site.write(site.own() / "secret.xml", b"<secret/>")
    with running_site(site, ["master"]):
        said = REGISTER.format(name="slave-0", port=site.ports["slave-0"], version=version)
        answer = in_plain(site.master_port, said.partition("/>")[0] + "/>")
        assert "slave-0 has TLS, and is not served in plain" in answer
        assert "is shown to nobody in plain" in in_plain(site.master_port, '<jsync.files slave="slave-0"/>')


@contextlib.contextmanager
def somebody_between(port: int) -> Iterator[int]:
    """Answer every connection in plain, as who reads along would have it; yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    peer, _ = server.accept()
                    with peer:
                        peer.recv(4096)
                        peer.sendall(b'<?xml version="1.0"?><spooler><answer><ok jsync="2"/></answer></spooler>\0')
                        peer.recv(4096)

        threading.Thread(target=answer, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def test_who_answers_in_plain_between_them_is_not_believed(tmp_path: Path) -> None:
    site = a_site(tmp_path)
    with somebody_between(site.master_port) as port:
        site.more["master"]["tcp_port"] = port
        site.write_inventory()
        with running_site(site, ["slave-0"]):
            site.wait_for_line("slave-0", "it answers in plain")
            assert status_of(site, "slave-0")["registered_at"] is None


def test_a_site_comes_to_tls_host_by_host(tmp_path: Path) -> None:
    site = a_site(tmp_path, slaves=2, plain=("master", "slave-0", "slave-1"))
    with running_site(site):
        eventually(lambda: site.in_sync("slaves"), what="in sync in plain")
        for step, name in enumerate(("master", "slave-0", "slave-1")):
            site.more[name]["tls"] = tls_of(tmp_path / "tls", name)
            site.write_inventory()
            site.up()
            site.write(site.remote / "_all" / f"{step}.xml", b"<a/>")
            for slave in site.ports:
                the_cache_has(site, f"{step}.xml", slave)
            left = 2 - step
            eventually(lambda left=left: len(status_of(site, "master")["plain_peers"]) == left, what="plain peers")  # type: ignore[misc]
        assert "in plain" not in site.run("status").stdout


async def ask_all_the_time(site: Site, tls: Tls, *, renew: Callable[[], object]) -> int:
    """Connect and ask again and again while certificates change; return how often, which never fails."""
    renewing = asyncio.create_task(asyncio.to_thread(renew))
    asked = 0
    while not renewing.done():
        address = ipaddress.ip_address("127.0.0.1")
        client = await CommandClient.connect(address, site.master_port, timeout_s=30, tls=TlsTo(tls, "master"))
        try:
            answer = await client.ask(ShowState(what=frozenset()), timeout_s=30)
            assert isinstance(answer, StateAnswer)
        finally:
            _, writer = await client.hand_over()
            writer.close()
            await writer.wait_closed()
        asked += 1
    await renewing
    return asked


def test_certificates_are_renewed_while_much_goes_on_and_no_check_fails(tmp_path: Path) -> None:
    site = a_site(tmp_path, slaves=2)
    for name in ("master", *site.ports):
        site.more[name]["interval_s"] = 0.2
    site.write_inventory()
    hosts = load(site.inventory, environ={}).hosts
    own = Tls.of(hosts["slave-0"])
    assert own is not None
    with running_site(site):
        for slave in site.ports:
            eventually(lambda slave=slave: status_of(site, slave)["in_sync"], what="in sync")  # type: ignore[misc]

        def renew() -> None:
            for round_ in range(20):
                assert renew_tls(hosts.values(), now=datetime.now(UTC)).ok
                site.write(site.remote / "_all" / f"{round_}.xml", b"<a/>")
                for slave in site.ports:
                    the_cache_has(site, f"{round_}.xml", slave)

        assert asyncio.run(ask_all_the_time(site, own, renew=renew)) > 20
        site.run("down", "slave-1")
        site.up("slave-1")
        site.write(site.remote / "_all" / "last.xml", b"<a/>")
        the_cache_has(site, "last.xml", "slave-1")
        site.wait_for_line("master", "was read again")
        for host in ("master", *site.ports):
            assert "TLS:" not in site.log(host)
            assert "ERRNO" not in site.log(host)


def test_by_http_it_is_tls_too(tmp_path: Path) -> None:
    site = a_site(tmp_path, more={"slave-0": {"dialect": "http"}})
    site.write(site.remote / "slave-0" / "a.xml", b"<a/>")
    with running_site(site):
        the_cache_has(site, "a.xml")
        site.wait_for_line("slave-0", f"Supervisor_client https://127.0.0.1:{site.master_port}")
        assert status_of(site, "master")["plain_peers"] == []
        answer = in_plain(site.master_port, "GET / HTTP/1.0\r\n\r\n")
        assert "secret" not in answer
    assert tree(site.cache()) == {"a.xml": b"<a/>"}
