"""What a host speaks TLS with is tried out before anybody sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sync_core.model.errors import CertificateError
from sync_core.net.tls_files import names_of, read_tls
from tests.support.certificates import NOW, an_authority, write_tls


def refusal(folder: Path, **how: Any) -> str:
    files = write_tls(folder, "a", **how)
    with pytest.raises(CertificateError) as caught:
        read_tls(files, "a")
    return str(caught.value)


def test_what_belongs_together_is_ready(tmp_path: Path) -> None:
    ready = read_tls(write_tls(tmp_path, "slave_[1]", days=10), "slave_[1]")
    assert ready.expires_at == pytest.approx(NOW.timestamp() + 10 * 86400, abs=2)


def test_a_name_that_is_no_dns_name_is_one_all_the_same(tmp_path: Path) -> None:
    for name in ("scheduler-5000", "a.b.c", "A_b", "10.0.0.1", "fd00::1", "x" * 63):
        assert read_tls(write_tls(tmp_path, name), name)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"days": 1, "age_days": 3}, "certificate expired"),
        ({"age_days": -5}, "certificate not valid yet"),
        ({"believes": "another"}, "unknown CA"),
        ({"certified": "b"}, "wrong name"),
    ],
)
def test_what_convinces_nobody_is_refused_in_words(tmp_path: Path, how: dict[str, Any], words: str) -> None:
    said = refusal(tmp_path, **how)
    assert words in said
    assert str(tmp_path / "a.crt") in said


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    files = write_tls(tmp_path, "a")
    files.key.write_bytes(write_tls(tmp_path / "other", "a").key.read_bytes())
    with pytest.raises(CertificateError, match=f"the key {files.key} does not match it"):
        read_tls(files, "a")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    files = write_tls(tmp_path, "a")
    files.key.chmod(mode)
    with pytest.raises(CertificateError, match="others than this user and root can read it") as caught:
        read_tls(files, "a")
    assert f"chmod 600 {files.key}" in str(caught.value.hint)


@pytest.mark.parametrize("which", ["cert", "key", "ca"])
def test_what_is_missing_or_no_pem_is_named(tmp_path: Path, which: str) -> None:
    files = write_tls(tmp_path, "a")
    path: Path = getattr(files, which)
    path.write_text("nothing of that kind")
    with pytest.raises(CertificateError, match="not in PEM") as caught:
        read_tls(files, "a")
    assert str(path) in str(caught.value)
    path.unlink()
    with pytest.raises(CertificateError, match=f"{path} can't be read: No such file or directory"):
        read_tls(files, "a")


def test_an_encrypted_key_asks_nobody(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    files = write_tls(tmp_path, "a")
    key = serialization.load_pem_private_key(files.key.read_bytes(), None)
    encrypted = serialization.BestAvailableEncryption(b"secret")
    files.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encrypted))
    with pytest.raises(CertificateError, match="asks for a password"):
        read_tls(files, "a")


def test_only_dns_names_count() -> None:
    certificate = {"subjectAltName": (("DNS", "a"), ("email", "b"), ("IP Address", "1.1.1.1"), ("DNS", "c"))}
    assert names_of(certificate) == {"a", "c"}
    assert names_of(None) == frozenset()
    assert an_authority().cert.startswith(b"-----BEGIN")
