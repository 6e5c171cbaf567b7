from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sync_core.fleet.unit_file import Unit, unit_name, unit_text
from sync_core.model.inventory import Role
from tests.support.net import a_host

ODD_CACHE = Path("/srv/a b/c$x%d\"'\\")


def a_unit(**changes: Any) -> Unit:
    values: dict[str, Any] = {
        "host": a_host("slave", cache=ODD_CACHE),
        "command": ("/bin/true", "agent", "slave", "-i", '/etc/$x y%"z".yaml'),
        "state_folder": Path("/var/lib/jsync"),
        "user": "daemon",
    }
    return Unit(**{**values, **changes})


def lines(**changes: Any) -> list[str]:
    return unit_text(a_unit(**changes)).splitlines()


KINDS: dict[str, dict[str, Any]] = {
    "own user": {},
    "as root": {"user": None, "errors_path": Path("/var/lib/jsync/slave/agent.err")},
    "user's manager": {"user": None, "is_of_user": True},
    "low port": {"host": a_host("slave", tcp_port=500)},
    "master": {"host": a_host("m", role=Role.MASTER, remote=ODD_CACHE)},
    "master as root": {"host": a_host("m", role=Role.MASTER, tcp_port=80), "user": None},
}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here (package systemd)")
@pytest.mark.parametrize("kind", KINDS)
def test_systemd_is_content_with_it(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "jsync-x.service"
    file.write_text(unit_text(a_unit(**KINDS[kind])))
    manager = "--user" if kind == "user's manager" else "--system"
    done = subprocess.run(
        ["systemd-analyze", manager, "--man=no", "verify", str(file)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)},
    )
    complaints = [line for line in done.stderr.splitlines() if "jsync-x" in line]
    assert (done.returncode, complaints) == (0, []), done.stderr


def test_words_stay_what_they_are() -> None:
    found = lines()
    assert 'ExecStart=/bin/true agent slave -i "/etc/$$x y%%\\"z\\".yaml"' in found
    assert 'ReadWritePaths="/srv/a b/c$x%%d\\"\'\\\\"' in found
    assert "ExecReload=/bin/kill -HUP $MAINPID" in found
    assert "Description=jsync slave 5%%" in lines(host=a_host("5%"))


def test_it_may_write_its_cache_and_its_state() -> None:
    assert "StateDirectory=jsync/slave" in lines()
    assert "ProtectSystem=strict" in lines()
    as_root = lines(user=None, host=a_host("slave", cache=Path("/c")))
    assert "ReadWritePaths=/var/lib/jsync -/c" in as_root
    assert not [line for line in as_root if line.startswith(("User=", "StateDirectory="))]
    master = lines(host=a_host("m", role=Role.MASTER, remote=Path("/r")))
    assert not [line for line in master if line.startswith("ReadWritePaths=")]
    assert "RequiresMountsFor=/var/lib/jsync /r" in master


def test_a_cache_that_is_gone_is_made_again_outside_of_the_sandbox() -> None:
    def made(**changes: Any) -> list[str]:
        return [line for line in lines(**changes) if line.startswith("ExecStartPre=")]

    assert made(user=None) == ['ExecStartPre=+/bin/mkdir -p -- "/srv/a b/c$$x%%d\\"\'\\\\"']
    assert made() == made(user=None, is_of_user=True) == made(**KINDS["master as root"]) == []


def test_rights_are_those_that_it_needs() -> None:
    def rights(**changes: Any) -> list[str]:
        return [line for line in lines(**changes) if "Capabilit" in line]

    assert rights() == ["CapabilityBoundingSet="]
    low = a_host("slave", udp_port=1023)
    assert rights(host=low) == [
        "CapabilityBoundingSet=CAP_NET_BIND_SERVICE",
        "AmbientCapabilities=CAP_NET_BIND_SERVICE",
    ]
    assert rights(user=None) == ["CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER"]
    assert rights(user=None, host=low)[0].endswith(" CAP_NET_BIND_SERVICE")
    assert rights(is_of_user=True) == []


def test_a_users_manager_gets_what_it_can_do() -> None:
    found = lines(user=None, is_of_user=True)
    assert "NoNewPrivileges=yes" in found
    assert "WantedBy=default.target" in found
    assert not [line for line in found if line.startswith(("Protect", "ReadWritePaths"))]


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("slave-5000", "jsync-slave-5000.service"),
        ("a.b_c:1", "jsync-a.b_c:1.service"),
        ("ü %", "jsync-\\xc3\\xbc\\x20\\x25.service"),
    ],
)
def test_names(host: str, name: str) -> None:
    assert unit_name(host) == name
