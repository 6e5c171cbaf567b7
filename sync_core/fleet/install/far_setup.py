"""The program that installs jsync on a machine: sent there as text, so it needs the standard library alone.

It reads one JSON line that says what is to come, answers with one (``send``, ``present`` or a failure), reads the
wheels, and answers with one again. Until the last step nothing that is used there changes; whatever goes wrong before,
what was begun is removed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

__all__ = ["Failure", "Setup", "main"]

_BLOCK_BYTES = 1 << 20


class Failure(Exception):
    """What is wrong, and what to do about it."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class Setup:
    """One installation.

    Args:
        order: ``version``, ``link``, ``files`` (``name``, ``size``, ``sha256``), ``needed_bytes``; ``base`` and ``bin``
            where the usual folders won't do.
        source: gives the wheels, one after the other.
    """

    def __init__(self, order: Mapping[str, Any], source: BinaryIO) -> None:
        is_root = os.geteuid() == 0
        home = Path.home()
        self._order = order
        self._source = source
        self.base = Path(order.get("base") or ("/opt/jsync" if is_root else home / ".local/share/jsync"))
        folder = Path(order.get("bin") or ("/usr/local/bin" if is_root else home / ".local/bin"))
        self.link = folder / order["link"]  # an absolute one stands for itself
        names = [f"{one['name']} {one['sha256']}" for one in order["files"]]
        digest = hashlib.sha256("\n".join([*names, sys.version]).encode()).hexdigest()
        self.name = f"{order['version']}-{digest[:12]}"
        self.place = self.base / self.name
        self._current = self.base / "current"

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Let nobody else install at the same time; whoever comes second waits."""
        self.base.mkdir(mode=0o755, parents=True, exist_ok=True)
        with (self.base / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def is_done(self) -> bool:
        """Return whether this very version is in use already."""
        is_current = self._current.is_symlink() and str(self._current.readlink()) == self.name
        is_linked = self.link.is_symlink() and self.link.readlink() == self._program
        return is_current and is_linked and self._runs()

    def check(self) -> None:
        """Raise Failure if the installation can't come to a good end."""
        if os.path.lexists(self.link) and not self._is_ours(self.link):
            raise Failure(f"{self.link} is not of our making", f"remove it, or set `jsync: {self._program}`")
        found = os.statvfs(self.base)
        free = found.f_bavail * found.f_frsize
        if free < self._order["needed_bytes"]:
            needed = f"{self._order['needed_bytes'] >> 20} MiB are needed and {free >> 20} MiB free"
            raise Failure(f"no space in {self.base}: {needed}", "make some")
        self.link.parent.mkdir(parents=True, exist_ok=True)
        if not os.access(self.link.parent, os.W_OK):
            raise Failure(f"{self.link.parent} can't be written", "set `become: true`, or `jsync` to another place")

    def install(self) -> None:
        """Take the wheels, build an environment of them, and switch over to it."""
        before = str(self._current.readlink()) if self._current.is_symlink() else None
        self._sweep(keep={before})
        if self.place.exists():  # it is in use, but does not run, or is not linked
            shutil.rmtree(self.place)
        incoming = self.base / f".incoming-{secrets.token_hex(8)}"  # named first: a signal may come while it is made
        try:
            incoming.mkdir(mode=0o700)
            self._receive(incoming)
            self._build(incoming)
            if not self._runs():
                raise Failure("the new jsync does not run")
            self._point(self._current, self.name)
            self._point(self.link, str(self._program))
        except BaseException:
            if not (self._current.is_symlink() and str(self._current.readlink()) == self.name):
                shutil.rmtree(self.place, ignore_errors=True)
            raise
        finally:
            shutil.rmtree(incoming, ignore_errors=True)
        # Agents that run still use what was there before; it goes the next time.
        self._sweep(keep={before, self.name})

    @property
    def _program(self) -> Path:
        return self._current / "bin" / "jsync"

    def _is_ours(self, link: Path) -> bool:
        return link.is_symlink() and str(link.readlink()).startswith(f"{self.base}/")

    def _receive(self, incoming: Path) -> None:
        for one in self._order["files"]:
            left, digest = one["size"], hashlib.sha256()
            with (incoming / Path(one["name"]).name).open("wb") as file:
                while left:
                    block = self._source.read(min(left, _BLOCK_BYTES))
                    if not block:
                        raise Failure("the connection ended before everything was there")
                    file.write(block)
                    digest.update(block)
                    left -= len(block)
            if digest.hexdigest() != one["sha256"]:
                raise Failure(f"{one['name']} arrived damaged", "try again")

    def _build(self, incoming: Path) -> None:
        self._do("no environment can be made", [sys.executable, "-I", "-m", "venv", "--without-pip", str(self.place)])
        pip = next(str(path) for path in incoming.glob("pip-*.whl"))
        words = ["install", "--quiet", "--no-index", "--find-links", str(incoming), "--no-cache-dir", "--no-input"]
        words += ["--disable-pip-version-check", f"jsync=={self._order['version']}"]
        # pip needs no installation: Python runs it out of its wheel. The machine's own settings of pip don't count.
        settings = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
        settings |= {"PYTHONPATH": pip, "PIP_CONFIG_FILE": os.devnull, "TMPDIR": str(incoming)}
        self._do("the wheels can't be installed", [str(self.place / "bin/python"), "-m", "pip", *words], settings)

    def _do(self, failure: str, command: list[str], environ: Mapping[str, str] | None = None) -> None:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=environ, check=False)  # noqa: S603
        if done.returncode:
            lines = (done.stderr + done.stdout).decode("utf-8", "replace").strip().splitlines()
            errors = [line for line in lines if "rror" in line or "No space" in line]
            full = next((line for line in lines if "No space left" in line), None)
            raise Failure(f"{failure}: {full or (errors or lines or ['it says nothing'])[-1].strip()[:300]}")

    def _runs(self) -> bool:
        """Return whether the program in the new place is the version that it should be."""
        command = [str(self.place / "bin/jsync"), "--version"]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)  # noqa: S603
        except OSError:
            return False
        return done.stdout.strip() == f"jsync {self._order['version']}"

    def _point(self, link: Path, target: str) -> None:
        """Make a link point somewhere, in one step."""
        new = link.with_name(f".{link.name}.{os.getpid()}")
        new.unlink(missing_ok=True)
        new.symlink_to(target)
        new.replace(link)

    def _sweep(self, keep: set[str | None]) -> None:
        """Remove what is left over: other versions, and what was broken off."""
        for path in self.base.iterdir():
            if path.is_dir() and not path.is_symlink() and path.name not in keep:
                shutil.rmtree(path, ignore_errors=True)


