"""Lists while they are read: from the parser's events straight to folders, without a tree of elements in between."""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from sync_core.model.edit import folder_of
from sync_core.model.file import File, Layer
from sync_core.model.folder import EMPTY_FOLDER, Entry, Folder
from sync_core.model.path import ROOT, join
from sync_core.protocol.listing import TREE_MD5, tree_md5
from sync_core.protocol.names import DIRECTORY, FILE, MAX_PATH_BYTES, read_name
from sync_core.protocol.schema import check_element, parse_boolean, parse_number, violation
from sync_core.protocol.times import is_schema_time, parse_time
from sync_core.protocol.xml import Element, content_of

__all__ = ["FileListContent", "ListContent", "ListedFiles", "read_file_list", "read_list"]

_MD5 = re.compile(r"[0-9a-fA-F]{32}")
_MAX_SIZE_BYTES = 2**63 - 1
_FILE_ATTRIBUTES = frozenset({"name", "last_write_time", "md5"})
_FOLDER_ATTRIBUTES = frozenset({"name"})


class ListedFiles(NamedTuple):
    """What a file list says: its tree, and what of it is the slave's own; ``None``: it says nothing about layers."""

    tree: Folder
    own: Folder | None


class _Draft:
    """A folder whose children still come."""

    __slots__ = ("children", "is_sorted", "is_unreadable", "last", "name", "own", "path_bytes")

    def __init__(self, name: str, *, path_bytes: int = 0, is_unreadable: bool = False) -> None:
        self.name = name
        self.path_bytes = path_bytes
        self.is_unreadable = is_unreadable
        self.children: dict[str, Entry] = {}
        self.own: dict[str, Entry] = {}
        self.last = ""
        self.is_sorted = True

    def folder(self) -> Folder:
        if not self.is_sorted:
            return folder_of(self.children, is_unreadable=self.is_unreadable)
        if not self.children and not self.is_unreadable:
            return EMPTY_FOLDER
        return Folder(self.children, is_unreadable=self.is_unreadable)


