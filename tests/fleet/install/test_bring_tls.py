"""Keys, certificates and authorities, brought to another machine."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest

from sync_core.fleet.access import HERE
from sync_core.fleet.elsewhere import Machine
from sync_core.fleet.install.bring_tls import bring_tls
from sync_core.fleet.install.far_tls import put
from sync_core.fleet.part import Part
from sync_core.model.errors import CertificateError, HostError
from sync_core.model.inventory import Host, TlsFiles
from sync_core.net.runner import LocalRunner, Runner
from tests.support.certificates import write_tls
from tests.support.net import a_host
from tests.support.runners import PrefixRunner


def bring(*hosts: Host, runner: Runner | None = None) -> None:
    machine = Machine(access=HERE, jsync="jsync", hosts=hosts, part=Part(name="x", text=b""))
    asyncio.run(bring_tls(machine, runner or LocalRunner()))


def test_files_arrive_as_they_are_and_keys_are_nobody_elses(tmp_path: Path) -> None:
    order = tmp_path / "there" / "deep" / "a.key"
    assert put(order, b"key", 0o600)
    assert not put(order, b"key", 0o600)
    assert stat.S_IMODE(order.stat().st_mode) == 0o600
    assert stat.S_IMODE(order.parent.stat().st_mode) == 0o700
    assert put(order, b"new", 0o600)
    order.chmod(0o644)
    assert put(order, b"new", 0o600)
    assert [path.name for path in order.parent.iterdir()] == ["a.key"]


def test_what_is_here_is_there_afterwards(tmp_path: Path) -> None:
    files = write_tls(tmp_path, "a")
    files.cert.chmod(0o600)
    bring(a_host("a", tls=files), a_host("plain"))
    assert stat.S_IMODE(files.cert.stat().st_mode) == 0o644  # here and there are the same place
    assert stat.S_IMODE(files.key.stat().st_mode) == 0o600


def test_no_key_is_seen_in_arguments(tmp_path: Path) -> None:
    files = write_tls(tmp_path, "a")
    seen = tmp_path / "arguments"
    script = tmp_path / "spy"
    script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> {seen}\nexec "$@"\n')
    script.chmod(0o755)
    bring(a_host("a", tls=files), runner=PrefixRunner(str(script)))
    assert "far_tls" not in seen.read_text()
    assert not [line for line in files.key.read_text().splitlines()[1:-1] if line in seen.read_text()]


def test_hosts_whose_key_is_not_here_are_passed_over(tmp_path: Path) -> None:
    nowhere = TlsFiles(cert=tmp_path / "c", key=tmp_path / "k", ca=tmp_path / "a")
    bring(a_host("a", tls=nowhere), runner=PrefixRunner("false"))
    assert not list(tmp_path.iterdir())


def test_what_cant_be_used_is_not_brought(tmp_path: Path) -> None:
    with pytest.raises(CertificateError, match="certificate expired"):
        bring(a_host("a", tls=write_tls(tmp_path, "a", days=1, age_days=9)))


def test_a_machine_that_can_not_take_it_says_why(tmp_path: Path) -> None:
    script = tmp_path / "no"
    script.write_text('#!/bin/sh\ncase "$*" in *compile*) echo full >&2; exit 3;; *) exec "$@";; esac\n')
    script.chmod(0o755)
    with pytest.raises(HostError, match="certificates can't be brought: full"):
        bring(a_host("a", tls=write_tls(tmp_path, "a")), runner=PrefixRunner(str(script)))
