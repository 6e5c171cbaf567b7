from __future__ import annotations

from pathlib import Path

import pytest

from sync_core.model.inventory import Connection, Dialect, MaxDelete, SshSettings, TlsFiles
from sync_core.model.security import AllowedHost, Level
from tests.support.inventories import a_master, a_slave, inventory_of, problems_of


def test_defaults_are_those_of_the_contract(tmp_path: Path) -> None:
    inventory = inventory_of(tmp_path, "{masters: {hosts: {m: {remote: r}}}, slaves: {hosts: {s: {cache: c/s}}}}")
    assert inventory.hosts["m"] == a_master("m", address="m", remote=tmp_path / "r")
    assert inventory.hosts["s"] == a_slave("s", address="s", cache=tmp_path / "c" / "s", masters=("m",))


def test_every_value_reaches_the_host(tmp_path: Path) -> None:
    inventory = inventory_of(
        tmp_path,
        """
        masters: {hosts: {m: {remote: r}, n: {remote: r}}}
        slaves:
          hosts:
            s-[07:07]:
              address: FE80::1
              tcp_port: "50{n}"
              udp_port: 0
              listen: 0.0.0.0
              cache: ~/caches/${SITE}/{name}
              dialect: classic
              master: [n, m]
              scheduler_id: id-{n}
              folder: fe80::1#5000
              interval_s: "2.5"
              connection: ssh
              ssh_user: jobs
              ssh_port: "22"
              ssh_key: $HOME/.ssh/key
              ssh_config: ssh_config
              become: true
              trust_path: true
              jsync: sudo jsync
              allowed_hosts: [{host: "{name}.example", level: no_add}, {host: 0.0.0.0, level: none}]
              tcp_required: false
              udp_required: false
              max_delete: "010"
        """,
    )
    assert inventory.hosts["s-07"] == a_slave(
        "s-07",
        address="FE80::1",
        tcp_port=5007,
        udp_port=None,
        listen="0.0.0.0",
        cache=Path("/home/jobs/caches/north/s-07"),
        dialect=Dialect.CLASSIC,
        masters=("n", "m"),
        scheduler_id="id-07",
        folder="fe80::1#5000",
        interval_s=2.5,
        connection=Connection.SSH,
        ssh=SshSettings(user="jobs", port=22, key=Path("/home/jobs/.ssh/key"), config=tmp_path / "ssh_config"),
        become=True,
        trust_path=True,
        jsync="sudo jsync",
        allowed_hosts=(
            AllowedHost(host="s-07.example", level=Level.NO_ADD),
            AllowedHost(host="0.0.0.0", level=Level.NONE),
        ),
        tcp_required=False,
        udp_required=False,
        max_delete=MaxDelete(number=10, is_percentage=False),
    )


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("50%", MaxDelete(number=50, is_percentage=True)),
        ("0%", MaxDelete(number=0, is_percentage=True)),
        ("0", MaxDelete(number=0, is_percentage=False)),
        ("'7'", MaxDelete(number=7, is_percentage=False)),
    ],
)
def test_max_delete_is_a_number_or_a_percentage(written: str, expected: MaxDelete, tmp_path: Path) -> None:
    text = (
        f"{{masters: {{hosts: {{m: {{remote: r}}}}}}, slaves: {{hosts: {{s: {{cache: c, max_delete: {written}}}}}}}}}"
    )
    assert inventory_of(tmp_path, text).hosts["s"].max_delete == expected


def test_settings_know_their_origin_and_place(tmp_path: Path) -> None:
    inventory = inventory_of(
        tmp_path,
        """
        all: {vars: {interval_s: ".5", x_list: ["{name}"]}}
        masters: {hosts: {m: {remote: r}}}
        slaves:
          vars: {udp_port: "500{n}"}
          hosts:
            s[1:1]: {ansible_host: a, cache: "c/{name}"}
        """,
    )
    settings = inventory.settings["s1"]
    assert {name: (setting.value, setting.origin, setting.line) for name, setting in settings.items()} == {
        "interval_s": (0.5, "all", 2),
        "x_list": (["s1"], "all", 2),
        "udp_port": (5001, "slaves", 5),
        "address": ("a", "s1", 7),
        "cache": ("c/s1", "s1", 7),
    }
    assert settings["cache"].column == 38
    assert settings["cache"].file == str(tmp_path / "jsync.yaml")


def test_hosts_that_are_only_reached_need_no_folder(tmp_path: Path) -> None:
    inventory = inventory_of(
        tmp_path,
        "{all: {vars: {connection: none}}, masters: {hosts: {m: }}, slaves: {hosts: {s: , t: {ansible_host: x}}}}",
    )
    assert inventory.hosts["m"].remote is None
    assert inventory.hosts["s"].cache is None
    assert {host.connection for host in inventory.hosts.values()} == {Connection.NONE}