class ListContent:
    """The list of a request, checked as the original's schema checks it; ``name`` of its element stands in errors."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._root = self._here = _Draft("")
        self._above: list[_Draft] = []
        self._passed_over = 0  # how many elements are open that hold nothing for us

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """Take the beginning of an entry."""
        if self._passed_over:
            self._nested(name)
            self._passed_over += 1
        elif name == FILE:
            self._put(attributes, FILE, self._file(attributes))
            self._passed_over = 1
        elif name == DIRECTORY:
            self._enter(attributes)
        else:
            self._unknown(name)
            self._passed_over = 1

    def end(self) -> None:
        """Take the end of one."""
        if self._passed_over:
            self._passed_over -= 1
            return
        done, self._here = self._here, self._above.pop()
        self._here.children[done.name] = done.folder()
        if done.own or done.name in self._here.own:
            self._here.own[done.name] = folder_of(done.own)

    def data(self, piece: str) -> None:
        """Take character data, which no list may have."""
        if piece.strip():
            name = FILE if self._passed_over else DIRECTORY if self._above else self._name
            raise violation(f"Element '{name}': character data is not allowed")

    def tree(self) -> Folder:
        """Return what was listed."""
        return self._root.folder()

    def _enter(self, attributes: Mapping[str, str]) -> None:
        folder = self._folder(attributes)
        name = self._put(attributes, DIRECTORY, folder)
        self._above.append(self._here)
        path_bytes = self._above[-1].path_bytes + len(attributes["name"]) + 1
        self._here = _Draft(name, path_bytes=path_bytes, is_unreadable=folder.is_unreadable)

    def _put(self, attributes: Mapping[str, str], element: str, entry: Entry) -> str:
        """Add an entry; its name on the wire tells the order, since each of its characters is one byte."""
        name, here = read_name(element, attributes), self._here
        if name in here.children:
            path = ROOT
            for draft in (*self._above[1:], here) if self._above else ():
                path = join(path, draft.name)
            raise violation(f"{join(path, name)!r} stands twice")
        wire = attributes["name"]
        if here.path_bytes + len(wire) > MAX_PATH_BYTES:
            raise violation(f"the path of '{name[:40]}' is longer than {MAX_PATH_BYTES} bytes")
        here.is_sorted = here.is_sorted and here.last < wire
        here.last = wire
        here.children[name] = entry
        if attributes.get("layer") == Layer.OWN:
            here.own[name] = entry
        return name

    def _file(self, attributes: Mapping[str, str]) -> File:
        if not attributes.keys() <= _FILE_ATTRIBUTES:
            _refuse_attribute(FILE, attributes, _FILE_ATTRIBUTES)
        time = attributes.get("last_write_time")
        if time is not None and not is_schema_time(time):
            raise violation(f"Element '{FILE}', attribute 'last_write_time': the value '{time[:40]}' is not valid")
        return File(md5=_md5(attributes), last_write_time=None if time is None else parse_time(time))

    def _folder(self, attributes: Mapping[str, str]) -> Folder:
        if not attributes.keys() <= _FOLDER_ATTRIBUTES:
            _refuse_attribute(DIRECTORY, attributes, _FOLDER_ATTRIBUTES)
        return EMPTY_FOLDER

    def _nested(self, name: str) -> None:
        raise violation(f"Element '{FILE}': the element '{name}' is not expected here")

    def _unknown(self, name: str) -> None:
        above = DIRECTORY if self._above else self._name
        raise violation(f"Element '{above}': the element '{name}' is not expected here")


class FileListContent(ListContent):
    """The file list of a jsync peer; attributes and elements that we don't know are passed over."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._has_layers = False

    def data(self, piece: str) -> None:
        """Pass it over."""

    def listed(self) -> ListedFiles:
        """Return what was listed, with its layers."""
        return ListedFiles(tree=self.tree(), own=folder_of(self._root.own) if self._has_layers else None)

    def _file(self, attributes: Mapping[str, str]) -> File:
        self._check_layer(FILE, attributes)
        element = Element(FILE, attributes)
        time = attributes.get("last_write_time")
        return File(
            md5=_md5(attributes),
            last_write_time=None if time is None else parse_time(time),
            size_bytes=parse_number(element, "size", at_most=_MAX_SIZE_BYTES) if "size" in attributes else None,
            is_settling="settling" in attributes and parse_boolean(element, "settling"),
            is_unreadable="unreadable" in attributes and parse_boolean(element, "unreadable"),
        )

    def _folder(self, attributes: Mapping[str, str]) -> Folder:
        self._check_layer(DIRECTORY, attributes)
        return Folder(is_unreadable=parse_boolean(Element(DIRECTORY, attributes), "unreadable"))

    def _check_layer(self, element: str, attributes: Mapping[str, str]) -> None:
        layer = attributes.get("layer")
        if layer is None:
            return
        if layer not in {*Layer}:
            raise violation(f"Element '{element}', attribute 'layer': the value '{layer[:40]}' is not valid")
        self._has_layers = True

    def _nested(self, name: str) -> None:
        pass

    def _unknown(self, name: str) -> None:
        pass


def read_list(element: Element, *, attributes: AbstractSet[str] = frozenset()) -> Folder:
    """Return what a request lists; ``attributes``: those that the request itself may have.

    ``RemoteProtocolError``: something in it is not allowed, or a name stands twice or is not safe.
    """
    check_element(element, attributes=attributes)
    return content_of(element, ListContent).tree()


def read_file_list(element: Element) -> ListedFiles:
    """Return what a jsync peer lists.

    ``RemoteProtocolError``: a value makes no sense, a name is not safe, or the digest does not agree.
    """
    listed = content_of(element, FileListContent).listed()
    digest = element.attributes.get(TREE_MD5)
    if digest is not None and digest != tree_md5(listed.tree):
        raise violation(f"Element '{element.name}': the attribute '{TREE_MD5}' does not agree with the list")
    return listed


def _md5(attributes: Mapping[str, str]) -> str | None:
    md5 = attributes.get("md5")
    if md5 is None:
        return None
    if not _MD5.fullmatch(md5):
        raise violation(f"Element '{FILE}', attribute 'md5': the value '{md5[:40]}' is not valid")
    return md5.lower()


def _refuse_attribute(element: str, attributes: Mapping[str, str], allowed: AbstractSet[str]) -> None:
    name = next(one for one in attributes if one not in allowed)
    raise violation(f"Element '{element}': the attribute '{name}' is not allowed")
