"""What a port check may meet: one slave for each scene, all in one network with a master and a controller."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.lan import Lan, Machine, lan

__all__ = ["SCENES", "Site", "site"]

Checks = dict[str, dict[str, Any]]

EVERYWHERE = ("tcp", "0.0.0.0", "5000", "udp", "0.0.0.0", "5000", "tcp", "::", "5000", "udp", "::", "5000")
ONLY_V4 = EVERYWHERE[:6]
POLICY_DROP = (
    "add table inet filter",
    "add chain inet filter input { type filter hook input priority 0; policy drop; }",
    "add rule inet filter input ct state established,related accept",
    "add rule inet filter input tcp dport 22 accept",
    "add rule inet filter input icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept",
)

_INVENTORY = """\
all:
  vars: {{ssh_config: {ssh_config}{more}}}
masters:
  hosts:
    master: {{address: {master}, remote: {folder}/remote}}
slaves:
  hosts:
{slaves}
"""


@dataclass
class Site:
    """The network with its inventory."""

    lan: Lan
    controller: Machine
    master: Machine

    def machine(self, label: str) -> Machine:
        return self.lan.machines[label]

    @property
    def inventory(self) -> Path:
        return self.lan.folder / "jsync.yaml"

    def command(self, *words: str, timeout_s: float = 2) -> list[str]:
        options = ["-i", str(self.inventory), "--timeout", str(timeout_s)]
        return [sys.executable, "-m", "cli", "check-ports", *options, *words]

    def ask(self, slave: str, *options: str) -> tuple[int, Checks]:
        """Return the exit code and the checks of ``slave`` by purpose, with an appendix for IPv6."""
        done = self.controller.run(*self.command(slave, "-o", "json", *options))
        assert done.stdout, done.stderr
        document = json.loads(done.stdout)
        assert document["schema"] == "jsync.check-ports/1"
        assert "checks" in document, document
        assert done.returncode == (0 if document["ok"] else 1)
        return done.returncode, {check["purpose"]: check for check in document["checks"]}

    def write_inventory(self, file: Path, slaves: dict[str, str], *, more: str = "") -> None:
        """Write an inventory with these slaves and their settings."""
        lines = [f"    {name}: {{cache: {self.lan.folder}/cache-{name}, {words}}}" for name, words in slaves.items()]
        file.write_text(
            _INVENTORY.format(
                ssh_config=self.lan.ssh_config,
                more=more,
                master=self.master.address,
                folder=self.lan.folder,
                slaves="\n".join(lines),
            )
        )

    def answering(self, label: str, *ports: str) -> None:
        """Open ports that answer as an agent's do."""
        self.machine(label).python("-m", "tests.support.netns", *(ports or EVERYWHERE), listener=":5000")

    def agent(self, label: str, settings: str, *, listener: str) -> None:
        """Start the real agent of a host, by an inventory as it stands there."""
        file = self.lan.folder / f"{label}.yaml"
        slaves = {
            name: f"address: {machine.address}" + (settings if name == label else "")
            for name, machine in self.lan.machines.items()
            if name not in {"controller", "master"}
        }
        self.write_inventory(file, slaves, more=", connection: local")
        self.machine(label).python(
            *("-m", "cli", "agent", label, "-i", str(file)),
            listener=listener,
            environ={"JSYNC_STATE_DIR": str(self.lan.folder / f"state-{label}")},
        )


def _blocked(*rules: str) -> Callable[[Site, str], None]:
    """Return a scene in which agents answer behind these rules of nft."""

    def prepare(site: Site, label: str) -> None:
        site.answering(label)
        lines = [f"add rule inet filter input {rule}" for rule in rules]
        chain = "add chain inet filter input { type filter hook input priority 0; policy accept; }"
        site.machine(label).nft("add table inet filter", chain, *lines)

    return prepare


def _iptables(tool: str) -> Callable[[Site, str], None]:
    def prepare(site: Site, label: str) -> None:
        site.answering(label)
        machine = site.machine(label)
        for words in ("-p udp --dport 5000 -j DROP", "-p tcp -m tcp --dport 5000 -j REJECT --reject-with tcp-reset"):
            done = machine.run(tool, "-A", "INPUT", *words.split())
            assert done.returncode == 0, done.stderr

    return prepare


def _egress(action: str) -> Callable[[Site, str], None]:
    """Return a scene in which the master's own rules forbid the way to the slave."""

    def prepare(site: Site, label: str) -> None:
        site.answering(label)
        address = site.machine(label).address
        lines = [f"add rule inet own output ip daddr {address} {kind} dport 5000 {action}" for kind in ("tcp", "udp")]
        chain = "add chain inet own output { type filter hook output priority 0; policy accept; }"
        site.master.nft("add table inet own", chain, *lines)

    return prepare


def _nothing(_: Site, __: str) -> None:
    """Nobody is there."""


def _closed(site: Site, label: str) -> None:
    site.machine(label).nft(*POLICY_DROP)


def _way_back(site: Site, label: str) -> None:
    site.machine(label).nft(
        "add table inet filter",
        "add chain inet filter output { type filter hook output priority 0; policy accept; }",
        "add rule inet filter output udp sport 5000 drop",
    )


def _peer(kind: str) -> Callable[[Site, str], None]:
    return lambda site, label: site.machine(label).python("-m", "tests.support.foreign_ports", kind, listener=":5000")


