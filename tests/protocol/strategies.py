"""Hypothesis strategies for names, trees, changes and every message."""

from __future__ import annotations

from hypothesis import strategies as st

from sync_core.model.change import Change, Changes, MakeDirectory, Remove, WriteFile
from sync_core.model.edit import folder_of
from sync_core.model.file import File, Kind, md5_of
from sync_core.model.folder import Entry, Folder
from sync_core.model.path import ROOT, RelPath, join, name_bytes
from sync_core.protocol.messages import (
    Answer,
    ChangesAnswer,
    CheckFolders,
    ClusterAnswer,
    ErrorAnswer,
    FetchConfiguration,
    FetchDifferences,
    FetchUpdatedFiles,
    FileListAnswer,
    GetParam,
    GetParams,
    ListFiles,
    OkAnswer,
    OpenDialect,
    OtherAnswer,
    OtherCommand,
    Register,
    RemoteScheduler,
    Request,
    ShowCluster,
    ShowState,
    StateAnswer,
)
from sync_core.protocol.times import MAX_TIME_S
from tests.support.names import can_travel

_TELLING_NAMES = (
    "a",
    "b",
    "x.job.xml",
    "amp&lt;.txt",
    'q"uote',
    "p>q",
    " blank ",
    "tab\tlf\ncr\r",
    ".hidden",
    "ümläut",
)

names = st.one_of(
    st.sampled_from(_TELLING_NAMES),
    st.binary(min_size=1, max_size=8).map(lambda raw: raw.decode("utf-8", "surrogateescape")),
).filter(lambda name: "/" not in name and can_travel(name))
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=20)
times = st.integers(0, MAX_TIME_S)
contents = st.binary(max_size=40)
_flags = st.booleans()


def _files(*, is_full: bool) -> st.SearchStrategy[File]:
    nothing = st.none()
    return st.builds(
        File,
        md5=st.one_of(nothing, contents.map(md5_of)),
        last_write_time=st.one_of(nothing, times),
        size_bytes=st.one_of(nothing, st.integers(0, 2**40)) if is_full else nothing,
        is_settling=_flags if is_full else st.just(False),
        is_unreadable=_flags if is_full else st.just(False),
    )


@st.composite
def _folders(draw: st.DrawFn, depth: int, is_full: bool) -> Folder:
    found: dict[str, Entry] = {}
    for name in draw(st.lists(names, max_size=4, unique=True)):
        is_folder = depth and draw(_flags)
        found[name] = draw(_folders(depth - 1, is_full)) if is_folder else draw(_files(is_full=is_full))
    return folder_of(found, is_unreadable=is_full and draw(_flags))


def trees(*, is_full: bool = False) -> st.SearchStrategy[Folder]:
    """Trees with what a request carries, or with all that a file list does."""
    return _folders(2, is_full).map(lambda root: Folder(root.children))


@st.composite
def _part_of(draw: st.DrawFn, folder: Folder) -> Folder:
    """A slave's own part of its view."""
    found: dict[str, Entry] = {}
    for name, entry in folder.children.items():
        if draw(_flags):
            found[name] = entry if isinstance(entry, File) else Folder(draw(_part_of(entry)).children)
    return Folder(found)


@st.composite
def file_lists(draw: st.DrawFn) -> FileListAnswer:
    tree = draw(trees(is_full=True))
    is_view = bool(tree.children) and draw(_flags)  # a list without entries says nothing about layers
    return FileListAnswer(tree=tree, own=draw(_part_of(tree)) if is_view else None)


@st.composite
def _change_list(draw: st.DrawFn, folder: RelPath, depth: int) -> list[Change]:
    found: list[Change] = []
    for name in sorted(draw(st.lists(names, max_size=4, unique=True)), key=name_bytes):
        path = join(folder, name)
        removed = draw(st.sampled_from([None, *Kind]))
        if removed is not None:
            found.append(Remove(path=path, kind=removed))
        if removed is not Kind.FILE and draw(_flags):
            found.append(WriteFile(path=path, last_write_time=draw(times), content=draw(contents)))
        elif removed is not Kind.DIRECTORY and depth:
            found.append(MakeDirectory(path=path))
            found += draw(_change_list(path, depth - 1))
    return found


changes: st.SearchStrategy[Changes] = _change_list(ROOT, 2).map(tuple)

requests: st.SearchStrategy[Request] = st.one_of(
    st.builds(
        Register,
        scheduler_id=texts,
        tcp_port=st.integers(1, 65535),
        udp_port=st.integers(0, 65535),
        is_cluster_member=_flags,
        version=texts,
        is_logoff=_flags,
    ),
    st.builds(FetchUpdatedFiles, listed=trees()),
    st.builds(
        FetchConfiguration,
        scheduler_id=texts,
        cluster_member_id=texts,
        udp_port=st.integers(0, 65535),
        ip=st.sampled_from(["", "10.0.0.7", "fd00::7", "dialin-0.sos"]),
        version=texts,
        interval_s=st.integers(0, 2**31 - 1),
        listed=trees(),
    ),
    st.just(CheckFolders()),
    st.builds(ShowState, what=st.frozensets(st.sampled_from(["all", "all!", "remote_schedulers", "jobs"]))),
    st.builds(ShowCluster, what=st.frozensets(st.sampled_from(["remote_schedulers", "cluster"]))),
    st.builds(GetParam, name=texts),
    st.just(GetParams()),
    st.builds(OtherCommand, name=st.sampled_from(["terminate", "show_jobs", "licence.use"])),
    st.builds(ListFiles, slave=st.one_of(st.none(), texts)),
    st.builds(FetchDifferences, slave=st.one_of(st.none(), texts), listed=trees()),
    st.just(OpenDialect()),
)

errors = st.builds(ErrorAnswer, code=texts, text=texts, time=texts)
_attributes = st.dictionaries(st.sampled_from(["id", "state", "version", "host"]), texts, max_size=4)
_schedulers = st.builds(RemoteScheduler, attributes=_attributes, error=st.one_of(st.none(), errors))


@st.composite
def _states(draw: st.DrawFn) -> StateAnswer:
    schedulers = tuple(draw(st.lists(_schedulers, max_size=3)))
    return StateAnswer(
        attributes=draw(_attributes),
        remote_schedulers=schedulers,
        connected=draw(st.integers(0, 1000)),
        active=draw(st.one_of(st.none(), st.integers(0, 1000))),
        with_remote_schedulers=bool(schedulers),
    )


@st.composite
def _clusters(draw: st.DrawFn) -> ClusterAnswer:
    state = draw(_states())
    return ClusterAnswer(
        remote_schedulers=state.remote_schedulers,
        connected=state.connected,
        active=state.active,
        with_remote_schedulers=state.with_remote_schedulers,
    )


answers: st.SearchStrategy[Answer] = st.one_of(
    st.builds(OkAnswer, jsync=st.integers(0, 9999)),
    errors,
    st.builds(ChangesAnswer, changes=changes),
    file_lists(),
    _states(),
    _clusters(),
    st.builds(OtherAnswer, element=st.sampled_from(["answer", "params"]), attributes=_attributes),
)
