"""``jsync tls`` as an administrator meets it."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sync_core.fleet.authority import Authority, Pair, facts_of
from sync_core.fleet.certificates import files_below, renew_tls
from sync_core.inventory import load
from sync_core.net.tls_files import read_tls
from tests.support.certificates import write_pair
from tests.support.cli import Result, run_cli

PLAIN = "{masters: {hosts: {m: {remote: r}}}, slaves: {hosts: {'s-[1:2]': {cache: 'c/{name}'}}}}"
WITH_TLS = '{all: {vars: {tls: {cert: "tls/{name}.crt", key: "tls/{name}.key", ca: tls/ca.crt}}}, ' + PLAIN[1:]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "jsync.yaml").write_text(PLAIN)
    return tmp_path


def tls(site: Path, *words: str) -> Result:
    return run_cli("tls", *words, "-i", str(site / "jsync.yaml"))


def outcomes(result: Result) -> dict[str | None, str]:
    document = json.loads(result.out)
    assert document["schema"] == "jsync.tls/1"
    return {one["host"]: one["outcome"] for one in document["certificates"]}


def all_bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def ends_in(site: Path, name: str, *, days: int) -> None:
    """Let the certificate of a host be one that ends soon."""
    files = files_below(site / "tls", "ca")
    authority = Authority(Pair(cert=files.cert.read_bytes(), key=files.key.read_bytes()))
    write_pair(files_below(site / "tls", name), authority.issue(name, now=datetime.now(UTC), days=days))


def test_init_makes_what_every_host_can_use_and_keeps_keys_to_itself(site: Path) -> None:
    result = tls(site, "init", "-o", "json")
    assert result.exit_code == 0
    assert outcomes(result) == {None: "made", "m": "made", "s-1": "made", "s-2": "made"}
    for name in ("m", "s-1", "s-2"):
        assert read_tls(files_below(site / "tls", name), name).expires_at > datetime.now(UTC).timestamp()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (site / "tls").glob("*.key")}
    assert modes == dict.fromkeys(("ca.key", "m.key", "s-1.key", "s-2.key"), 0o600)
    assert stat.S_IMODE((site / "tls").stat().st_mode) == 0o700
    assert 'tls: {cert: "tls/{name}.crt", key: "tls/{name}.key", ca: "tls/ca.crt"}' in result.err


def test_what_init_says_is_right_as_it_stands(site: Path) -> None:
    (site / "jsync.yaml").write_text(WITH_TLS)
    host = load(site / "jsync.yaml", environ={}).hosts["s-1"]
    assert host.tls == files_below(site / "tls", "s-1")


def test_init_again_keeps_what_is_there_and_makes_what_is_missing(site: Path) -> None:
    tls(site, "init")
    before = all_bytes(site / "tls")
    (site / "jsync.yaml").write_text(PLAIN.replace("[1:2]", "[1:3]"))
    assert outcomes(tls(site, "init", "-o", "json")) == {
        None: "kept", "m": "kept", "s-1": "kept", "s-2": "kept", "s-3": "made",
    }  # fmt: skip
    after = all_bytes(site / "tls")
    assert {name: after[name] for name in before} == before
    assert {"s-3.crt", "s-3.key"} == after.keys() - before.keys()


@pytest.mark.parametrize("gone", ["ca.key", "ca.crt"])
def test_half_an_authority_is_never_replaced(site: Path, gone: str) -> None:
    tls(site, "init")
    (site / "tls" / gone).unlink()
    before = all_bytes(site / "tls")
    result = tls(site, "init")
    assert result.exit_code == 2
    assert f"{gone} is missing, and a new authority would make all certificates of the old one worthless" in result.err
    assert all_bytes(site / "tls") == before


def test_an_authority_whose_key_is_anothers_signs_nothing(site: Path) -> None:
    tls(site, "init")
    (site / "tls" / "ca.key").write_bytes((site / "tls" / "m.key").read_bytes())
    result = tls(site, "init")
    assert result.exit_code == 2
    assert "key does not match its certificate" in result.err


def test_check_writes_nothing(site: Path) -> None:
    assert outcomes(tls(site, "init", "-C", "-o", "json"))["m"] == "made"
    assert not (site / "tls").exists()
    tls(site, "init")
    (site / "jsync.yaml").write_text(WITH_TLS)
    before = all_bytes(site / "tls")
    assert outcomes(tls(site, "renew", "--check", "-o", "json"))["m"] == "renewed"
    assert all_bytes(site / "tls") == before


def test_renew_makes_new_keys_and_certificates_of_the_same_authority(site: Path) -> None:
    tls(site, "init")
    (site / "jsync.yaml").write_text(WITH_TLS)
    before = all_bytes(site / "tls")
    result = tls(site, "renew", "-l", "s-1", "-o", "json")
    assert result.exit_code == 0
    assert outcomes(result) == {"s-1": "renewed"}
    after = all_bytes(site / "tls")
    assert {name for name in after if after[name] != before[name]} == {"s-1.crt", "s-1.key"}
    assert read_tls(files_below(site / "tls", "s-1"), "s-1")


def test_one_host_that_cant_be_renewed_does_not_stop_the_others(site: Path) -> None:
    tls(site, "init")
    (site / "jsync.yaml").write_text(
        WITH_TLS.replace("'s-[1:2]': {", "'s-[1:2]': {tls: {cert: c, key: k, ca: no.crt}, ")
    )
    result = tls(site, "renew", "-o", "json")
    assert result.exit_code == 2
    assert outcomes(result) == {"m": "renewed", "s-1": "failed", "s-2": "failed"}


def test_show_says_what_ends_and_what_cant_be_used(site: Path) -> None:
    tls(site, "init")
    (site / "jsync.yaml").write_text(WITH_TLS)
    quiet = tls(site, "show", "-q")
    assert (quiet.exit_code, quiet.out) == (0, "")
    ends_in(site, "s-1", days=20)
    shown = tls(site, "show", "-o", "json")
    assert shown.exit_code == 1
    (warned,) = [one for one in json.loads(shown.out)["certificates"] if one["warning"]]
    assert (warned["host"], warned["warning"]) == ("s-1", "ends in 19 days")
    (site / "tls" / "s-2.key").chmod(0o644)
    worse = tls(site, "show")
    assert worse.exit_code == 2
    assert "others than this user and root can read it" in worse.err


def test_who_has_no_tls_is_told_how_to_begin(site: Path) -> None:
    result = tls(site, "show")
    assert result.exit_code == 2
    assert "`jsync tls init`" in result.err
    assert tls(site, "renew", str(site)).exit_code == 2


def test_a_host_that_has_places_of_its_own_gets_them_filled(site: Path, tmp_path: Path) -> None:
    (site / "jsync.yaml").write_text(
        WITH_TLS.replace("{remote: r}", "{remote: r, tls: {cert: o/c, key: o/k, ca: o/a}}")
    )
    tls(site, "init")
    assert facts_of((site / "o/c").read_bytes()).names == ("m",)
    assert stat.S_IMODE((site / "o/k").stat().st_mode) == 0o600
    assert (site / "o/a").read_bytes() == (site / "o/ca.crt").read_bytes()


def test_a_renewal_lasts_no_longer_than_the_authority(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    pair = Authority.new("short", now=now, days=40)
    issued = Authority(pair).issue("a", now=now)
    assert facts_of(issued.cert).ends_at <= now + timedelta(days=40)
    assert Authority(pair).has_signed(issued.cert)
    assert not Authority(Authority.new("other", now=now)).has_signed(issued.cert)
    assert renew_tls((), now=now).ok
