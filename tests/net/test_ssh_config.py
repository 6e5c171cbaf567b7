from __future__ import annotations

import getpass
from pathlib import Path

import pytest

from sync_core.model.errors import HostError
from sync_core.model.inventory import SshSettings
from sync_core.net.ssh_config import SshTarget, find_target


def target_of(folder: Path, text: str, address: str = "slave.sos", **settings: object) -> SshTarget:
    file = folder / "config"
    file.write_text(text)
    return find_target(address, SshSettings(config=file, **settings))  # type: ignore[arg-type]


def test_without_a_word_ssh_s_own_defaults_hold(tmp_path: Path) -> None:
    found = target_of(tmp_path, "")
    assert (found.host, found.port, found.user, found.keys, found.jump) == (
        "slave.sos", 22, getpass.getuser(), (), None,
    )  # fmt: skip
    assert found.known_hosts[0] == Path("~/.ssh/known_hosts").expanduser()
    assert found.known_hosts[-1] == Path("/etc/ssh/ssh_known_hosts")
    assert not found.is_exclusive
    assert found.known_as == "slave.sos"


CONFIG = """\
Host slave.*
  HostName 10.9.0.2
  User jobs
  Port 2222
  IdentityFile /keys/one
  IdentityFile /keys/two
  IdentitiesOnly yes
  UserKnownHostsFile /keys/known /keys/more
  HostKeyAlias the-slave
"""


def test_the_file_says_where_and_how(tmp_path: Path) -> None:
    found = target_of(tmp_path, CONFIG)
    assert (found.host, found.port, found.user) == ("10.9.0.2", 2222, "jobs")
    assert found.keys == (Path("/keys/one"), Path("/keys/two"))
    assert found.is_exclusive
    assert found.known_hosts == (Path("/keys/known"), Path("/keys/more"), Path("/etc/ssh/ssh_known_hosts"))
    assert found.known_as == "the-slave"


def test_the_inventory_is_stronger(tmp_path: Path) -> None:
    found = target_of(tmp_path, CONFIG, user="root", port=22, key=Path("/mine"))
    assert (found.user, found.port, found.keys) == ("root", 22, (Path("/mine"),))


def test_another_port_is_part_of_the_name_of_a_key(tmp_path: Path) -> None:
    assert target_of(tmp_path, "", port=2222).known_as == "[slave.sos]:2222"


@pytest.mark.parametrize(
    ("text", "hops"),
    [
        ("Host slave.sos\n ProxyJump none\n", []),
        ("Host slave.sos\n ProxyJump gate\n", [("gate", 22, None)]),
        ("Host slave.sos\n ProxyJump me@gate:2200\n", [("gate", 2200, "me")]),
        ("Host slave.sos\n ProxyJump ssh://me@[fd00::7]:2200\n", [("fd00::7", 2200, "me")]),
        ("Host slave.sos\n ProxyJump [fd00::7]\n", [("fd00::7", 22, None)]),
        ("Host slave.sos\n ProxyJump fd00::7\n", [("fd00::7", 22, None)]),
        ("Host slave.sos\n ProxyJump one,two\n", [("two", 22, None), ("one", 22, None)]),
        (
            "Host slave.sos\n ProxyJump gate\nHost gate\n HostName 10.0.0.1\n ProxyJump outer\n User g\n",
            [("10.0.0.1", 22, "g"), ("outer", 22, None)],
        ),
    ],
)
def test_hosts_in_between(tmp_path: Path, text: str, hops: list[tuple[str, int, str | None]]) -> None:
    hop = target_of(tmp_path, text).jump
    found = []
    while hop is not None:
        found.append((hop.host, hop.port, hop.user))
        hop = hop.jump
    assert found == [(host, port, user or getpass.getuser()) for host, port, user in hops]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Host slave.sos\n ProxyJump slave.sos\n", "ProxyJump goes in a circle"),
        ("Host slave.sos\n ProxyCommand nc %h %p\n", "ProxyCommand for slave.sos is not supported"),
        ("Host slave.sos\n Port many\n", "'many' is no port number for slave.sos"),
        ("Host slave.sos\n ProxyJump gate:0\n", "'0' is no port number for gate:0"),
        ("what is this\n\x00", "config: "),
    ],
)
def test_what_makes_no_sense_is_told(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(HostError) as caught:
        target_of(tmp_path, text)
    assert message in str(caught.value)


def test_a_file_that_is_named_must_be_readable(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="there is no such file") as caught:
        find_target("slave.sos", SshSettings(config=tmp_path / "none"))
    assert caught.value.hint == "correct `ssh_config` in the inventory"
    with pytest.raises(HostError, match="it can't be read"):
        find_target("slave.sos", SshSettings(config=tmp_path))
    (tmp_path / "config").write_bytes(b"Host \xff\xfe\n")
    with pytest.raises(HostError, match="it can't be read: no text"):
        find_target("slave.sos", SshSettings(config=tmp_path / "config"))


def test_the_usual_file_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_target("slave.sos", SshSettings(port=2222)).port == 2222
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").write_text("Host *\n Port 2200\n")
    assert find_target("slave.sos", SshSettings()).port == 2200
