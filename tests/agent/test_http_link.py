"""A slave that fetches by HTTP, against scripted supervisors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sync_core.agent.http_link import HttpLink
from sync_core.agent.master_link import MasterLink, open_link
from sync_core.agent.slave import Patience
from sync_core.model.errors import UnreachableError
from sync_core.model.file import File
from sync_core.model.folder import EMPTY_FOLDER, walk
from sync_core.model.inventory import Dialect, Host, Inventory, Role
from sync_core.protocol.messages import FetchConfiguration
from sync_core.protocol.requests import decode_request
from sync_core.version import WIRE_VERSION
from tests.support.agents import ScriptedPeer, a_resolver
from tests.support.check_loops import LoopingSlave
from tests.support.disk import read_tree, write_tree
from tests.support.http import PROLOG, ScriptedSupervisor, a_response
from tests.support.net import Lines, a_host, eventually, free_port, run

NOTHING = PROLOG + b"<spooler><answer><configuration.directory/></answer></spooler>"


def a_master(port: int, name: str = "master", **changes: Any) -> Host:
    return a_host(name, role=Role.MASTER, **{"tcp_port": port, "dialect": Dialect.HTTP, **changes})


def document(inner: str) -> bytes:
    return PROLOG + (
        f"<spooler><answer><configuration.directory>{inner}</configuration.directory></answer></spooler>"
    ).encode("latin-1")


def a_file(name: str, base64: str = "PGpvYi8+Cg==") -> str:
    return (
        f'<configuration.file name="{name}" last_write_time="2016-02-01T11:59:30Z">'
        f'<content encoding="base64">{base64}</content></configuration.file>'
    )


def a_slave(root: Path, *masters: Host, **options: Any) -> LoopingSlave:
    """Return a slave with masters that speak HTTP."""
    return LoopingSlave(root, *masters, patience=Patience(answer_s=5.0), **options)


def requests(supervisor: ScriptedSupervisor) -> list[FetchConfiguration]:
    found = [decode_request(body) for body in supervisor.bodies]
    return [request for request in found if isinstance(request, FetchConfiguration)]


def in_turn(*bodies: bytes) -> Callable[[bytes], bytes]:
    """Answer with these, the last one for ever."""
    left = list(bodies)
    return lambda _: a_response(left.pop(0) if len(left) > 1 else left[0])


def test_list_fetch_apply_and_again_after_a_wake_up(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "c", {"old": b"x", "kept": b"k"})
    first = document(
        a_file("a")
        + f'<configuration.directory name="d">{a_file("b")}</configuration.directory>'
        + '<configuration.file name="old" removed="yes"/>'
    )
    supervisor = ScriptedSupervisor(in_turn(first, document(a_file("new")), NOTHING))

    async def scenario() -> None:
        async with supervisor.running():
            slave = a_slave(root, a_master(supervisor.port), interval_s=90.5, udp_port=5001)
            async with slave.running():
                await slave.in_sync()
                assert read_tree(root) == {"a": b"<job/>\n", "d": None, "d/b": b"<job/>\n", "kept": b"k"}
                status = slave.status
                assert (status["master"], status["files"], status["last_error"]) == ("master", 3, None)
                assert status["registered_at"] is not None
                slave.loop.wake_up()
                await eventually(lambda: slave.status["files"] == 4)

    with Lines.of("sync_core.agent") as lines:
        run(scenario())
    asked = requests(supervisor)
    assert asked[0] == FetchConfiguration(
        scheduler_id="slave", udp_port=5001, version=WIRE_VERSION, interval_s=91, listed=asked[0].listed
    )
    assert [path for path, _ in walk(asked[0].listed)] == ["kept", "old"]
    assert [path for path, _ in walk(asked[1].listed)] == ["a", "d", "d/b", "kept"]
    assert all(entry.md5 for _, entry in walk(asked[1].listed) if isinstance(entry, File))
    prefixes = {prefix for _, prefix, _ in lines.lines if prefix}
    assert prefixes == {f"Supervisor_client http://127.0.0.1:{supervisor.port}"}
    messages = lines.messages("INFO")
    assert not any("SCHEDULER-950" in message for message in messages)
    assert [message.partition(" [")[0] for message in messages if "SCHEDULER-70" in message] == [
        "SCHEDULER-701  Replicating '/a'",
        "SCHEDULER-701  Replicating '/d/'",
        "SCHEDULER-701  Replicating '/d/b'",
        "SCHEDULER-702  Removing '/old'",
        "SCHEDULER-701  Replicating '/new'",
    ]


def test_a_fetch_every_interval(tmp_path: Path) -> None:
    supervisor = ScriptedSupervisor(lambda _: a_response(NOTHING))

    async def scenario() -> None:
        async with supervisor.running():
            slave = a_slave(tmp_path / "c", a_master(supervisor.port), interval_s=0.05)
            async with slave.running():
                await eventually(lambda: len(supervisor.bodies) >= 4)

    run(scenario())
    assert {request.interval_s for request in requests(supervisor)} == {1}


@pytest.mark.parametrize(
    ("slave", "ip", "udp_port"),
    [
        ({"listen": "127.0.0.1"}, "127.0.0.1", 5000),
        ({"listen": "127.0.0.1", "udp_port": None}, "", 0),
        ({"listen": "0.0.0.0"}, "", 5000),
        ({}, "", 5000),
    ],
)
def test_a_declared_address_is_told_as_real_slaves_do(
    tmp_path: Path, slave: dict[str, Any], ip: str, udp_port: int
) -> None:
    supervisor = ScriptedSupervisor(lambda _: a_response(NOTHING))

    async def scenario() -> None:
        async with supervisor.running():
            one = a_slave(tmp_path / "c", a_master(supervisor.port), **slave)
            async with one.running():
                await one.in_sync()

    run(scenario())
    (request,) = requests(supervisor)
    assert (request.ip, request.udp_port) == (ip, udp_port)


def test_an_error_of_the_supervisor_keeps_the_cache_and_is_tried_again(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "c", {"kept": b"k"})
    error = PROLOG + b'<spooler><answer><ERROR code="SCHEDULER-121" text="SCHEDULER-121  no"/></answer></spooler>'
    supervisor = ScriptedSupervisor(in_turn(error, error, NOTHING))

    async def scenario() -> None:
        async with supervisor.running():
            slave = a_slave(root, a_master(supervisor.port))
            async with slave.running():
                await eventually(lambda: slave.status["last_error"] == "SCHEDULER-121  no")
                assert slave.status["registered_at"] is None
                slave.loop.wake_up()
                await slave.in_sync()

    with Lines.of("sync_core.agent") as lines:
        run(scenario())
    assert set(lines.messages("ERROR")) == {"From supervisor: SCHEDULER-121  no"}
    assert read_tree(root) == {"kept": b"k"}


@pytest.mark.parametrize(
    ("response", "line"),
    [
        (a_response(b"", status="404 Not Found"), "the supervisor answered with HTTP status 404 Not Found"),
        (a_response(b"<html/>x"), "XML-ERROR"),
        (b"", "SCHEDULER-224  Supervisor has closed the connection [http://127.0.0.1:"),
        (a_response(document(a_file("../evil"))), "LIBXML2-007"),
    ],
)
def test_nonsense_keeps_the_cache(tmp_path: Path, response: bytes, line: str) -> None:
    root = write_tree(tmp_path / "c", {"kept": b"k"})
    supervisor = ScriptedSupervisor(lambda _: response)

    async def scenario() -> None:
        async with supervisor.running():
            slave = a_slave(root, a_master(supervisor.port))
            async with slave.running():
                await eventually(lambda: slave.status["last_error"] is not None)

    with Lines.of("sync_core.agent") as lines:
        run(scenario())
    assert lines.messages("ERROR")[0].startswith(line)
    assert read_tree(root) == {"kept": b"k"}


def test_too_many_removals_are_refused(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "c", {name: b"x" for name in "abc"})
    gone = "".join(f'<configuration.file name="{name}" removed="yes"/>' for name in "abc")
    supervisor = ScriptedSupervisor(lambda _: a_response(document(gone)))

    async def scenario() -> None:
        async with supervisor.running():
            slave = a_slave(root, a_master(supervisor.port))
            async with slave.running():
                await eventually(lambda: slave.status["last_error"] is not None)

    run(scenario())
    assert sorted(read_tree(root)) == ["a", "b", "c"]


def test_a_supervisor_that_is_away_is_missed_and_the_next_one_asked(tmp_path: Path) -> None:
    port = free_port()
    supervisor = ScriptedSupervisor(lambda _: a_response(document(a_file("a"))))

    async def scenario() -> None:
        async with supervisor.running():
            slave = a_slave(tmp_path / "c", a_master(port, "away"), a_master(supervisor.port, "here"))
            async with slave.running():
                await slave.in_sync()
                assert slave.status["master"] == "here"

    with Lines.of("sync_core.agent") as lines:
        run(scenario())
    assert lines.messages("ERROR")[0] == f"ERRNO-111  Connection refused [connect] [127.0.0.1:{port}]"
    assert read_tree(tmp_path / "c") == {"a": b"<job/>\n"}


def test_an_unknown_name_is_a_warning(tmp_path: Path) -> None:
    async def scenario() -> None:
        slave = a_slave(tmp_path / "c", a_master(4440, address="nowhere.sos"))
        async with slave.running():
            await eventually(lambda: slave.status["last_error"] is not None)

    with Lines.of("sync_core.agent") as lines:
        run(scenario())
    assert lines.messages("WARNING")[0].startswith("cannot resolve 'nowhere.sos'")


def test_odd_names_are_listed_to_jsync_only(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "c", {"plain": b"1", "Ä": b"2"})
    supervisor = ScriptedSupervisor(lambda _: a_response(NOTHING, more="Server: jsync\r\n"))

    async def scenario() -> None:
        async with supervisor.running():
            slave = a_slave(root, a_master(supervisor.port))
            async with slave.running():
                await slave.in_sync()
                slave.loop.wake_up()
                await eventually(lambda: len(supervisor.bodies) == 2)

    run(scenario())
    assert [[path for path, _ in walk(request.listed)] for request in requests(supervisor)] == [
        ["plain"],
        ["plain", "Ä"],
    ]


def test_all_addresses_of_a_name_are_tried(tmp_path: Path) -> None:
    supervisor = ScriptedSupervisor(lambda _: a_response(NOTHING))
    resolver = a_resolver(two_sos=["127.0.0.2", "127.0.0.1"])

    async def scenario() -> None:
        cache = LoopingSlave(tmp_path / "c").cache
        async with supervisor.running():
            master = a_master(supervisor.port, address="two.sos")
            link = await open_link(a_host("slave"), master, resolver, answer_timeout_s=5)
            assert (await link.check(cache, looks=True, wake=asyncio.Event())).tree == EMPTY_FOLDER
            assert link.display == f"http://two.sos:{supervisor.port}"
            await link.close()
        with pytest.raises(UnreachableError, match="Connection refused"):
            await link.check(cache, looks=True, wake=asyncio.Event())

    run(scenario())


def test_an_address_of_version_6_is_shown_in_brackets() -> None:
    master = a_master(4440, address="::1")
    link = run(HttpLink.open(a_host("slave"), master, a_resolver(), answer_timeout_s=5))
    assert link.display == "http://[::1]:4440"


@pytest.mark.parametrize(
    ("slave", "master", "is_http"),
    [
        (Dialect.AUTO, Dialect.AUTO, False),
        (Dialect.AUTO, Dialect.CLASSIC, False),
        (Dialect.AUTO, Dialect.HTTP, True),
        (Dialect.HTTP, Dialect.AUTO, True),
        (Dialect.HTTP, Dialect.HTTP, True),
    ],
)
def test_either_end_may_ask_for_http(slave: Dialect, master: Dialect, is_http: bool) -> None:
    async def scenario() -> None:
        async with ScriptedPeer() as peer:
            host = a_host("slave", dialect=slave)
            link = await open_link(host, a_master(peer.port, dialect=master), a_resolver())
            assert isinstance(link, HttpLink if is_http else MasterLink)
            await link.close()

    assert Inventory.fetches_by_http(a_host("s", dialect=slave), a_master(1, dialect=master)) is is_http
    run(scenario())
