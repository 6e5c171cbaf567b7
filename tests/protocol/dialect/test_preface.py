from __future__ import annotations

import subprocess
import sys

import pytest

from sync_core.protocol.dialect.preface import PREFACE, begins_preface, knows_dialect


def test_a_preface_is_known_byte_by_byte() -> None:
    assert [begins_preface(PREFACE[:n]) for n in range(len(PREFACE) + 1)] == [None] * len(PREFACE) + [True]
    assert begins_preface(PREFACE + b"\0\0") is True


@pytest.mark.parametrize("data", [b"<", b"\x16\x03\x01", b"\x16jsync/3\n", b"GET / ", b"\n", b"\x04", b"show_state"])
def test_anything_else_is_none(data: bytes) -> None:
    assert begins_preface(data) is False


@pytest.mark.parametrize(
    ("version", "knows"),
    [
        ("1.3.12 (jsync 0.2.0)", True),
        ("1.3.12 (jsync 0.10.1)", True),
        ("1.3.12 (jsync 1.0)", True),
        ("1.3.12 (jsync 0.1.0)", False),
        ("1.3.12 (jsync 0.1.9)", False),
        ("1.3.12.2990", False),
        ("1.3.12 (jsync )", False),
        ("1.3.12 (jsync x.2.0)", False),
        ("1.3.12 (jsync 0.2", False),
        ("", False),
    ],
)
def test_the_version_tells_who_knows_the_dialect(version: str, knows: bool) -> None:
    assert knows_dialect(version) is knows


@pytest.mark.parametrize("module", ["dialect.preface", "server", "client"])
def test_classic_peers_pay_nothing_for_it(module: str) -> None:
    code = f"import sys, sync_core.protocol.{module}; print([m for m in ('msgspec', 'zstandard') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "[]\n"
