"""Simulated slaves: what they say, and what they hold after it."""

from __future__ import annotations

import base64
import hashlib

import pytest

from benchmarks.crowd.addresses import address_of
from benchmarks.crowd.classic import ClassicSpeaker
from benchmarks.crowd.contents import Verifier

_OK = b'<?xml version="1.0"?><spooler><answer><ok/></answer></spooler>\0'


def an_answer(name: str, content: bytes) -> bytes:
    encoded = base64.b64encode(content).decode()
    file = f'<configuration.file name="{name}" last_write_time="t"><content encoding="base64">{encoded}</content>'
    return f"<spooler><answer><configuration.directory>{file}</configuration.file></configuration.directory>\0".encode()


def test_addresses_are_all_different_and_none_is_ours() -> None:
    addresses = {address_of(number) for number in range(100_000)}
    assert len(addresses) == 100_000
    assert not any(address.startswith("127.0.") for address in addresses)


def test_a_classic_slave_registers_fetches_and_lists_what_it_got() -> None:
    speaker, content = ClassicSpeaker(7, 5000), b"<job/>"
    md5 = hashlib.md5(content).hexdigest()
    assert b'scheduler_id="crowd-7" tcp_port="5000" udp_port="5000"' in speaker.begin()
    assert speaker.receive(_OK[:20]) == b""
    assert b"fetch_updated_files/>" in speaker.receive(_OK[20:])
    assert not speaker.holds("a.job.xml", md5)
    assert speaker.receive(an_answer("a.job.xml", content)) == b""
    assert (speaker.checks, speaker.holds("a.job.xml", md5)) == (1, True)
    assert f'name="a.job.xml" last_write_time="t" md5="{md5}"'.encode() in speaker.check()


def test_a_wake_up_during_a_check_leads_to_one_more() -> None:
    speaker = ClassicSpeaker(7, 5000)
    assert b"fetch_updated_files" in speaker.receive(_OK)
    assert speaker.check() == speaker.check() == b""
    assert b"fetch_updated_files" in speaker.receive(an_answer("a.job.xml", b"1"))
    assert speaker.receive(an_answer("a.job.xml", b"2")) == b""
    assert speaker.checks == 2


def test_an_error_of_the_master_is_no_answer() -> None:
    with pytest.raises(ValueError, match="ERROR"):
        ClassicSpeaker(7, 5000).receive(b"<spooler><answer><ERROR code='x'/></answer></spooler>\0")


def test_a_content_is_verified() -> None:
    sha256 = hashlib.sha256(b"abcdef").digest()
    verifier = Verifier(sha256, 6)
    assert not verifier.take(0, b"abc")
    with pytest.raises(ValueError, match="are next"):
        verifier.take(0, b"def")
    assert verifier.take(3, b"def")
    with pytest.raises(ValueError, match="another digest"):
        Verifier(sha256, 6).take(0, b"abcdeX")