def _words(error: OSError, base: Path) -> Failure:
    where = error.filename or base
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return Failure(f"no space: {where}: {error.strerror}", "make some")
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return Failure(
            f"no right to write: {where}: {error.strerror}", "set `become: true`, or log in as somebody else"
        )
    return Failure(f"{where}: {error.strerror}")


def _end(number: int, _: object) -> NoReturn:
    raise Failure("it took too long" if number == signal.SIGALRM else "it was ended")


def main(deadline_s: int) -> None:
    """Serve one order on standard input; what was begun and not finished after ``deadline_s`` seconds is removed."""
    for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _end)
    signal.alarm(deadline_s)

    def say(**facts: object) -> None:
        with contextlib.suppress(OSError):  # the work is done all the same
            sys.stdout.write(json.dumps(facts) + "\n")
            sys.stdout.flush()

    setup = Setup(json.loads(sys.stdin.buffer.readline()), sys.stdin.buffer)
    try:
        with setup.alone():
            if setup.is_done():
                say(outcome="present")
                return
            setup.check()
            say(outcome="send")
            setup.install()
            say(outcome="installed")
    except OSError as error:
        failure = _words(error, setup.base)
        say(failure=str(failure), hint=failure.hint)
    except Failure as error:
        say(failure=str(error), hint=error.hint)