def _here(label_ports: tuple[str, ...]) -> Callable[[Site, str], None]:
    return lambda site, label: site.answering(label, *label_ports)


def _agent(settings: str = "") -> Callable[[Site, str], None]:
    return lambda site, label: site.agent(label, settings, listener=":5000")


def _no_python(site: Site, label: str) -> None:
    site.lan.trust(f"[{site.machine(label).address}]:2222")
    site.machine(label).serve_ssh(port=2222, more="SetEnv PATH=/nowhere")


@dataclass(frozen=True)
class Scene:
    """One slave on a machine of its own.

    Attributes:
        prepare: makes the scene.
        settings: of the inventory; ``{address}`` and ``{address6}`` are the machine's.
        has_ssh: whether its SSH server runs.
        key: of its SSH server that the controller knows, if any.
    """

    prepare: Callable[[Site, str], None] = _nothing
    settings: str = "address: {address}"
    has_ssh: bool = True
    key: str | None = "host"


_V6 = 'address: "{address6}"'
_ALL = "meta l4proto {{ tcp, udp }} th dport 5000 reject with icmpx type {}"
_LOOPBACK = ("tcp", "127.0.0.1", "5000", "udp", "127.0.0.1", "5000")

SCENES = {
    "nothing": Scene(),
    "closed": Scene(prepare=_closed),
    "way-back": Scene(prepare=_way_back),
    "drop": Scene(prepare=_blocked("tcp dport 5000 drop", "udp dport 5000 drop")),
    "unreachable": Scene(prepare=_blocked(_ALL.format("port-unreachable"))),
    "prohibited": Scene(prepare=_blocked(_ALL.format("admin-prohibited"))),
    "reset": Scene(prepare=_blocked("tcp dport 5000 reject with tcp reset")),
    "iptables": Scene(prepare=_iptables("iptables")),
    "legacy": Scene(prepare=_iptables("iptables-legacy")),
    "egress-drop": Scene(prepare=_egress("drop")),
    "egress-reject": Scene(prepare=_egress("reject")),
    "loopback": Scene(prepare=_here(_LOOPBACK)),
    "family": Scene(prepare=_here(ONLY_V4), settings=_V6),
    "deaf": Scene(prepare=_peer("deaf")),
    "classic": Scene(prepare=_peer("classic")),
    "agent": Scene(prepare=_agent()),
    "refusing": Scene(prepare=_agent(", allowed_hosts: [{host: 10.9.0.250, level: all}]")),
    "no-python": Scene(prepare=_no_python, settings="address: {address}, ssh_port: 2222"),
    "unknown-key": Scene(key=None),
    "changed-key": Scene(key="other"),
    "no-ssh": Scene(prepare=_here(EVERYWHERE), has_ssh=False),
    "misnamed": Scene(settings="address: misnamed.test"),
    "unnamed": Scene(settings="address: unnamed.test"),
    "both": Scene(settings="address: both.test"),
}
"""Slaves on the bridge; those of ``_more_slaves`` come on top."""


@contextlib.contextmanager
def site(folder: Path) -> Iterator[Site]:
    """Build all scenes."""
    with lan(folder) as net:
        made = Site(lan=net, controller=net.add("controller", has_ssh=False), master=net.add("master", has_ssh=False))
        slaves: dict[str, str] = {}
        for label, scene in SCENES.items():
            machine = net.add(label, has_ssh=scene.has_ssh, key=scene.key)
            slaves[label] = scene.settings.format(address=machine.address, address6=machine.address6)
        _name(made)
        slaves |= _more_slaves(made)
        made.write_inventory(made.inventory, slaves)
        (folder / "remote" / "_all").mkdir(parents=True)
        made.master.serve_ssh()
        made.agent("master", "", listener=":4440")
        for label, scene in SCENES.items():
            scene.prepare(made, label)
        yield made


def _name(made: Site) -> None:
    """Tell the controller every name, and the master what is wrong with some of them."""
    right = {name: made.machine(name).address for name in ("misnamed", "unnamed", "both")}
    both = {"both.test": (right["both"], made.machine("both").address6)}
    for name in right:
        made.lan.trust(f"{name}.test")
    known = {"misnamed.test": (right["misnamed"],), "unnamed.test": (right["unnamed"],), **both}
    made.lan.names(made.controller, known)
    made.lan.names(made.master, {"misnamed.test": ("10.9.0.251",), **both})


def _more_slaves(made: Site) -> dict[str, str]:
    """Return slaves that are other views of the same machines, that stand behind a router, or nowhere."""
    net = made.lan
    views = ("nothing", "drop", "unreachable", "prohibited", "agent", "egress-drop")
    found = {f"{name}-v6": f'address: "{made.machine(name).address6}"' for name in views}
    router, inner = net.add("router", has_ssh=False), net.add_behind("router", "inner")
    for machine in (made.controller, made.master):
        net.route(machine, inner.network, router.address)
    found["masked"] = f"address: {inner.address}"
    found["forwarded"] = f"address: {router.address}, ssh_port: 2222"
    net.trust(f"[{router.address}]:2222")
    found["no-route"] = "address: 203.0.113.5, connection: none"
    found["absent"] = "address: 10.9.0.250, connection: none"
    found["nameless"] = "address: no-such-name.test, connection: none"
    return found
