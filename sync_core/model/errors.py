"""Every error that jsync raises on purpose, as one shallow tree.

    JsyncError
    ├── UsageError              the person at the command line
    ├── InventoryError          the author of an inventory; carries every problem of the file
    ├── PeerError               the process at the other end of a connection
    │   ├── RemoteProtocolError     its bytes make no sense
    │   ├── UntrustedError          it could not prove who it is, or is not who it should be
    │   └── RemoteRefusalError      it answered with an ERROR element
    ├── LocalProtocolError      we misused a session: a bug
    ├── HostError               a host or the network between hosts
    │   ├── UnreachableError        no connection, no answer, no name
    │   ├── PortInUseError          an agent's port is held by somebody else
    │   ├── CertificateError        what a host speaks TLS with can't be used
    │   └── StateError              an agent's state folder forbids what was asked
    └── TreeError               files and folders
        ├── UnsafeNameError         a name that must not reach a file system
        ├── RootVanishedError       a folder that must exist does not
        ├── RootChangedError        a root is another file system
        ├── RootUntrustedError      somebody else decides where a root is
        ├── FileTroubleError        one file could not be read or written
        └── TooManyRemovalsError    an update would remove more than ``max_delete`` allows

An error says what is wrong in ``str(error)`` and what to do next in ``error.hint``. ``code`` is the word that
JSON documents carry. Expected outcomes are values, not errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

__all__ = [
    "CertificateError",
    "FileTroubleError",
    "HostError",
    "InventoryError",
    "JsyncError",
    "LocalProtocolError",
    "PeerError",
    "PortInUseError",
    "Problem",
    "RemoteProtocolError",
    "RemoteRefusalError",
    "RootChangedError",
    "RootUntrustedError",
    "RootVanishedError",
    "StateError",
    "TooManyRemovalsError",
    "TreeError",
    "UnreachableError",
    "UnsafeNameError",
    "UntrustedError",
    "UsageError",
]


class JsyncError(Exception):
    """The root of the tree.

    Args:
        message: what is wrong, for the person who must act; one line.
        hint: the next step, if there is one to name.
        host: the inventory's name of the host concerned, if any.
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str | None = None, host: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        self.host = host


class UsageError(JsyncError):
    """The command line asks for something that makes no sense."""

    code = "usage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One fault of an inventory file.

    Attributes:
        file: the file as the user named it.
        line: 1-based line, 1 if the whole file is meant.
        column: 1-based column, 1 if the whole file is meant.
        message: what is wrong.
        hint: what would be right, if that can be said.
    """

    file: str
    line: int
    column: int
    message: str
    hint: str | None = None

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}"
        return f"{where}: {self.message}" + (f" ({self.hint})" if self.hint else "")


class InventoryError(JsyncError):
    """An inventory can't be used; ``problems`` holds all that is wrong with it."""

    code = "inventory"

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class PeerError(JsyncError):
    """The other end of a connection did something that we can't go on with."""

    code = "peer"


class RemoteProtocolError(PeerError):
    """The peer sent bytes that the protocol does not allow.

    Args:
        message: what was wrong with them.
        answer_code: the code that an ERROR answer to the peer should carry (``protocol.md`` section 17).
    """

    code = "protocol"

    def __init__(self, message: str, *, answer_code: str = "XML-ERROR") -> None:
        super().__init__(message)
        self.answer_code = answer_code


class UntrustedError(PeerError):
    """TLS with the peer came to nothing: it could not prove who it is, speaks in plain, or is somebody else."""

    code = "untrusted"


class RemoteRefusalError(PeerError):
    """The peer answered with ``<ERROR code=… text=…/>`` (``protocol.md`` section 1.4)."""

    code = "refused"

    def __init__(self, error_code: str, text: str, *, host: str | None = None) -> None:
        super().__init__(text or error_code, host=host)
        self.error_code = error_code
        self.text = text


class LocalProtocolError(JsyncError):
    """We asked a session for a move that its state forbids: a bug in jsync."""

    code = "bug"


class HostError(JsyncError):
    """A host, or the network on the way to it, does not do what is needed."""

    code = "host"


class UnreachableError(HostError):
    """No connection, no answer in time, or no such name.

    Args:
        message: the reason, in the words of the operating system where it gave one.
        errno: the number behind it, where there is one.
    """

    code = "unreachable"

    def __init__(
        self, message: str, *, errno: int | None = None, hint: str | None = None, host: str | None = None
    ) -> None:
        super().__init__(message, hint=hint, host=host)
        self.errno = errno


class PortInUseError(HostError):
    """A port that an agent needs is held by another process."""

    code = "port-in-use"


class CertificateError(HostError):
    """The certificate, key or authority of a host can't be used: missing, expired, or not belonging together."""

    code = "certificate"


class StateError(HostError):
    """The state folder of a host forbids the operation: another agent runs, or another inventory owns the name."""

    code = "state"


class TreeError(JsyncError):
    """Something is wrong with files or folders."""

    code = "tree"


class UnsafeNameError(TreeError):
    r"""A name that must never reach a file system: ``/``, ``\\``, NUL, ``.``, ``..`` or a link out of the root."""

    code = "unsafe-name"


class RootVanishedError(TreeError):
    """A folder that must exist does not; it is never taken for an empty one."""

    code = "root-vanished"


class RootChangedError(TreeError):
    """A root lies on another file system than last time; nothing is written to it or served from it."""

    code = "root-changed"


class RootUntrustedError(TreeError):
    """Somebody else may put another folder in the place of a root; nothing is written to it or served from it."""

    code = "root-untrusted"


class FileTroubleError(TreeError):
    """A file or folder could not be read or written."""

    code = "file"


class TooManyRemovalsError(TreeError):
    """An update was refused because it would remove more files than ``max_delete`` allows."""

    code = "max-delete"
