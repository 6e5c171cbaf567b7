from __future__ import annotations

import ipaddress
import socket
import threading

from sync_core.model.security import IpAddress
from sync_core.net.host_names import HostNames
from sync_core.net.resolve import KEEP_S
from tests.support.net import LOCALHOST, ManualClock, eventually, ip, run


def test_a_name_is_known_a_moment_after_it_was_wanted_and_for_a_quarter_of_an_hour() -> None:
    asked: list[IpAddress] = []

    def name_of(address: IpAddress) -> str | None:
        asked.append(address)
        return "dialin-0.sos" if address == ip("10.0.0.7") else None

    async def go() -> None:
        clock = ManualClock()
        names = HostNames(name_of=name_of, clock=clock)
        assert names.of(ip("10.0.0.7")) is None
        for address in ("10.0.0.7", "10.0.0.7", "10.0.0.8"):
            names.want(ip(address))
        await eventually(lambda: names.of(ip("10.0.0.7")) == "dialin-0.sos" and len(asked) == 2)
        names.want(ip("10.0.0.7"))
        assert len(asked) == 2
        assert names.of(ip("10.0.0.8")) is None
        clock.now_s += KEEP_S
        names.want(ip("10.0.0.7"))
        await eventually(lambda: len(asked) == 3)
        assert names.of(ip("10.0.0.7")) == "dialin-0.sos"

    run(go())


def test_a_name_service_that_hangs_costs_a_few_threads_and_no_time() -> None:
    gate = threading.Event()
    running: list[IpAddress] = []

    def name_of(address: IpAddress) -> str | None:
        running.append(address)
        gate.wait(20)
        return f"host-{address}"

    async def go() -> None:
        names = HostNames(name_of=name_of)
        addresses = [ipaddress.IPv4Address("10.0.0.0") + n for n in range(100)]
        for address in addresses:
            names.want(address)
        await eventually(lambda: len(running) == 8)
        gate.set()
        await eventually(lambda: all(names.of(address) == f"host-{address}" for address in addresses))
        assert sorted(running) == addresses

    try:
        run(go())
    finally:
        gate.set()


def test_what_was_wanted_last_may_still_be_asked_when_the_loop_ends() -> None:
    gate = threading.Event()
    done = threading.Event()

    def name_of(_: IpAddress) -> str | None:
        gate.wait(20)
        done.set()
        return "late"

    async def go() -> None:
        HostNames(name_of=name_of).want(LOCALHOST)

    run(go())
    gate.set()
    assert done.wait(20)


def test_names_kept_and_wanted_are_bounded() -> None:
    async def go() -> None:
        names = HostNames(name_of=str)
        first = ipaddress.IPv4Address("10.0.0.0")
        for n in range(10_050):
            names.want(first + n)
            if n % 1000 == 999:
                await eventually(lambda last=first + n: names.of(last) is not None)  # type: ignore[misc]
        await eventually(lambda: names.of(first + 10_049) is not None)
        assert names.of(first) is None

    run(go())


def test_the_system_is_asked_by_default() -> None:
    async def go() -> None:
        names, expected = HostNames(), None
        try:
            expected = socket.gethostbyaddr("127.0.0.1")[0]
        except OSError:
            return
        names.want(LOCALHOST)
        names.want(ip("192.0.2.1"))  # a documentation address, without a name anywhere
        await eventually(lambda: names.of(LOCALHOST) == expected)

    run(go())
