"""One JSON line in, one JSON line out, until standard input ends or the time is over; nothing survives that."""

import json
import os
import resource
import signal
import sys
import threading
import time
from typing import Any, Callable, Dict

from sync_core.net.far_side import counters, firewalls, listening, probes, routes, sockets

__all__ = ["SILENCE_S", "Station", "main"]

Facts = Dict[str, Any]
_FILES = 4096
SILENCE_S = 10
"""An asker who is there sends an empty line more often."""


class Station:
    """Carries out requests, each in a thread of its own."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._listeners: Dict[int, listening.Listener] = {}

    def accept(self, line: str) -> threading.Thread:
        """Begin to carry out one request; the thread ends with its answer."""
        thread = threading.Thread(target=self._carry_out, args=(json.loads(line),))
        thread.daemon = True
        thread.start()
        return thread

    def say(self, facts: Facts) -> None:
        """Write one line."""
        with self._lock:
            self._write(json.dumps(facts) + "\n")

    def _carry_out(self, request: Facts) -> None:
        number = request.pop("id")
        try:
            facts = getattr(self, "do_" + request.pop("do"))(**request)
        except Exception as error:  # the asker must hear of everything
            facts = {"failure": "{}: {}".format(type(error).__name__, error)}
        self.say(dict(facts, id=number))

    def do_hello(self) -> Facts:
        """Say what this host is."""
        with open("/proc/sys/kernel/random/boot_id") as file:
            boot = file.read().strip()
        machine = "{} {}".format(boot, os.stat("/proc/self/ns/net").st_ino)
        return {"machine": machine, "uid": os.geteuid(), "addresses": sockets.own_addresses()}

    def do_look(self, protocol: str, address: str, port: int) -> Facts:
        """Say who waits on a port."""
        held = sockets.is_held(protocol, address, port)
        return {"listeners": sockets.listeners(protocol, port), "is_held": held}

    def do_listen(self, number: int, kind: str, address: str, port: int, answers: Dict[str, str]) -> Facts:
        """Start a temporary listener."""
        try:
            self._listeners[number] = listening.start(kind, address, port, answers)
        except OSError as error:
            return {"is_listening": False, "reason": error.strerror}
        return {"is_listening": True}

    def do_stop(self, number: int) -> Facts:
        """End a temporary listener."""
        return self._listeners.pop(number).stop()

    def do_tcp(self, **request: Any) -> Facts:
        """Connect from here."""
        return probes.tcp(**request)

    def do_udp(self, **request: Any) -> Facts:
        """Send datagrams from here."""
        return probes.udp(**request)

    def do_resolve(self, name: str) -> Facts:
        """Ask this host's resolver."""
        return probes.resolve(name)

    def do_count(self, family: int, port: int) -> Facts:
        """Read the kernel's counters."""
        return counters.count(family, port)

    def do_route(self, address: str) -> Facts:
        """Say which interface leads to an address."""
        return {"interface": routes.interface_to(address)}

    def do_firewalls(self) -> Facts:
        """Read the firewalls."""
        return {"tools": firewalls.read()}


def _end_by(until_s: float) -> None:
    """Have the system end us: at that time, or where the network went away and the asker says nothing more."""
    signal.alarm(max(1, min(SILENCE_S, int(until_s - time.monotonic()))))


def main(deadline_s: int) -> None:
    """Serve standard input; the process ends with it, when nothing comes any more, and after ``deadline_s`` seconds."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    until_s = time.monotonic() + deadline_s
    _end_by(until_s)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (_FILES if most == resource.RLIM_INFINITY else min(most, _FILES), most))

    def write(text: str) -> None:
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except OSError:
            os._exit(1)  # nobody listens any more

    station = Station(write)
    for line in iter(sys.stdin.buffer.readline, b""):
        _end_by(until_s)
        if line.strip():
            station.accept(line.decode("ascii"))
    os._exit(0)  # whatever is still going on is nobody's business now
