from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from sync_core.fleet.install.target import FIND_PYTHONS, choose_target
from sync_core.model.errors import HostError

FACTS: dict[str, Any] = {
    "python": "/usr/bin/python3",
    "version": [3, 11, 2],
    "kind": "cpython",
    "system": "linux",
    "machine": "x86_64",
    "libc": "glibc 2.19",
    "has_venv": True,
    "is_free_threaded": False,
}


def lines(*changes: dict[str, Any]) -> bytes:
    return "\n".join(json.dumps({**FACTS, **one}) for one in changes).encode()


def test_this_machine_tells_what_it_has() -> None:
    done = subprocess.run(FIND_PYTHONS, capture_output=True, check=True)
    target = choose_target(done.stdout)
    assert target.version >= (3, 11)
    assert target.abi.startswith("cp3")
    if sys.platform == "linux":
        assert target.platforms[-1].startswith("linux_")


def test_the_first_that_will_do_is_taken() -> None:
    old, new, newest = {"version": [3, 9, 1]}, {"python": "/b"}, {"python": "/c", "version": [3, 13, 0]}
    assert choose_target(lines(old, new, newest)).python == "/b"
    assert choose_target(lines({"kind": "pypy"}, newest)).abi == "cp313"
    assert choose_target(lines({"has_venv": False}, newest)).python == "/c"
    assert choose_target(lines({**newest, "is_free_threaded": True})).abi == "cp313t"


def test_its_platforms_are_those_of_its_library_and_older_ones() -> None:
    target = choose_target(lines({}))
    assert target.platforms == (
        "manylinux_2_19_x86_64",
        "manylinux_2_18_x86_64",
        "manylinux_2_17_x86_64",
        "manylinux2014_x86_64",
        "linux_x86_64",
    )
    assert target.tag == "cp311-manylinux_2_19_x86_64"
    musl = choose_target(lines({"libc": "", "machine": "aarch64"}))
    assert musl.platforms[0] == "musllinux_1_2_aarch64"
    assert choose_target(lines({"libc": "glibc 2.99999999"})).platforms[0].startswith("musllinux")


@pytest.mark.parametrize(
    ("output", "message", "hint"),
    [
        (b"", "there is no Python 3.11 or newer", "install python3.11 there"),
        (
            lines({"version": [3, 9, 1]}, {"version": [3, 9, 1]}, {"version": [2, 7, 18]}),
            "there is no Python 3.11 or newer (only 3.9.1, 2.7.18)",
            "install python3.11 there",
        ),
        (lines({"has_venv": False}), "/usr/bin/python3 has no module venv", "install python3-venv there"),
        (lines({"system": "darwin"}), "it is a darwin, and jsync can be brought to linux only", None),
    ],
)
def test_what_is_missing_is_named(output: bytes, message: str, hint: str | None) -> None:
    with pytest.raises(HostError) as caught:
        choose_target(output)
    assert (str(caught.value), caught.value.hint) == (message, hint)


@pytest.mark.parametrize(
    "noise",
    [
        b"Welcome!",
        b"[" * 100_000,
        b"[]",
        b"{}",
        lines({"version": [3, 11]}),
        lines({"version": ["3", "11", "2"]}),
        lines({"machine": "x86; rm -rf"}),
        lines({"has_venv": "yes"}),
    ],
)
def test_noise_is_passed_over(noise: bytes) -> None:
    assert choose_target(noise + b"\n" + lines({})).python == "/usr/bin/python3"
    with pytest.raises(HostError, match="there is no Python"):
        choose_target(noise)
