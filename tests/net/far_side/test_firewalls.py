from __future__ import annotations

import os
from pathlib import Path

import pytest

from sync_core.net.far_side import firewalls

SERVICE = """\
<service>
  <port protocol="tcp" port="4440"/>
  <port port="5000-5009" protocol="udp"/>
  <port/>
</service>
"""


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setattr(firewalls, "_PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr(firewalls, "_SERVICE_FOLDERS", (str(tmp_path / "services"),))
    # so that no other tool of this machine is found
    fakes = {name: [f"fake-{words[0]}", *words[1:]] for name, words in firewalls._COMMANDS.items()}
    monkeypatch.setattr(firewalls, "_COMMANDS", fakes)
    return folder


def a_tool(folder: Path, name: str, text: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


def test_without_tools_nothing_is_said(tools: Path) -> None:
    assert firewalls.read() == {}


def test_what_tools_print_and_what_they_complain_of(tools: Path) -> None:
    a_tool(tools, "fake-nft", 'echo "$@"; echo "LC_ALL=$LC_ALL"')
    a_tool(tools, "fake-iptables-save", "echo 'Permission denied' >&2; echo more >&2; exit 4")
    found = firewalls.read()
    assert found["nft-json"] == {"code": 0, "out": "-j list ruleset\nLC_ALL=C\n", "error": ""}
    assert found["nft"]["out"].startswith("-a list ruleset")
    assert found["iptables"] == {"code": 4, "out": "", "error": "Permission denied"}
    assert "ip6tables" not in found


def test_a_tool_that_hangs_floods_or_is_broken(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firewalls, "_TIMEOUT_S", 0.2)
    monkeypatch.setattr(firewalls, "_MOST_BYTES", 10)
    a_tool(tools, "fake-nft", "exec sleep 60")
    a_tool(tools, "fake-iptables-save", "echo 12345678901")
    (tools / "fake-ip6tables-save").write_bytes(b"\x7fELF")
    (tools / "fake-ip6tables-save").chmod(0o755)
    found = firewalls.read()
    assert found["nft-json"] == {"code": None, "out": "", "error": "no answer within 0.2 s"}
    assert found["iptables"] == {"code": None, "out": "", "error": "more than 10 bytes"}
    assert found["ip6tables"] == {"code": None, "out": "", "error": "Exec format error"}


def test_firewalld_is_asked_only_where_it_runs(tools: Path, tmp_path: Path) -> None:
    a_tool(tools, "firewall-cmd", "exit 252")
    a_tool(tools, "fake-firewall-cmd", 'echo "zone\n  services: jsync nobody"')
    assert not [name for name in firewalls.read() if name.startswith("firewalld")]
    a_tool(tools, "firewall-cmd", "echo running")
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "jsync.xml").write_text(SERVICE)
    found = firewalls.read()
    assert found["firewalld"]["code"] == 0
    assert found["firewalld-services"]["out"] == "jsync 4440/tcp 5000-5009/udp\n"


def test_legacy_tables_are_read_where_the_kernel_has_some(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_tool(tools, "fake-iptables-legacy-save", "echo rules")
    monkeypatch.setattr(firewalls, "_text", lambda path: "")
    monkeypatch.setattr(os.path, "exists", lambda _: True)
    assert "iptables-legacy" not in firewalls.read()
    monkeypatch.setattr(firewalls, "_text", lambda path: "filter\n" if path == "/proc/net/ip_tables_names" else "")
    assert firewalls.read()["iptables-legacy"]["out"] == "rules\n"
