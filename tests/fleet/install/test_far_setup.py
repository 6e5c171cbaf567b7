from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from sync_core.fleet.install.far_setup import Failure, Setup, _words
from tests.support.wheels import a_wheel, needs_pip_wheel, pip_wheel, wheels_of

pytestmark = needs_pip_wheel


class Place:
    """A machine's folders, and orders for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.base = folder / "base"
        self.bin = folder / "bin"
        self.link = self.bin / "jsync"

    def order(self, wheel: Path, **changes: Any) -> tuple[dict[str, Any], bytes]:
        pip = pip_wheel()
        assert pip is not None
        wheels = wheels_of(wheel, pip)
        order = {
            "version": wheel.name.split("-")[1],
            "link": "jsync",
            "base": str(self.base),
            "bin": str(self.bin),
            "needed_bytes": 1,
            "files": [{"name": one.path.name, "size": one.size_bytes, "sha256": one.sha256} for one in wheels],
        }
        return {**order, **changes}, b"".join(one.path.read_bytes() for one in wheels)

    def setup(self, wheel: Path, *, data: bytes | None = None, **changes: Any) -> Setup:
        order, wheels = self.order(wheel, **changes)
        return Setup(order, io.BytesIO(wheels if data is None else data))

    def install(self, setup: Setup) -> bool:
        with setup.alone():
            if setup.is_done():
                return False
            setup.check()
            setup.install()
            return True

    def versions(self) -> list[str]:
        return sorted(path.name.partition("-")[0] for path in self.base.iterdir() if path.name[0].isdigit())

    def left_over(self) -> list[str]:
        return sorted(path.name for path in self.base.glob(".*") if path.name != ".lock")

    def says(self) -> str:
        return subprocess.run([self.link], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_it_is_installed_once_and_the_version_before_stays(place: Place) -> None:
    one = a_wheel(place.folder, version="1.0")
    assert place.install(place.setup(one)) is True
    assert (place.says(), place.versions(), place.left_over()) == ("jsync 1.0\n", ["1.0"], [])
    inode = place.link.resolve().stat().st_ino
    assert place.install(place.setup(one, data=b"")) is False
    assert place.link.resolve().stat().st_ino == inode

    assert place.install(place.setup(a_wheel(place.folder, version="2.0"))) is True
    assert (place.says(), place.versions()) == ("jsync 2.0\n", ["1.0", "2.0"])
    assert place.install(place.setup(a_wheel(place.folder, version="3.0"))) is True
    assert (place.says(), place.versions(), place.left_over()) == ("jsync 3.0\n", ["2.0", "3.0"], [])


def test_what_was_broken_by_hand_is_mended(place: Place) -> None:
    wheel = a_wheel(place.folder)
    place.install(place.setup(wheel))
    place.link.resolve().unlink()
    assert place.install(place.setup(wheel)) is True
    assert place.says().startswith("jsync ")
    place.link.unlink()
    assert place.install(place.setup(wheel)) is True
    assert place.says().startswith("jsync ")


def test_what_a_crash_left_is_swept_away(place: Place) -> None:
    for name in (".incoming-x", "0.9-broken"):
        (place.base / name / "deep").mkdir(parents=True)
    place.install(place.setup(a_wheel(place.folder, version="1.0")))
    assert (place.versions(), place.left_over()) == (["1.0"], [])


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda data: data[:-10], "the connection ended before everything was there"),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "arrived damaged"),
    ],
)
def test_what_did_not_arrive_whole_changes_nothing(place: Place, spoil: Any, words: str) -> None:
    place.install(place.setup(a_wheel(place.folder, version="1.0")))
    wheel = a_wheel(place.folder, version="2.0")
    with pytest.raises(Failure, match=words):
        place.install(place.setup(wheel, data=spoil(place.order(wheel)[1])))
    assert (place.says(), place.versions(), place.left_over()) == ("jsync 1.0\n", ["1.0"], [])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"says": "jsync 7.7"}, "the new jsync does not run"),
        ({"needs": "something-else"}, r"the wheels can't be installed: .*something-else"),
    ],
)
def test_what_does_not_work_is_not_switched_to(place: Place, changes: dict[str, str], words: str) -> None:
    place.install(place.setup(a_wheel(place.folder, version="1.0")))
    with pytest.raises(Failure, match=words):
        place.install(place.setup(a_wheel(place.folder, version="2.0", **changes)))
    assert (place.says(), place.versions(), place.left_over()) == ("jsync 1.0\n", ["1.0"], [])


def test_no_environment_is_told(place: Place) -> None:
    setup = place.setup(a_wheel(place.folder))
    setup.place = Path("/proc/nowhere")
    with pytest.raises(Failure, match=r"no environment can be made: .*nowhere"):
        place.install(setup)


def test_somebody_elses_command_is_left_alone(place: Place) -> None:
    place.bin.mkdir()
    place.link.write_text("theirs")
    with pytest.raises(Failure, match="not of our making") as caught:
        place.install(place.setup(a_wheel(place.folder)))
    assert caught.value.hint == f"remove it, or set `jsync: {place.base}/current/bin/jsync`"
    assert (place.link.read_text(), place.versions()) == ("theirs", [])


def test_an_absolute_command_stands_where_it_says(place: Place) -> None:
    link = place.folder / "elsewhere" / "sync"
    place.install(place.setup(a_wheel(place.folder), link=str(link)))
    assert link.is_symlink()
    assert not place.link.exists()


def test_too_little_space_is_seen_before_anything_is_sent(place: Place) -> None:
    with pytest.raises(Failure, match=r"no space in .*base: 953674316406 MiB are needed and \d+ MiB free"):
        place.install(place.setup(a_wheel(place.folder), needed_bytes=10**18))


@pytest.mark.parametrize(
    ("number", "message", "hint"),
    [
        (errno.ENOSPC, "no space: /a: No space left on device", "make some"),
        (errno.EACCES, "no right to write: /a: Permission denied", "set `become: true`, or log in as somebody else"),
        (errno.EROFS, "no right to write: /a: Read-only file system", "set `become: true`, or log in as somebody else"),
        (errno.EIO, "/a: Input/output error", None),
    ],
)
def test_the_systems_errors_in_words(number: int, message: str, hint: str | None) -> None:
    failure = _words(OSError(number, os.strerror(number), "/a"), Path("/b"))
    assert (str(failure), failure.hint) == (message, hint)


def test_of_two_at_once_one_works(place: Place) -> None:
    wheel = a_wheel(place.folder)
    done: list[bool] = []
    threads = [threading.Thread(target=lambda: done.append(place.install(place.setup(wheel)))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [False, True]


class Program:
    """The program itself, as it is sent."""

    def __init__(self, order: dict[str, Any], *, deadline_s: int = 60, prefix: Sequence[str] = ()) -> None:
        text = resources.files("sync_core.fleet.install").joinpath("far_setup.py").read_bytes()
        program = text + f"\nmain({deadline_s})\n".encode()
        first = f"import sys;exec(compile(sys.stdin.buffer.read({len(program)}),'x','exec'))"
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-I", "-c", first], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.send(program + json.dumps(order).encode() + b"\n")

    def send(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def line(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def end(self) -> None:
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()
        assert self.process.wait(30) == 0


def test_the_conversation(place: Place) -> None:
    order, data = place.order(a_wheel(place.folder))
    program = Program(order)
    assert program.line() == {"outcome": "send"}
    program.send(data)
    assert program.line() == {"outcome": "installed"}
    program.end()
    program = Program(order)
    assert program.line() == {"outcome": "present"}
    program.end()


def test_one_that_waits_too_long_leaves_nothing(place: Place) -> None:
    order, data = place.order(a_wheel(place.folder))
    program = Program(order, deadline_s=1)
    assert program.line() == {"outcome": "send"}
    program.send(data[:100])
    assert program.line() == {"failure": "it took too long", "hint": None}
    program.end()
    assert (place.versions(), place.left_over(), place.link.exists()) == ([], [], False)


def test_one_that_is_ended_leaves_nothing(place: Place) -> None:
    order, _ = place.order(a_wheel(place.folder))
    program = Program(order)
    assert program.line() == {"outcome": "send"}
    program.process.terminate()
    assert program.line() == {"failure": "it was ended", "hint": None}
    program.end()
    assert (place.versions(), place.left_over()) == ([], [])


def test_a_folder_that_cant_be_made_is_told(place: Place) -> None:
    place.base.write_text("in the way")
    program = Program(place.order(a_wheel(place.folder))[0])
    assert program.line() == {"failure": f"{place.base}: File exists", "hint": None}
    program.end()
