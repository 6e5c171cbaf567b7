from __future__ import annotations

import pytest

from sync_core.inventory.document import parse
from sync_core.inventory.problems import Problems
from sync_core.inventory.shape import check_shape, check_variables_shape


def check(text: str) -> list[str]:
    problems = Problems("f")
    document = parse(text.encode(), problems)
    assert document is not None
    check_shape(document, problems)
    return [str(problem).removeprefix("f:") for problem in problems.error().problems]


def of_a_host(variables: str) -> list[str]:
    return [problem.removeprefix("1:") for problem in check("{slaves: {hosts: {s: {" + variables + "}}}}")]


PORT = "a port from 1 to 65535"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[]", ["1:1: `a list` is not an inventory (a mapping of groups: all, masters, slaves)"]),
        ("text", ["1:1: `text` is not an inventory (a mapping of groups: all, masters, slaves)"]),
        ("{a: [], b: 1, c: }", [
            "1:5: the group `a`: `a list` is not a mapping (of `hosts`, `children`, `vars`)",
            "1:12: the group `b`: `1` is not a mapping (of `hosts`, `children`, `vars`)",
        ]),
        ("{a: {hosts: [x], children: y, vars: 3}}", [
            "1:13: `hosts`: `a list` is not a mapping of host names (a colon after each name)",
            "1:28: `children`: `y` is not a mapping of group names (a colon after each name)",
            "1:37: `vars`: `3` is not a mapping of variables",
        ]),
        ("{a: {hosts: {x: 1, y: [], z: }}}", [
            "1:17: the host `x`: `1` is not a mapping of variables",
            "1:23: the host `y`: `a list` is not a mapping of variables",
        ]),
        ("{a: {children: {b: [], c: }}}", [
            "1:20: the group `b`: `a list` is not a mapping (of `hosts`, `children`, `vars`)"
        ]),
        ("{a: {host: , tcp_port: 1, xyzzy: }}", [
            "1:6: unknown key `host` in a group (did you mean `hosts`?)",
            "1:14: `tcp_port` does not stand directly in a group (put it below `vars`)",
            "1:27: unknown key `xyzzy` in a group (a group holds `hosts`, `children` and `vars`)",
        ]),
        ("{plugin: aws_ec2}", [
            "1:10: inventory plugins are Ansible's own (use what `ansible-inventory --list` makes of this file)"
        ]),
        ("{a: {vars: {tcp_prot: 1, xyzzy: 1, x_any: 1, ansible_any: [1]}}}", [
            "1:13: unknown variable `tcp_prot` (did you mean `tcp_port`?)",
            "1:26: unknown variable `xyzzy` (names of your own begin with `x_`)",
        ]),
        ("{a: {vars: {validate: x, notify: y, tls: {ca: z}}}}", [
            "1:13: `validate` is not built yet (remove it; a later version understands it)",
            "1:26: `notify` is not built yet (remove it; a later version understands it)",
            "1:42: `tls`: `a mapping` is not {cert, key, ca} with three paths, or false",
        ]),
    ],
)  # fmt: skip
def test_what_is_no_inventory_says_what_would_be(text: str, expected: list[str]) -> None:
    assert check(text) == expected


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        *((f"tcp_port: {value}", f"33: `tcp_port`: `{shown}` is not {PORT}") for value, shown in [
            ("0", "0"), ("65536", "65536"), ("-1", "-1"), ("true", "true"), ("null", "null"), ("1.5", "1.5"),
            ("x", "x"), ("'70000'", "70000"), ("[1]", "a list"), ("{a: 1}", "a mapping"), ("'1 '", "1 "), ("''", ""),
            ("1_0", "1_0"), ("{int: 1}", "a mapping"),
        ]),
        ("ansible_port: 0", "37: `ansible_port`: `0` is not a port from 1 to 65535"),
        ("udp_port: -1", "33: `udp_port`: `-1` is not a port from 0 to 65535 (0 = none)"),
        *((f"interval_s: {value}", f"35: `interval_s`: `{value}` is not a number of seconds above 0")
          for value in ["0", "-1", "0.0", "x", "true", "100000000"]),
        ("interval_s: '00.0'", "35: `interval_s`: `00.0` is not a number of seconds above 0"),
        ("interval_s: .inf", "35: `interval_s`: `inf` is not a number of seconds above 0"),
        ("interval_s: .nan", "35: `interval_s`: `nan` is not a number of seconds above 0"),
        ("become: yes", "31: `become`: `yes` is not true or false (`yes`, `no`, `on`, `off` are text)"),
        ("become: 1", "31: `become`: `1` is not true or false"),
        ("tcp_required: 'true'", "37: `tcp_required`: `true` is not true or false"),
        ("dialect: soap", "32: `dialect`: `soap` is not one of auto, classic, http"),
        ("connection: smart", "35: `connection`: `smart` is not one of local, ssh, none"),
        ("connection: null", "35: `connection`: `null` is not one of local, ssh, none"),
        ("cache: ''", "30: `cache`: `` is not a path"),
        ('cache: "a\\nb"', "30: `cache`: `a\\nb` is not a path"),
        ("cache: 5", "30: `cache`: `5` is not a path"),
        ("ssh_user: ''", "33: `ssh_user`: `` is not one line of text"),
        *((f"address: '{value}'", f"32: `address`: `{value}` is not a host name or an IP address "
           "(without port, without brackets)") for value in ["", "a b", "[::1]", "-x", "a/b", "user@host", "a,b"]),
        *((f"folder: '{value}'", f"31: `folder`: `{value}` is not one folder name "
           "(no slashes, no leading dot, not `_all`, ISO-8859-1 characters)")
          for value in ["", ".", "..", "a/b", "_all", ".x", "€"]),
        ("scheduler_id: _all", "37: `scheduler_id`: `_all` is not one folder name "
         "(no slashes, no leading dot, not `_all`, ISO-8859-1 characters)"),
        *((f"max_delete: {value}", f"35: `max_delete`: `{value}` is not a number of files, "
           "or a percentage from 0% to 100%") for value in ["-1", "101%", "1.5", "x", "50 %", "true"]),
        *((f"file_mode: {value}", f"34: `file_mode`: `{shown}` is not permission bits in octal, such as '0640' or "
           "0o640, with which the owner may read")
          for value, shown in [("400", "400"), ("0444", "444"), ("'1644'", "1644")]),
        ("dir_mode: '644'", "33: `dir_mode`: `644` is not permission bits in octal, such as '0750' or 0o750, "
         "with which the owner may do all"),
        ("owner: 'a b'", "30: `owner`: `a b` is not a name or a number"),
        ("master: []", "31: `master`: `a list` is not a master's name, or a list of them"),
        ("master: {a: 1}", "31: `master`: `a mapping` is not a master's name, or a list of them"),
        ("master: [a, 5]", "35: `master`: `5` is not a master's name, or a list of them"),
        ("allowed_hosts: x", "38: `allowed_hosts`: `x` is not a list of {host, level}"),
        ("allowed_hosts: [x]", "39: `allowed_hosts`: `x` is not a mapping ({host, level})"),
        ("allowed_hosts: [{host: a, level: some}]",
         "56: `level`: `some` is not one of none, signal, info, no_add, all"),
        ("allowed_hosts: [{host: a}]", "39: an entry of `allowed_hosts` needs `level` ({host, level})"),
        ("allowed_hosts: [{host: 5, level: all}]",
         "46: `host`: `5` is not a host name or an IP address (without port, without brackets)"),
        ("allowed_hosts: [{host: a, level: all, port: 1}]",
         "61: unknown key `port` in an entry of `allowed_hosts` ({host, level})"),
        ("master: {a: [b, c]}", "31: `master`: `a mapping` is not a master's name, or a list of them"),
    ],
)  # fmt: skip
def test_every_wrong_value_says_what_is_right(variables: str, expected: str) -> None:
    assert of_a_host(variables) == [expected]


