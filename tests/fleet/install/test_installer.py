from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from sync_core.fleet.access import HERE
from sync_core.fleet.elsewhere import Machine
from sync_core.fleet.install.installer import WheelInstaller, is_older
from sync_core.fleet.install.wheels import WheelStore
from sync_core.fleet.part import Part
from sync_core.model.errors import HostError, UnreachableError
from sync_core.net.runner import Process, Runner
from sync_core.version import __version__
from tests.support.runners import PrefixRunner, ScriptedRunner
from tests.support.wheels import a_pip, a_wheel, needs_pip_wheel, pip_wheel

pytestmark = needs_pip_wheel


class Bare:
    """A machine without jsync, whose home folder is below ``folder``, and what brings it there."""

    def __init__(self, folder: Path, *wheels: Path) -> None:
        self.folder = folder
        self.runner = PrefixRunner("env", f"HOME={folder}/home", f"PATH={folder}/path:/usr/bin:/bin")
        (folder / "path").mkdir()
        (folder / "path" / "python3").symlink_to(Path("/usr/bin/env"))  # one that is none, to be passed over
        pip = pip_wheel()
        assert pip is not None
        fetch = a_pip(folder, *(wheels or (a_wheel(folder / "src"),)), pip)
        base, self.bin = folder / "home" / "base", folder / "home" / ".local" / "bin"
        self.installer = WheelInstaller(WheelStore(folder / "store", pip=fetch), base=base, bin_folder=self.bin)

    def ensure(self, runner: Runner | None = None, *, jsync: str = "jsync", check: bool = False) -> str | None:
        machine = Machine(access=HERE, jsync=jsync, hosts=(), part=Part(name="x", text=b""))
        return asyncio.run(self.installer.ensure(machine, runner or self.runner, check=check))


@pytest.fixture
def bare(tmp_path: Path) -> Bare:
    return Bare(tmp_path)


def an_older_one(folder: Path, version: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "jsync").write_text(f"#!/bin/sh\necho jsync {version}\n")
    (folder / "jsync").chmod(0o755)


def test_it_is_brought_once(bare: Bare) -> None:
    assert bare.ensure(check=True) == __version__
    assert not (bare.folder / "home").exists()
    assert not (bare.folder / "store").exists()
    assert bare.ensure() == __version__
    assert bare.ensure() is None
    assert bare.ensure(check=True) is None
    assert (bare.bin / "jsync").resolve().is_file()


def test_an_older_one_on_the_path_is_passed(bare: Bare) -> None:
    an_older_one(bare.folder / "path", "0.0.1")
    assert bare.ensure() == __version__
    assert bare.ensure() is None


def test_a_newer_one_stays(bare: Bare) -> None:
    an_older_one(bare.folder / "path", "999.0")
    assert bare.ensure() is None


def test_an_absolute_command_is_put_where_it_is_expected(bare: Bare) -> None:
    place = bare.folder / "own" / "jsync-cmd"
    assert bare.ensure(jsync=str(place)) == __version__
    assert place.is_symlink()


@pytest.mark.parametrize("jsync", ["bin/jsync", "./jsync"])
def test_a_path_that_is_relative_to_nothing_is_refused(bare: Bare, jsync: str) -> None:
    with pytest.raises(HostError, match="neither a word nor an absolute path"):
        bare.ensure(jsync=jsync)


def test_what_fails_there_is_told_with_its_hint(bare: Bare) -> None:
    an_older_one(bare.bin, "0.0.1")
    with pytest.raises(HostError, match=r"jsync can't be installed: .* is not of our making") as caught:
        bare.ensure()
    assert "current/bin/jsync" in str(caught.value.hint)


def test_one_that_stays_hidden_is_told(tmp_path: Path) -> None:
    bare = Bare(tmp_path)
    bare.installer = WheelInstaller(bare.installer._store, base=tmp_path / "base", bin_folder=tmp_path / "unseen")
    with pytest.raises(HostError, match=r"is installed, but `jsync` is nothing that runs"):
        bare.ensure()


def test_damage_on_the_way_is_seen_here_too(tmp_path: Path) -> None:
    bare = Bare(tmp_path, a_wheel(tmp_path / "src", says="jsync 7.7"))
    with pytest.raises(HostError, match="jsync can't be installed: the new jsync does not run"):
        bare.ensure()


FACTS = {
    "python": "python3",
    "version": [3, 11, 2],
    "kind": "cpython",
    "system": "linux",
    "machine": "x86_64",
    "libc": "glibc 2.36",
    "has_venv": True,
    "is_free_threaded": False,
}


class Odd(ScriptedRunner):
    """A machine with a Python that says strange things when it is to install something."""

    def __init__(self, output: bytes, *, exit_code: int = 0, complaint: bytes = b"") -> None:
        super().__init__()
        self._answers = (
            ScriptedRunner(exit_code=127),
            ScriptedRunner(json.dumps(FACTS).encode()),
            ScriptedRunner(output, exit_code=exit_code, complaint=complaint),
        )

    async def start(self, command: Sequence[str], *, deadline_s: float | None = None) -> Process:
        self.commands.append(tuple(command))
        return await self._answers[len(self.commands) - 1].start(command)


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (b"", "the program there ended: exit code 0"),
        (b"hello\n", "the program there says something else"),
        (b"[" * 60_000 + b"\n", "the program there says something else"),
        (b'{"outcome": 7}\n', "the program there says something else"),
        (b'{"outcome": "send"}\n', "the program there ended"),
        (b'{"failure": "full", "hint": 7}\n', "full"),
        (b"x" * 70_000, "an answer without end"),
    ],
)
def test_a_program_that_says_something_else(bare: Bare, output: bytes, words: str) -> None:
    with pytest.raises(HostError, match=f"jsync can't be installed: {words}"):
        bare.ensure(Odd(output))


def test_a_connection_that_is_lost_is_unreachable(bare: Bare) -> None:
    with pytest.raises(UnreachableError):
        bare.ensure(Odd(b"", exit_code=1))


@pytest.mark.parametrize(
    ("version", "than", "expected"),
    [
        ("0.1.0", "0.1.0", False),
        ("0.1.0", "0.1.1", True),
        ("0.10.0", "0.9.9", False),
        ("1", "1.0.1", True),
        ("2.0.dev1", "1.9", False),
        ("something", "0.1", True),
        ("", "0.1", True),
        ("9" * 5000, "0.1", False),
    ],
)
def test_which_is_older(version: str, than: str, expected: bool) -> None:
    assert is_older(version, than) is expected