MASTER = "masters: {hosts: {m: {remote: r}}}"
TWO = "masters: {hosts: {north: {remote: r}, south: {remote: r}}}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{{{MASTER}, slaves: {{hosts: {{'s[1:3]': , t: }}}}}}", [
            "1:55: the slave `s1` needs `cache` (the folder that holds its copy; or connection: none)",
            "1:67: the slave `t` needs `cache` (the folder that holds its copy; or connection: none)",
        ]),
        ("{masters: {hosts: {m: {connection: ssh}}}}", [
            "1:20: the master `m` needs `remote` (the folder that it distributes; or connection: none)",
        ]),
        ("{slaves: {hosts: {s: {cache: c}}}}", [
            "1:19: the slave `s` has no master (a host below the group `masters`)"
        ]),
        (f"{{{TWO}, slaves: {{hosts: {{s: {{cache: c}}}}}}}}", [
            "1:79: the slave `s` names no `master`, and there are 2 (one of north, south)"
        ]),
        (f"{{{TWO}, slaves: {{hosts: {{s: {{cache: c, master: nort}}}}}}}}", [
            "1:101: there is no master `nort` (did you mean `north`?)"
        ]),
        (f"{{{TWO}, slaves: {{hosts: {{s: {{cache: c, master: [x, south, s, south]}}}}}}}}", [
            "1:102: there is no master `x` (masters: north, south)",
            "1:112: `s` is a slave, not a master (masters: north, south)",
            "1:115: the master `south` is named twice",
        ]),
        ("{slaves: {hosts: {s: {cache: c, master: m}}}}", ["1:41: there is no master `m` (masters: none)"]),
        (f"{{{MASTER}, slaves: {{vars: {{tcp_port: '6{{n}}'}}, hosts: {{'s[553:559]': {{cache: '{{name}}'}}}}}}}}", []),
        (f"{{{MASTER}, slaves: {{vars: {{tcp_port: '65{{n}}'}}, hosts: {{'s[535:537]': {{cache: '{{name}}'}}}}}}}}", [
            "1:64: `tcp_port`: `65536` is not a port from 1 to 65535"
        ]),
        (f"{{{MASTER}, slaves: {{hosts: {{'s[a:b]': {{cache: '{{name}}', tcp_port: '{{n}}'}}}}}}}}", [
            "1:93: `tcp_port`: `a` is not a port from 1 to 65535"
        ]),
        (f"{{{MASTER}, slaves: {{hosts: {{s: {{cache: $NOPE/x}}}}}}}}", [
            "1:66: `cache`: `$NOPE/x`: the environment variable `NOPE` is not set"
        ]),
        (f"{{{MASTER}, slaves: {{vars: {{udp_port: '{{n}}'}}, hosts: {{s: {{cache: c}}, t: {{cache: d}}}}}}}}", [
            "1:64: `{n}` is the value of a range, and the host `s` has none in its name "
            "(use {name}, or a range such as slave-[1:9])"
        ]),
        # What is wrong in itself is not reported again by what depends on it.
        (f"{{{MASTER}, slaves: {{hosts: {{s: {{cache: 1, connection: x, master: [5]}}, t: 3}}}}}}", [
            "1:66: `cache`: `1` is not a path",
            "1:81: `connection`: `x` is not one of local, ssh, none",
            "1:93: `master`: `5` is not a master's name, or a list of them",
            "1:101: the host `t`: `3` is not a mapping of variables",
        ]),
        (f"{{{MASTER}, slaves: {{hosts: {{s: {{connection: x, allowed_hosts: [{{host: 1, level: all}}]}}}}}}}}", [
            "1:71: `connection`: `x` is not one of local, ssh, none",
            "1:97: `host`: `1` is not a host name or an IP address (without port, without brackets)",
        ]),
    ],
)  # fmt: skip
def test_what_a_host_lacks_is_said_at_the_host_or_value(text: str, expected: list[str], tmp_path: Path) -> None:
    assert problems_of(tmp_path, text) == expected


def test_filled_in_text_is_checked_again(tmp_path: Path) -> None:
    long = "x" * 250
    variables = "{scheduler_id: 'id-of-{name}', connection: none}"
    text = f"{{{MASTER}, slaves: {{hosts: {{'{long}[1:2]': {variables}}}}}}}"
    found = problems_of(tmp_path, text)
    assert len(found) == 1
    column = text.index("'id-of-") + 1
    assert found[0].startswith(f"1:{column}: `scheduler_id`: `id-of-xxx")
    assert found[0].endswith("is not one folder name (no slashes, no leading dot, not `_all`, ISO-8859-1 characters)")


def test_one_group_says_where_all_have_their_certificates_and_a_host_may_have_none(tmp_path: Path) -> None:
    inventory = inventory_of(
        tmp_path,
        """
        all: {vars: {tls: {cert: "tls/{name}.crt", key: "/etc/{name}.key", ca: $SITE/ca.crt}}}
        masters: {hosts: {m: {remote: r}}}
        slaves: {hosts: {s: {cache: c}, real: {cache: d, tls: false}}}
        """,
    )
    assert inventory.hosts["s"].tls == TlsFiles(
        cert=tmp_path / "tls/s.crt", key=Path("/etc/s.key"), ca=tmp_path / "north/ca.crt"
    )
    assert inventory.hosts["real"].tls is None


def test_a_path_of_a_certificate_that_means_nothing_is_told(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, "{masters: {hosts: {m: {remote: r, tls: {cert: $NOWHERE/c, key: k, ca: a}}}}}")
    assert "the environment variable `NOWHERE` is not set" in problem
