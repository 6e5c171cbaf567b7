"""The messages of both dialects as values (``protocol.md`` sections 2, 3, 8, 9 and 11), and jsync's own.

Requests go from whoever opened the connection, answers come back, one at a time. jsync's own requests are
``jsync.files`` and ``jsync.fetch``, read-only questions, and ``jsync.dialect``, which asks to go on in our own dialect:
a real JobScheduler refuses them as unknown commands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from sync_core.model.change import Changes
from sync_core.model.folder import EMPTY_FOLDER, Folder
from sync_core.protocol.dialect.preface import knows_dialect

__all__ = [
    "DEFAULT_INTERVAL_S",
    "Answer",
    "ChangesAnswer",
    "CheckFolders",
    "ClusterAnswer",
    "ErrorAnswer",
    "FetchConfiguration",
    "FetchDifferences",
    "FetchUpdatedFiles",
    "FileListAnswer",
    "GetParam",
    "GetParams",
    "ListFiles",
    "OkAnswer",
    "OpenDialect",
    "OtherAnswer",
    "OtherCommand",
    "Register",
    "RemoteScheduler",
    "RemoteSchedulers",
    "Request",
    "ShowCluster",
    "ShowState",
    "StateAnswer",
    "says_jsync",
]


def says_jsync(version: str) -> bool:
    """Whether a peer's version is jsync's: it has ``(jsync`` in it, which no JobScheduler's has."""
    return "(jsync " in version


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """``<register_remote_scheduler/>``: a slave introduces itself (section 2).

    Attributes:
        scheduler_id: for display, and the folder's name for cluster members; may be empty.
        tcp_port: the slave's command port, part of its identity.
        udp_port: where it wants wake-ups; ``0`` = nowhere.
        is_cluster_member: look its folder up by ``scheduler_id``.
        version: for display.
        is_logoff: it says good-bye but keeps the connection.
    """

    scheduler_id: str
    tcp_port: int
    udp_port: int = 0
    is_cluster_member: bool = False
    version: str = ""
    is_logoff: bool = False

    @property
    def is_jsync(self) -> bool:
        """Whether the slave says that it is jsync."""
        return says_jsync(self.version)

    @property
    def knows_dialect(self) -> bool:
        """Whether it says that it is a jsync that knows our own dialect: 0.2 or newer."""
        return knows_dialect(self.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchUpdatedFiles:
    """``<supervisor.remote_scheduler.configuration.fetch_updated_files>``: what the slave has (section 3)."""

    listed: Folder = field(default_factory=lambda: EMPTY_FOLDER)


DEFAULT_INTERVAL_S = 3600
"""What a slave of the HTTP dialect means that does not say how often it fetches (section 8.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchConfiguration:
    """``<supervisor.configuration.fetch …>``: list and registration in one, the HTTP dialect's request (section 8.2).

    Attributes:
        scheduler_id: the slave's id, and its folder's name.
        cluster_member_id: which member of a cluster it is; empty = not in a cluster.
        udp_port: where it wants wake-ups; ``0`` = nowhere.
        ip: the address or name to which they should go; empty = whence the request came.
        version: for display.
        interval_s: seconds in which it fetches again at the latest.
        listed: what it has.
    """

    scheduler_id: str
    cluster_member_id: str = ""
    udp_port: int = 0
    ip: str = ""
    version: str = ""
    interval_s: int = DEFAULT_INTERVAL_S
    listed: Folder = field(default_factory=lambda: EMPTY_FOLDER)

    @property
    def is_jsync(self) -> bool:
        """As for ``Register``."""
        return says_jsync(self.version)

    @property
    def member_id(self) -> str:
        """The first part of its identity: the member of the cluster, else the scheduler (section 8.3)."""
        return self.cluster_member_id or self.scheduler_id


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFolders:
    """``<check_folders/>``: the wake-up, by UDP or TCP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowState:
    """``<show_state what="…"/>`` or ``<s/>`` (section 9); ``what``: the words of ``what``; ``<s/>`` means ``all``."""

    what: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowCluster:
    """``<show_cluster/>`` (section 11); ``what``: as for ``ShowState``."""

    what: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class GetParam:
    """``<param.get name="…"/>``: the value of one of the scheduler's own parameters (section 11)."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GetParams:
    """``<params.get/>``: all of them (section 11)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherCommand:
    """A command that JobScheduler's schema knows and that only a JobScheduler can carry out, whatever it says."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListFiles:
    """``<jsync.files/>``: the file list of a slave's cache (no ``slave``), or of a master's view for one slave."""

    slave: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchDifferences:
    """``<jsync.fetch>``: what turns the ``listed`` tree into the answerer's, contents included; changes nothing.

    ``slave``: as for ``ListFiles``.
    """

    slave: str | None = None
    listed: Folder = field(default_factory=lambda: EMPTY_FOLDER)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDialect:
    """``<jsync.dialect/>``: go on in our own dialect on this connection; an ``OkAnswer`` with ``jsync=2`` agrees."""


Request: TypeAlias = (
    Register
    | FetchUpdatedFiles
    | FetchConfiguration
    | CheckFolders
    | ShowState
    | ShowCluster
    | GetParam
    | GetParams
    | OtherCommand
    | ListFiles
    | FetchDifferences
    | OpenDialect
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OkAnswer:
    """``<ok/>``.

    Attributes:
        jsync: what a jsync master says of itself to a slave that registered as jsync, and real peers never see: ``1`` =
            it is jsync; ``2`` = it knows our own dialect too, and takes its preface from now on; ``0`` = not said.
    """

    jsync: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorAnswer:
    """``<ERROR code="…" text="…"/>`` (section 1.4).

    Attributes:
        code: ``SCHEDULER-457``.
        text: begins with the code and two blanks.
        time: as formatted by the sender; empty = left out.
    """

    code: str
    text: str
    time: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesAnswer:
    """The outer ``<configuration.directory>`` with what differs (section 3.5).

    Attributes:
        changes: in document order.
        encoded: the same as bytes, if somebody has written it already (``changes.encode_changes``): slaves in the same
            state get the same bytes. Where they are given, ``changes`` is not looked at when the answer is written.
    """

    changes: Changes = ()
    encoded: bytes = field(default=b"", repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileListAnswer:
    """The answer to ``<jsync.files/>``: a tree with sizes, layers and marks for what is held back.

    ``own``: what of it comes from a slave's own folder: an entry of the same kind at the same path; ``None`` = nothing
    is said about layers.
    """

    tree: Folder
    own: Folder | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteScheduler:
    """One ``<remote_scheduler/>`` of a master's state (section 9): attribute values by name, in order of writing."""

    attributes: Mapping[str, str]
    error: ErrorAnswer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteSchedulers:
    """What a state and a cluster have in common.

    Attributes:
        remote_schedulers: ever registered.
        connected: how many of them are connected now.
        active: how many of them are active; ``None`` = not said, as by peers before 1.6.
        with_remote_schedulers: whether the children are wanted; the counts always are.
        count: how many ever registered, where ``remote_schedulers`` was left empty because nobody wants them.
    """

    remote_schedulers: tuple[RemoteScheduler, ...] = ()
    connected: int = 0
    active: int | None = None
    with_remote_schedulers: bool = False
    count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterAnswer(RemoteSchedulers):
    """``<cluster>`` (section 11)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateAnswer(RemoteSchedulers):
    """``<state …>`` (sections 9 and 11), with the attributes of its element in order of writing."""

    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherAnswer:
    """Any other well-formed answer of a peer; for a registration that is success (section 2.3).

    It is the first element below ``answer``, or the root where there is no ``answer``.
    """

    element: str
    attributes: Mapping[str, str] = field(default_factory=dict)


Answer: TypeAlias = OkAnswer | ErrorAnswer | ChangesAnswer | FileListAnswer | StateAnswer | ClusterAnswer | OtherAnswer
