"""A network of machines for tests: namespaces on a bridge, each with its own SSH server, names and firewall."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tests.support.netns import ROOT, Namespace, why_no_namespaces

__all__ = ["Lan", "Machine", "lan", "wait_for", "why_no_lan"]

_DEADLINE_S = 60
SSHD = "/usr/sbin/sshd"
_SSHD_CONFIG = """\
Port {port}
HostKey {folder}/{key}
AuthorizedKeysFile {folder}/user.pub
PidFile none
StrictModes no
UsePAM no
UseDNS no
PasswordAuthentication no
PermitRootLogin prohibit-password
MaxStartups 100
{more}
"""
_BEHIND_MOUNTS = """\
while [ "$1" != -- ]; do
    if [ "$1" = full ]; then
        mount -t tmpfs -o size=64k tmpfs "$2" && { head -c 60k /dev/zero; head -c 1M /dev/zero 2>&1; } > "$2/filler"
    else
        mount --bind "$1" "$2" || exit 1
    fi
    shift 2
done
shift
exec "$@"
"""
"""Every namespace has a view of its own of what is mounted where."""
_SSH_CONFIG = """\
Host *
  User root
  IdentityFile {folder}/user
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/known_hosts
"""


def why_no_lan() -> str | None:
    """Return why such a network can't be built here; ``None`` if it can."""
    reason = why_no_namespaces()
    if reason is not None:
        return reason
    for tool, package in ((SSHD, "openssh-server"), ("ssh-keygen", "openssh-client"), ("iptables", "iptables")):
        if shutil.which(tool) is None:
            return f"hosts in namespaces need {Path(tool).name} (package {package})"
    return None


def wait_for(is_true: Callable[[], bool], what: str) -> None:
    """Wait until something is so; fail after a time that is far beyond what it takes."""
    until_s = time.monotonic() + _DEADLINE_S
    while not is_true():
        if time.monotonic() > until_s:
            raise AssertionError(f"waited in vain: {what}")
        time.sleep(0.02)


