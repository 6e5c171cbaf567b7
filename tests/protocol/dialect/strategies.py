"""Hypothesis strategies for trees, edits of them, and every message of the dialect."""

from __future__ import annotations

from hypothesis import strategies as st

from sync_core.model.edit import folder_of
from sync_core.model.file import File, md5_of, sha256_of
from sync_core.model.folder import Entry, Folder
from sync_core.protocol.dialect.limits import MAX_INLINE_BYTES, MAX_WINDOW_BYTES
from sync_core.protocol.dialect.messages import (
    Answer,
    Bundle,
    Check,
    ContentAsked,
    Contents,
    Delta,
    Error,
    FileRecord,
    FolderAsked,
    FolderEdit,
    FolderPart,
    FolderRecord,
    Folders,
    Inline,
    Listing,
    Look,
    Request,
    Root,
    Same,
    Unknown,
)

_raw_names = st.one_of(
    st.sampled_from([b"a", b"b", b"a.txt", b"...", b" ", b"\xff\xfe", "ümläut".encode(), b"x" * 255]),
    st.binary(min_size=1, max_size=6),
).filter(lambda raw: raw not in {b".", b".."} and not set(raw) & set(b"/\\\0"))
names = _raw_names.map(lambda raw: raw.decode("utf-8", "surrogateescape"))
_few_names = st.sampled_from(["a", "b", "c", "a.txt", "\udcff"])
_times = st.one_of(st.integers(0, 2**33), st.integers(-(2**63) + 1, 2**63 - 1))
_modes = st.integers(0, 0o777)
_CONTENTS = [b"", b"one", b"two\n" * 300, bytes(range(256)) * 5]
contents = st.sampled_from(_CONTENTS)


def content_of(sha256: bytes) -> bytes:
    """Return the content of a file in a tree of these strategies."""
    return next(content for content in _CONTENTS if sha256_of(content) == sha256)


def _known_file(content: bytes, time: int, mode: int) -> File:
    return File(
        md5=md5_of(content),
        sha256=sha256_of(content),
        size_bytes=len(content),
        last_write_time=time,
        mode=mode,
    )


known_files = st.builds(_known_file, contents, st.integers(0, 3), st.sampled_from([0o644, 0o755]))
unknown_files = st.builds(
    File, is_settling=st.booleans(), is_unreadable=st.booleans(), size_bytes=st.one_of(st.none(), st.integers(0, 9))
)
files = st.one_of(known_files, known_files, known_files, unknown_files)


def _folders(entries: st.SearchStrategy[Entry]) -> st.SearchStrategy[Folder]:
    children = st.dictionaries(_few_names, entries, max_size=4)
    return st.builds(lambda held, mark: folder_of(held, is_unreadable=mark), children, st.booleans())


entries: st.SearchStrategy[Entry] = st.recursive(files, _folders, max_leaves=12)
trees = st.dictionaries(st.one_of(_few_names, names), entries, max_size=4).map(folder_of)

_digests = st.binary(min_size=32, max_size=32)
_paths = st.lists(_raw_names, max_size=4).map(b"/".join)
_counts = st.integers(0, 2**53)
_flags = st.integers(0, 7)
_texts = st.text(max_size=30)
_known_records = st.builds(
    FileRecord, _raw_names, _digests, st.binary(min_size=16, max_size=16), _counts, _times, _modes, _flags
)
_unknown_records = st.builds(
    FileRecord, _raw_names, st.none(), st.none(), st.none() | _counts, st.none() | _times, st.none() | _modes, _flags
)
_file_records = st.lists(_known_records | _unknown_records, max_size=4).map(tuple)
_folder_records = st.lists(st.builds(FolderRecord, _raw_names, _digests, _flags), max_size=3).map(tuple)
_parts = st.builds(
    FolderPart, _paths, st.integers(0, 1000), _file_records, _folder_records, st.booleans(), st.booleans()
)
_edits = st.builds(FolderEdit, _paths, st.lists(_raw_names, max_size=3).map(tuple), _folder_records, _file_records)


@st.composite
def _deltas(draw: st.DrawFn) -> Delta:
    edits = draw(st.lists(_edits, max_size=3).map(tuple))
    counted = sum(len(edit.files) for edit in edits)
    items = st.builds(Inline, st.integers(0, max(counted - 1, 0)), st.integers(0, MAX_INLINE_BYTES // 4))
    inline = draw(st.lists(items, max_size=4).map(tuple)) if counted else ()
    return Delta(base=draw(_digests), to=draw(_digests), edits=edits, inline=inline)


_asked = st.builds(ContentAsked, _paths, _digests, _counts, st.integers(0, MAX_WINDOW_BYTES // 4))
requests: st.SearchStrategy[Request] = st.one_of(
    st.builds(Check, known=st.none() | _digests, has=st.none() | _digests),
    st.builds(
        Folders, folders=st.lists(st.builds(FolderAsked, _paths, _digests, st.booleans()), max_size=4).map(tuple)
    ),
    st.builds(Contents, files=st.lists(_asked, max_size=4).map(tuple)),
    st.builds(Look, slave=st.none() | _texts),
)
answers: st.SearchStrategy[Answer] = st.one_of(
    st.just(Same()),
    _deltas(),
    st.builds(Root, digest=_digests, files=_counts, folders=_counts, settling=_counts, unreadable=_counts),
    st.builds(Listing, parts=st.lists(_parts, max_size=3).map(tuple), last=st.booleans()),
    st.builds(Bundle, sizes=st.lists(st.integers(-1, MAX_WINDOW_BYTES // 4), max_size=4).map(tuple)),
    st.builds(Error, code=_texts, text=_texts),
    st.builds(Unknown, what=_texts),
)
