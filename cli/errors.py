"""The one border where exceptions become exit codes, words on stderr, and error documents."""

from __future__ import annotations

import os
import platform
import re
import sys
import traceback
from collections.abc import Mapping
from enum import IntEnum
from pathlib import Path

from cli.documents import plain, schema_of
from cli.output import StdoutClosed, Streams
from cli.text import printable
from sync_core import __version__
from sync_core.model.errors import FileTroubleError, InventoryError, JsyncError, LocalProtocolError, UsageError

__all__ = ["ExitCode", "Failure", "error_document", "error_text", "report"]


class ExitCode(IntEnum):
    """``cli.md`` section 2: what a caller can rely on."""

    DONE = 0
    NEGATIVE = 1
    TROUBLE = 2
    BUG = 70
    INTERRUPTED = 130


class Failure:
    """What the border knows of the command that failed.

    Args:
        streams: of the process.
        command: its name, ``None`` if there is no such command.
        is_json: whether a document is wanted.
        environ: says where the state folder is, for the traceback of a bug.
    """

    def __init__(self, streams: Streams, *, command: str | None, is_json: bool, environ: Mapping[str, str]) -> None:
        self.streams = streams
        self.schema = schema_of(command or "error")
        self.is_json = is_json
        self.environ = environ

    def tell(self, error: JsyncError) -> None:
        """Tell of ``error`` as a document on stdout or as text on stderr."""
        if self.is_json and not self.streams.has_document:
            self.streams.document({"schema": self.schema, **error_document(error)})
            self.streams.flush()
        else:
            self.streams.complain(error_text(error))


def report(error: BaseException, failure: Failure) -> ExitCode:
    """Tell the user of ``error`` and return the exit code that it means.

    Nothing escapes: an error while telling is left out, since there is nobody left to tell.
    """
    try:
        code = _report(error, failure)
        if isinstance(error, FileTroubleError):
            failure.streams.silence()  # it may be stdout itself: the interpreter would fail on it again at its end
        return code
    except (StdoutClosed, JsyncError) as second:
        failure.streams.silence()
        if isinstance(second, JsyncError):
            failure.streams.complain(error_text(second))
        return ExitCode.TROUBLE


def _report(error: BaseException, failure: Failure) -> ExitCode:
    if isinstance(error, StdoutClosed):
        failure.streams.silence()
        return ExitCode.TROUBLE
    if isinstance(error, KeyboardInterrupt):
        failure.tell(_Interrupted("interrupted"))
        return ExitCode.INTERRUPTED
    if isinstance(error, JsyncError) and not isinstance(error, LocalProtocolError):
        failure.tell(error)
        return ExitCode.TROUBLE
    usage = _usage_error(error)
    if usage is not None:
        failure.tell(usage)
        return ExitCode.TROUBLE
    failure.tell(_Bug(error, _write_traceback(error, failure.environ)))
    return ExitCode.BUG


class _Interrupted(JsyncError):
    code = "interrupted"


class _Bug(JsyncError):
    code = "bug"

    def __init__(self, error: BaseException, file: Path) -> None:
        kind = type(error).__name__
        super().__init__(f"this is a bug in jsync ({kind}); the traceback is in {file}", hint="please report it")


def _usage_error(error: BaseException) -> UsageError | None:
    """Return typer's complaint about a command line as ours; its classes differ between versions, its words don't."""
    words = getattr(error, "format_message", None)
    if not callable(words):
        return None
    context = getattr(error, "ctx", None)
    path = getattr(context, "command_path", None) or "jsync"
    return UsageError(" ".join(str(words()).split()).rstrip("."), hint=f"`{path} --help` shows how")


def error_text(error: JsyncError, *, about: str | None = None) -> str:
    """Return what stderr shows of ``error``: one line and its hint, or a line for each fault of an inventory.

    The words may be a peer's, so line breaks in them are escaped like any other control character.

    Args:
        error: what is wrong.
        about: the host that it is reported for; it stands in front unless the error names it.
    """
    if isinstance(error, InventoryError):
        return "\n".join(printable(str(problem)) for problem in error.problems)
    hosts = dict.fromkeys(host for host in (about, error.host) if host and not _names(str(error), host))
    words = printable(": ".join(["jsync", *hosts, str(error)]))
    return words + (f"\n  hint: {printable(error.hint)}" if error.hint else "")


def _names(words: str, host: str) -> bool:
    """Return whether ``words`` name the host: a short name may be a part of any word."""
    return re.search(rf"(?<![\w.-]){re.escape(host)}(?![\w-])", words) is not None


def error_document(error: JsyncError) -> dict[str, object]:
    """Return what a document holds about a failure, without ``schema``."""
    body = {"error": plain(error)}
    if isinstance(error, InventoryError) and len(error.problems) > 1:
        message = f"the inventory has {len(error.problems)} errors"
        body = {"error": {"code": error.code, "message": message, "hint": None, "host": None}}
    if isinstance(error, InventoryError):
        body["errors"] = plain(error.problems)
    return body


def _write_traceback(error: BaseException, environ: Mapping[str, str]) -> Path:
    """Write what a developer needs into a file that only its owner can read; the environment is no part of it."""
    text = "".join(traceback.format_exception(error))
    words = f"jsync {__version__}, Python {platform.python_version()}, {platform.platform()}\n{sys.argv!r}\n\n{text}"
    handle, name = _crash_file(environ)
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(words)
    return Path(name)


def _crash_file(environ: Mapping[str, str]) -> tuple[int, str]:
    import tempfile

    try:
        from sync_core.agent.state import state_folder

        folder = state_folder(environ)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return tempfile.mkstemp(prefix="crash-", suffix=".txt", dir=folder)
    except Exception:  # any reason is good enough for the folder that always works
        return tempfile.mkstemp(prefix="jsync-crash-", suffix=".txt")