class Machine(Namespace):
    """A namespace with addresses and an SSH server."""

    def __init__(self, name: str, label: str, folder: Path, number: int) -> None:
        super().__init__(name)
        self.label = label
        self.folder = folder
        self.address = f"10.9.0.{number}"
        self.address6 = f"fd00:9::{number:x}"
        self.network = "10.9.0.0/24"
        self.processes: list[subprocess.Popen[bytes]] = []

    def popen(self, *command: str, environ: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a command that ends with the network; what it says goes to a file."""
        log = self.folder / f"{self.label}-{len(self.processes)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["ip", "netns", "exec", self.name, *command],
                cwd=ROOT,
                stdin=subprocess.PIPE,  # helpers end with it
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environ or {})},
            )
        self.processes.append(process)
        return process

    def serve_ssh(
        self,
        *,
        port: int = 22,
        key: str = "host",
        more: str = "",
        own: Sequence[str] = (),
        tiny: Sequence[str] = (),
    ) -> None:
        """Start an SSH server and wait until it listens.

        Args:
            port: its port.
            key: its host key.
            more: lines of its configuration.
            own: folders that whoever logs in finds empty and can fill; they are really in ``disk``.
            tiny: those of ``own`` that are full at once.
        """
        config = self.folder / f"{self.label}-{port}.conf"
        config.write_text(_SSHD_CONFIG.format(port=port, folder=self.folder, key=key, more=more))
        mounts = [word for place in own for word in ("full" if place in tiny else str(self.disk(place)), place)]
        self.popen("sh", "-c", _BEHIND_MOUNTS, "sh", *mounts, "--", SSHD, "-D", "-e", "-f", str(config))
        self.wait_for_listener(f":{port}")

    def disk(self, place: str) -> Path:
        """Return where a folder of the machine's own really is."""
        folder = self.folder / self.label / place.lstrip("/")
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def python(self, *words: str, listener: str, environ: Mapping[str, str] | None = None) -> None:
        """Start a Python program and wait until it listens on an address that ends so."""
        process = self.popen(sys.executable, *words, environ=environ)
        wait_for(
            lambda: process.poll() is not None or any(listener in one for one in self.listeners()),
            f"{words} listens on {listener}",
        )
        assert process.poll() is None, (words, [file.read_text() for file in self.folder.glob(f"{self.label}-*.log")])

    def wait_for_listener(self, end: str) -> None:
        """Wait until somebody listens on an address that ends so."""
        wait_for(lambda: any(end in line for line in self.listeners()), f"{self.label} listens on {end}")

    def listeners(self) -> list[str]:
        """Return protocol and address of all sockets that wait."""
        lines = self.run("ss", "-Hlntu").stdout.splitlines()
        return sorted(f"{fields[0]} {fields[4]}" for fields in map(str.split, lines))

    def pids(self) -> set[str]:
        """Return the processes in it."""
        return set(_checked("ip", "netns", "pids", self.name).split())

    def nft(self, *lines: str) -> None:
        """Load rules."""
        _checked("ip", "netns", "exec", self.name, "nft", "\n".join(lines))


class Lan:
    """Machines on one bridge, and keys for all of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.machines: dict[str, Machine] = {}
        self._tag = secrets.token_hex(3)
        self._stack = contextlib.ExitStack()
        self.ssh_config = folder / "ssh_config"

    def build(self) -> None:
        """Make the bridge and the keys."""
        for key in ("user", "host", "other"):
            _checked("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", key, "-f", str(self.folder / key))
        self.ssh_config.write_text(_SSH_CONFIG.format(folder=self.folder))
        (self.folder / "known_hosts").touch()
        Path("/run/sshd").mkdir(exist_ok=True)
        self.switch = self._namespace("switch")
        _checked("ip", "-n", self.switch, "link", "add", "br0", "type", "bridge", "forward_delay", "0")
        _checked("ip", "-n", self.switch, "link", "set", "br0", "up")

    def add(self, label: str, *, has_ssh: bool = True, key: str | None = "host") -> Machine:
        """Return a new machine that is connected; ``key`` is the one that passes for its SSH server's."""
        number = len(self.machines) + 1
        machine = Machine(self._namespace(label), label, self.folder, number)
        self.machines[label] = machine
        self.connect(machine, "eth0", self.switch, f"p{number}")
        _checked("ip", "-n", self.switch, "link", "set", f"p{number}", "master", "br0")
        self.give(machine, "eth0", f"{machine.address}/24", f"{machine.address6}/64")
        if key is not None:
            self.trust(machine.address, key)
            self.trust(machine.address6, key)
        if has_ssh:
            machine.serve_ssh()
        return machine

    def add_behind(self, router_label: str, label: str) -> Machine:
        """Return a machine behind a router that hides the others from it and forwards its own ports to it."""
        router = self.machines[router_label]
        machine = Machine(self._namespace(label), label, self.folder, len(self.machines) + 1)
        machine.address, machine.network = "10.8.0.2", "10.8.0.0/24"
        self.machines[label] = machine
        self.connect(router, "eth1", machine.name, "eth0")
        self.give(router, "eth1", "10.8.0.1/24")
        self.give(machine, "eth0", f"{machine.address}/24")
        self.route(machine, "default", "10.8.0.1")
        assert router.run("sysctl", "-qw", "net.ipv4.ip_forward=1").returncode == 0
        forwards = {"tcp dport 5000": "", "udp dport 5000": "", "tcp dport 2222": ":22"}
        router.nft(
            "add table ip nat",
            "add chain ip nat post { type nat hook postrouting priority 100; }",
            f"add rule ip nat post ip daddr {machine.network} masquerade",
            "add chain ip nat pre { type nat hook prerouting priority -100; }",
            *(
                f"add rule ip nat pre ip daddr {router.address} {port} dnat to {machine.address}{to}"
                for port, to in forwards.items()
            ),
        )
        self.trust(machine.address)
        machine.serve_ssh()
        return machine

    def connect(self, machine: Machine, interface: str, other: str, end: str) -> None:
        """Lay a cable from ``machine`` to another namespace."""
        _checked(
            *("ip", "-n", machine.name, "link", "add", interface, "type", "veth"),
            *("peer", "name", end, "netns", other),
        )
        _checked("ip", "-n", machine.name, "link", "set", interface, "up")
        _checked("ip", "-n", other, "link", "set", end, "up")

    def give(self, machine: Machine, interface: str, *addresses: str) -> None:
        """Give addresses to an interface."""
        for address in addresses:
            nodad = ["nodad"] if ":" in address else []
            _checked("ip", "-n", machine.name, "address", "add", address, "dev", interface, *nodad)

    def route(self, machine: Machine, network: str, gateway: str) -> None:
        """Tell ``machine`` the way to a network."""
        _checked("ip", "-n", machine.name, "route", "add", network, "via", gateway)

    def swallow(self, network: str, *machines: Machine) -> None:
        """Let packets of ``machines`` to a network go where nobody answers."""
        sink = self.add("sink", has_ssh=False)
        sink.nft("add table ip sink", "add chain ip sink pre { type filter hook prerouting priority 0; policy drop; }")
        for machine in machines:
            self.route(machine, network, sink.address)

    def trust(self, name: str, key: str = "host") -> None:
        """Make the key of an SSH server known."""
        public = (self.folder / f"{key}.pub").read_text().split()
        with (self.folder / "known_hosts").open("a") as file:
            file.write(f"{name} {public[0]} {public[1]}\n")

    def names(self, machine: Machine, table: Mapping[str, tuple[str, ...]]) -> None:
        """Write what ``machine`` takes for the addresses of names; before its SSH server starts."""
        folder = Path("/etc/netns") / machine.name
        folder.mkdir(parents=True, exist_ok=True)
        self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
        everything = {"localhost": ("127.0.0.1",), **table}
        lines = [f"{address} {name}" for name, addresses in everything.items() for address in addresses]
        (folder / "hosts").write_text("\n".join(lines) + "\n")
        (folder / "resolv.conf").write_text("")
        (folder / "nsswitch.conf").write_text("hosts: files\n")

    def close(self) -> None:
        """Remove everything."""
        for machine in self.machines.values():
            for process in machine.processes:
                process.terminate()
        for machine in self.machines.values():
            for process in machine.processes:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(5)
                process.kill()
                process.communicate()
            for pid in machine.pids():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), 9)
        self._stack.close()

    def _namespace(self, label: str) -> str:
        name = f"jsync-{self._tag}-{label}"
        _checked("ip", "netns", "add", name)
        self._stack.callback(subprocess.run, ["ip", "netns", "del", name], check=False)
        _checked("ip", "-n", name, "link", "set", "lo", "up")
        return name


@contextlib.contextmanager
def lan(folder: Path) -> Iterator[Lan]:
    """Build a network, and remove it whatever happens."""
    made = Lan(folder)
    try:
        made.build()
        yield made
    finally:
        made.close()


def _checked(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_DEADLINE_S, check=False)
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout
