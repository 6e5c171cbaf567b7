"""``jsync diff slaves`` of a fleet without jsync: unchanged lists, each read by SSH from its host.

    python -m benchmarks.fleet [HOSTS [FORKS…]]

Starts one SSH server on loopback that stands for all hosts: each has an address and a login of its own. The master's
folder lies here. Beside it the least that any tool must do: OpenSSH's client that lets md5sum list the same folders, as
many at once. Needs OpenSSH's sshd, ssh and ssh-keygen.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.ports import free_port
from tests.support.site import PROJECT, eventually

_FILES = 391
_CONTENT = b"<job><script language='shell'>echo %d</script></job>\n" * 20
_CONFIG = """\
Port {port}
ListenAddress 0.0.0.0
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
PidFile none
StrictModes no
UsePAM no
UseDNS no
MaxStartups 1000
"""


def main() -> None:
    """Measure and print."""
    numbers = [int(word) for word in sys.argv[1:]]
    hosts, forks = (numbers[0] if numbers else 200), numbers[1:] or [20, 50]
    with tempfile.TemporaryDirectory(prefix="jsync-bench-") as name, _ssh_server(Path(name)) as port:
        folder = Path(name)
        _write(folder, hosts, port)
        for at_once in forks:
            diff_s, bare_s = _diff(folder, at_once), _bare_ssh(folder, hosts, port, at_once)
            what = f"{hosts} hosts, {_FILES} files each, {at_once} at once"
            print(f"{what}: jsync diff {diff_s:.1f} s, ssh and md5sum {bare_s:.1f} s, ratio {diff_s / bare_s:.2f}")


@contextlib.contextmanager
def _ssh_server(folder: Path) -> Iterator[int]:
    port = free_port()
    for key in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)], check=True)
    (folder / "sshd_config").write_text(_CONFIG.format(port=port, folder=folder))
    sshd = shutil.which("sshd") or "/usr/sbin/sshd"
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    with subprocess.Popen([sshd, "-D", "-e", "-f", str(folder / "sshd_config")], stderr=subprocess.DEVNULL) as server:
        try:
            eventually(lambda: _listens(port), what="the SSH server")
            yield port
        finally:
            server.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _write(folder: Path, hosts: int, port: int) -> None:
    """Write the inventory, equal folders for all, and what is known of the hosts."""
    for root in (folder / "remote" / "_all", folder / "cache"):
        root.mkdir(parents=True)
        for number in range(_FILES):
            place = root / f"folder-{number % 20}" / f"{number}.job.xml"
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(_CONTENT.replace(b"%d", str(number).encode()))
    names = {f"slave-{n:03}": _address(n) for n in range(hosts)}
    key = (folder / "host.pub").read_text().split()[:2]
    (folder / "known_hosts").write_text("".join(f"[{ip}]:{port} {' '.join(key)}\n" for ip in names.values()))
    (folder / "ssh_config").write_text(f"Host *\n  UserKnownHostsFile {folder}/known_hosts\n  IdentitiesOnly yes\n")
    of_slaves = {
        "connection": "ssh",
        "ssh_user": getpass.getuser(),
        "ssh_port": port,
        "ssh_key": str(folder / "user"),
        "ssh_config": str(folder / "ssh_config"),
        "tcp_port": free_port(),
        "cache": str(folder / "cache"),
    }
    document = {
        "masters": {"hosts": {"master": {"address": "127.0.0.1", "tcp_port": free_port(), "remote": "remote"}}},
        "slaves": {"vars": of_slaves, "hosts": {name: {"address": ip} for name, ip in names.items()}},
    }
    (folder / "jsync.yaml").write_text(json.dumps(document))


def _address(number: int) -> str:
    return f"127.1.{number // 250}.{number % 250 + 1}"


def _bare_ssh(folder: Path, hosts: int, port: int, forks: int) -> float:
    options = ["-F", str(folder / "ssh_config"), "-i", str(folder / "user"), "-p", str(port), "-o", "BatchMode=yes"]
    listing = f"find {folder}/cache -type f -exec md5sum {{}} +"

    def one(number: int) -> None:
        command = ["ssh", *options, _address(number), listing]
        done = subprocess.run(command, capture_output=True, check=True)
        assert done.stdout.count(b"\n") == _FILES, done

    started_s = time.perf_counter()
    with ThreadPoolExecutor(forks) as pool:
        list(pool.map(one, range(hosts)))
    return time.perf_counter() - started_s


def _diff(folder: Path, forks: int) -> float:
    command = [sys.executable, "-m", "cli", "diff", "slaves", "-i", str(folder / "jsync.yaml"), "-o", "json"]
    started_s = time.perf_counter()
    done = subprocess.run(
        [*command, "--forks", str(forks)],
        env={**os.environ, "PYTHONPATH": str(PROJECT), "JSYNC_STATE_DIR": str(folder / "state")},
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - started_s
    if done.returncode != 0:
        raise SystemExit(f"jsync diff ended with {done.returncode}: {done.stdout[:500]}{done.stderr[:2000]}")
    sources = {slave["slave_source"] for slave in json.loads(done.stdout)["slaves"]}
    assert sources == {"ssh"}, sources
    return seconds


if __name__ == "__main__":
    main()
