"""Changes as elements: the answer to a fetch, contents included (``protocol.md`` section 3.5)."""

from __future__ import annotations

import binascii
from collections.abc import Iterator

from sync_core.model.change import Change, Changes, MakeDirectory, Remove, WriteFile
from sync_core.model.manifest import Kind
from sync_core.model.path import ROOT, RelPath, join, name_of, parent_of
from sync_core.protocol.names import DIRECTORY, FILE, check_depth, read_name, wire_name
from sync_core.protocol.schema import parse_boolean, violation
from sync_core.protocol.times import format_last_write_time, parse_time
from sync_core.protocol.xml import Element

__all__ = ["changes_element", "read_changes"]


def changes_element(changes: Changes) -> Element:
    """Return the outer ``configuration.directory``, with a child per change in the order of ``changes``.

    Raises:
        UnsafeNameError: a name can't travel; the error names it.
    """
    folders = {ROOT: Element(DIRECTORY)}
    for change in changes:
        check_depth(change.path)
        match change:
            case MakeDirectory(path=path):
                _folder(folders, path)
            case WriteFile(path=path):
                _folder(folders, parent_of(path)).children.append(_file_element(change))
            case Remove(path=path, kind=kind):
                removed = {"name": wire_name(name_of(path)), "removed": "yes"}
                _folder(folders, parent_of(path)).children.append(
                    Element(FILE if kind is Kind.FILE else DIRECTORY, removed)
                )
    return folders[ROOT]


def _folder(folders: dict[RelPath, Element], path: RelPath) -> Element:
    """Return the element of a folder, adding it and those above it where they are not there yet."""
    if path not in folders:
        element = Element(DIRECTORY, {"name": wire_name(name_of(path))})
        _folder(folders, parent_of(path)).children.append(element)
        folders[path] = element
    return folders[path]


def _file_element(change: WriteFile) -> Element:
    content = binascii.b2a_base64(change.content, newline=False).decode("ascii")
    return Element(
        FILE,
        {"name": wire_name(name_of(change.path)), "last_write_time": format_last_write_time(change.last_write_time)},
        [Element("content", {"encoding": "base64"}, text=content)],
    )


def read_changes(outer: Element) -> Changes:
    """Return what the outer ``configuration.directory`` of an answer asks for, in document order.

    Attributes and elements that we don't know are passed over, as a real slave does (capture 03). Names that begin
    with a dot are kept: whoever applies the changes decides about them.

    Raises:
        RemoteProtocolError: the outer element has a name, a name is not safe or gets two contents, or a content is
            missing or no strict base64.
    """
    if outer.attributes.get("name"):
        raise violation(f"the outer '{DIRECTORY}' has a name")
    return tuple(_read_folder(outer, ROOT))


def _read_folder(folder: Element, path: RelPath) -> Iterator[Change]:
    made: set[str] = set()
    for child in folder.children:
        if child.name not in {FILE, DIRECTORY}:
            continue
        name = read_name(child)
        if name in made:
            # A removal may come before the new kind of the same name, but nothing may come after that.
            raise violation(f"the name '{name}' stands twice in one folder")
        child_path = join(path, name)
        if parse_boolean(child, "removed"):
            yield Remove(path=child_path, kind=Kind.FILE if child.name == FILE else Kind.DIRECTORY)
            continue
        made.add(name)
        if child.name == FILE:
            yield _read_file(child, child_path)
        else:
            yield MakeDirectory(path=child_path)
            yield from _read_folder(child, child_path)


def _read_file(element: Element, path: RelPath) -> WriteFile:
    content = next((child for child in element.children if child.name == "content"), None)
    if content is None:
        raise violation(f"the file '{path}' has no content")
    encoding = content.attributes.get("encoding")
    if encoding != "base64":
        raise violation(f"the content of '{path}' has the encoding {str(encoding)[:40]!r} instead of base64")
    try:
        decoded = binascii.a2b_base64(content.text, strict_mode=True)
    except ValueError as error:
        raise violation(f"the content of '{path}' is no base64: {error}") from None
    return WriteFile(
        path=path, last_write_time=parse_time(element.attributes.get("last_write_time", "")), content=decoded
    )
