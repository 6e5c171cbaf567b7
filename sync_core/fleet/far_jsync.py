"""The jsync of another machine: asked by its command line, answering with its one JSON document."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sync_core.model import errors
from sync_core.model.errors import HostError, JsyncError, UnreachableError
from sync_core.net.runner import Runner, first_line, run

__all__ = ["NOT_THERE", "ask_jsync", "error_from", "find_version", "jsync_command", "no_jsync"]

_MOST_BYTES = 64 * 1024 * 1024
NOT_THERE = frozenset({126, 127})
"""Exit codes of a shell whose command can't be executed, or is not found."""
# Constant, and what it runs are its arguments: a login that is no terminal knows few places, `up --install` uses these.
_WITH_OUR_PLACES = 'PATH="$HOME/.local/bin:/usr/local/bin:$PATH"; export PATH; exec "$0" "$@"'
_CLASSES = {
    kind.code: kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, JsyncError)
}
_TAKE_MORE_THAN_WORDS = {"refused", "inventory", "bug", "error"}


def jsync_command(jsync: str, words: Sequence[str]) -> tuple[str, ...]:
    """Return what a runner starts to run another machine's jsync.

    Args:
        jsync: the command there: a host's variable of that name.
        words: its arguments.
    """
    return ("sh", "-c", _WITH_OUR_PLACES, jsync, *words)


async def find_version(runner: Runner, jsync: str, *, timeout_s: float) -> str | None:
    """Return which jsync is there; ``None`` if there is none that runs.

    Args:
        runner: of the machine.
        jsync: the command there.
        timeout_s: for the answer.

    Raises:
        UnreachableError: the machine can't be reached.
        HostError: nothing can be run there.
    """
    done = await run(runner, jsync_command(jsync, ["--version"]), timeout_s=timeout_s)
    name, _, version = done.stdout.decode("utf-8", "replace").strip().rpartition(" ")
    if done.exit_code == 0 and name.splitlines()[-1:] == ["jsync"]:
        return version
    if done.exit_code in NOT_THERE or done.exit_code == 0:
        return None
    reason = first_line(done.stderr) or f"exit code {done.exit_code}"
    # One that starts and then fails is as good as none; but not being allowed to run anything is something else.
    _must_have_become_root(reason)
    return None


async def ask_jsync(
    runner: Runner, jsync: str, words: Sequence[str], *, stdin: bytes = b"", timeout_s: float
) -> Mapping[str, Any]:
    """Return the document that another machine's jsync prints.

    Args:
        runner: of the machine.
        jsync: the command there.
        words: its arguments, ``-o json`` among them.
        stdin: what it reads: its part of the inventory.
        timeout_s: for all of it.

    Raises:
        UnreachableError: the machine can't be reached, or not in time.
        HostError: there is no jsync, or it says something else.
        JsyncError: whatever the document names as its error.
    """
    done = await run(runner, jsync_command(jsync, words), stdin=stdin, timeout_s=timeout_s, most_bytes=_MOST_BYTES)
    if done.exit_code in NOT_THERE:
        raise no_jsync(jsync)
    lines = done.stdout.splitlines()  # what a login prints comes first
    try:
        document = json.loads(lines[-1]) if lines else None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        reason = first_line(done.stderr) or f"exit code {done.exit_code}"
        _must_have_become_root(reason)
        raise HostError(f"its jsync gave no document: {reason}", hint="`jsync up --install` brings a newer one")
    error = document.get("error")
    if isinstance(error, dict):
        raise error_from(error)
    return document


def no_jsync(jsync: str) -> HostError:
    """Return the error that says that a machine has no command ``jsync``."""
    return HostError(f"there is no `{jsync}` that runs", hint="`jsync up --install` brings it")


def _must_have_become_root(reason: str) -> None:
    if reason.startswith("sudo:"):
        raise HostError(reason, hint="allow it in sudoers without a password, or leave out `become`")


def error_from(words: Mapping[str, Any], *, host: str | None = None) -> JsyncError:
    """Return the error that a document tells of; one of an unknown kind is a host's.

    Args:
        words: ``code``, ``message``, ``hint``, ``host``.
        host: whose it is, where it doesn't say so itself.
    """
    code, hint, named = words.get("code"), words.get("hint"), words.get("host")
    kind = _CLASSES.get(code, HostError) if isinstance(code, str) and code not in _TAKE_MORE_THAN_WORDS else HostError
    # What it could not reach is not the machine itself.
    kind = HostError if issubclass(kind, UnreachableError) else kind
    return kind(
        str(words.get("message") or "it failed and does not say why"),
        hint=hint if isinstance(hint, str) else None,
        host=named if isinstance(named, str) else host,
    )
