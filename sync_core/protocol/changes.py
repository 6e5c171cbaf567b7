"""Changes as elements: the answer to a fetch, contents included (``protocol.md`` section 3.5)."""

from __future__ import annotations

import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sync_core.model.change import Change, Changes, MakeDirectory, Remove, WriteFile
from sync_core.model.file import Kind
from sync_core.model.path import ROOT, RelPath, join, name_of, parent_of
from sync_core.protocol.names import DIRECTORY, FILE, MAX_PATH_BYTES, check_path, is_long, read_name, wire_name
from sync_core.protocol.schema import parse_boolean, violation
from sync_core.protocol.times import format_last_write_time, parse_time
from sync_core.protocol.xml import Element, attribute, content_of

__all__ = ["ChangesContent", "encode_changes", "read_changes"]

_CONTENT = "content"


@dataclass(slots=True)
class _Node:
    """A folder that is written: its attributes, and its children in order."""

    attributes: bytes = b""
    children: list[bytes | _Node] = field(default_factory=list)


def encode_changes(changes: Changes) -> bytes:
    """Return the outer ``configuration.directory``, with a child per change in the order of ``changes``.

    ``UnsafeNameError``: a name can't travel; the error names it.
    """
    folders = {ROOT: _Node()}
    for change in changes:
        check_path(change.path)
        match change:
            case MakeDirectory(path=path):
                _folder(folders, path)
            case WriteFile(path=path):
                _folder(folders, parent_of(path)).children += _file(change)
            case Remove(path=path, kind=kind):
                element = FILE if kind is Kind.FILE else DIRECTORY
                removed = b'<%b%b removed="yes"/>' % (element.encode(), _named(path))
                _folder(folders, parent_of(path)).children.append(removed)
    return b"".join(_pieces(folders[ROOT]))


def _folder(folders: dict[RelPath, _Node], path: RelPath) -> _Node:
    """Return a folder, adding it and those above it where they are not there yet."""
    if path not in folders:
        node = _Node(_named(path))
        _folder(folders, parent_of(path)).children.append(node)
        folders[path] = node
    return folders[path]


def _file(change: WriteFile) -> tuple[bytes, bytes, bytes]:
    """Return a file in three pieces, so that its content is copied once only."""
    time = format_last_write_time(change.last_write_time).encode("ascii")
    head = b'<%b%b last_write_time="%b"><content encoding="base64"' % (FILE.encode(), _named(change.path), time)
    if not change.content:
        return head, b"/>", b"</%b>" % FILE.encode()
    content = binascii.b2a_base64(change.content, newline=False)
    return head + b">", content, b"</content></%b>" % FILE.encode()


def _named(path: RelPath) -> bytes:
    return b' name="%b"' % attribute(wire_name(name_of(path))).encode("iso-8859-1")


def _pieces(node: _Node) -> Iterator[bytes]:
    opened = b"<%b%b" % (DIRECTORY.encode(), node.attributes)
    if not node.children:
        yield opened + b"/>"
        return
    yield opened + b">"
    for child in node.children:
        if isinstance(child, bytes):
            yield child
        else:
            yield from _pieces(child)
    yield b"</%b>" % DIRECTORY.encode()


class _Place:
    """A folder that is read."""

    __slots__ = ("made", "path")

    def __init__(self, path: RelPath) -> None:
        self.path = path
        self.made: set[str] = set()


@dataclass(slots=True)
class _File:
    """A file that is read, its content still as text."""

    path: RelPath
    time: str
    encoding: str | None = None
    has_content: bool = False
    pieces: list[str] = field(default_factory=list)


class ChangesContent:
    """What the outer ``configuration.directory`` of an answer asks for, read piece by piece.

    Attributes and elements that we don't know are passed over, as a real slave does (capture 03). Names that begin
    with a dot are kept: whoever applies the changes decides about them. A content is decoded as soon as it is there, so
    that a large answer is never in memory as text.
    """

    def __init__(self, _name: str) -> None:
        self.changes: list[Change] = []
        self._places = [_Place(ROOT)]
        self._file: _File | None = None
        self._passed_over = 0  # how many elements are open that hold nothing for us
        self._is_in_content = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """Take the beginning of an entry, or of a content."""
        if self._passed_over or self._is_in_content:
            self._passed_over += 1
        elif self._file is not None:
            self._start_content(self._file, name, attributes)
        elif name in {FILE, DIRECTORY}:
            self._start_entry(name, attributes)
        else:
            self._passed_over = 1

    def end(self) -> None:
        """Take the end of one."""
        if self._passed_over:
            self._passed_over -= 1
        elif self._is_in_content:
            self._is_in_content = False
        elif self._file is not None:
            file, self._file = self._file, None
            self.changes.append(_written(file))
        else:
            self._places.pop()

    def data(self, piece: str) -> None:
        """Take a piece of a content."""
        if self._is_in_content and not self._passed_over and self._file is not None:
            self._file.pieces.append(piece)

    def _start_content(self, file: _File, name: str, attributes: Mapping[str, str]) -> None:
        if name != _CONTENT or file.has_content:
            self._passed_over = 1
            return
        file.has_content = self._is_in_content = True
        file.encoding = attributes.get("encoding")

    def _start_entry(self, element: str, attributes: Mapping[str, str]) -> None:
        place = self._places[-1]
        name = read_name(element, attributes)
        if name in place.made:
            # A removal may come before the new kind of the same name, but nothing may come after that.
            raise violation(f"the name '{name}' stands twice in one folder")
        path = join(place.path, name)
        if is_long(path):
            raise violation(f"the path '{path[:80]}...' is longer than {MAX_PATH_BYTES} bytes")
        if "removed" in attributes and parse_boolean(Element(element, attributes), "removed"):
            self.changes.append(Remove(path=path, kind=Kind.FILE if element == FILE else Kind.DIRECTORY))
            self._passed_over = 1
            return
        place.made.add(name)
        if element == FILE:
            self._file = _File(path, attributes.get("last_write_time", ""))
        else:
            self.changes.append(MakeDirectory(path=path))
            self._places.append(_Place(path))


def read_changes(outer: Element) -> Changes:
    """Return what the outer ``configuration.directory`` of an answer asks for, in document order.

    ``RemoteProtocolError``: the outer element has a name, a name is not safe or gets two contents, or a content is
    missing or no strict base64.
    """
    if outer.attributes.get("name"):
        raise violation(f"the outer '{DIRECTORY}' has a name")
    return tuple(content_of(outer, ChangesContent).changes)


def _written(file: _File) -> WriteFile:
    if not file.has_content:
        raise violation(f"the file '{file.path}' has no content")
    if file.encoding != "base64":
        raise violation(f"the content of '{file.path}' has the encoding {str(file.encoding)[:40]!r} instead of base64")
    try:
        content = binascii.a2b_base64("".join(file.pieces), strict_mode=True)
    except ValueError as error:
        raise violation(f"the content of '{file.path}' is no base64: {error}") from None
    return WriteFile(path=file.path, last_write_time=parse_time(file.time), content=content)