@pytest.mark.parametrize(
    "variables",
    [
        "tcp_port: 1",
        "tcp_port: '65535'",
        "tcp_port: '00080'",
        "tcp_port: '5{n}'",
        "tcp_port: '{name}'",
        "udp_port: 0",
        "udp_port: '0'",
        "interval_s: 0.5",
        "interval_s: '.25'",
        "interval_s: '60'",
        "interval_s: 1e3",
        "max_delete: 0",
        "max_delete: 100%",
        "max_delete: '7'",
        "max_delete: '{n}%'",
        "folder: 127.0.0.1#5000",
        "scheduler_id: 'my scheduler'",
        "address: fe80::1%eth0",
        "address: '10.0.0.{n}'",
        "master: [a, b]",
        "connection: none",
        "allowed_hosts: []",
        "allowed_hosts: [{host: 0.0.0.0, level: none}]",
        "jsync: '/opt/jsync -x'",
        "x_y: [{z: null}]",
        "ansible_ssh_common_args: -v",
    ],
)
def test_right_values_pass(variables: str) -> None:
    assert of_a_host(variables) == []


def test_a_value_behind_an_alias_is_noted_once_where_it_stands() -> None:
    assert check("a: {vars: &v {tcp_port: 0}}\nb: {vars: *v}\n") == [f"1:25: `tcp_port`: `0` is not {PORT}"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{tcp_port: 5, x_a: [1], ansible_b: }", []),
        ("[]", ["1:1: `a list` is not a mapping of variables"]),
        ("text", ["1:1: `text` is not a mapping of variables"]),
        ("{tcp_prot: 1, tcp_port: no}", [
            "1:2: unknown variable `tcp_prot` (did you mean `tcp_port`?)", f"1:25: `tcp_port`: `no` is not {PORT}",
        ]),
        ("{allowed_hosts: [{host: a}]}", ["1:18: an entry of `allowed_hosts` needs `level` ({host, level})"]),
    ],
)  # fmt: skip
def test_a_file_of_variables_is_looked_at_like_the_variables_of_a_group(text: str, expected: list[str]) -> None:
    problems = Problems("f")
    table = parse(text.encode(), problems)
    assert table is not None
    check_variables_shape(table, problems)
    assert [str(problem).removeprefix("f:") for problem in problems.error().problems] == expected
