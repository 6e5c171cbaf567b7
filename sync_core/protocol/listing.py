"""Manifests as elements: the list that a slave uploads, and the file list that ``<jsync.files/>`` answers.

The first is what a real peer validates (``protocol.md`` section 3.2), so nothing may be added to it and nothing else
is taken. The second has the same elements with more attributes, and the tree's digest on the outer one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import replace

from sync_core.model.manifest import Entry, Kind, Layer, Manifest
from sync_core.model.path import ROOT, RelPath, join, name_of, parent_of
from sync_core.protocol.names import DIRECTORY, FILE, check_depth, read_name, wire_name
from sync_core.protocol.schema import check_element, parse_boolean, parse_number, violation
from sync_core.protocol.times import MAX_TIME_S, format_last_write_time, is_schema_time, parse_time
from sync_core.protocol.xml import Element, write

__all__ = ["LIST", "encode_list", "file_list_element", "list_element", "read_file_list", "read_list"]

LIST = "supervisor.remote_scheduler.configuration.fetch_updated_files"
"""The element that holds a list: a slave's request, and the answer to ``<jsync.files/>``."""

_KINDS = {FILE: Kind.FILE, DIRECTORY: Kind.DIRECTORY}
_MD5 = re.compile(r"[0-9a-fA-F]{32}", re.ASCII)
_MAX_SIZE_BYTES = 2**63 - 1


def encode_list(manifest: Manifest) -> bytes:
    """Return the protocol's own document for ``manifest``: the request that a real 1.3 slave would send.

    Raises:
        UnsafeNameError: a name can't travel; the error names it.
    """
    return write(list_element(manifest), encoding="iso-8859-1")


def list_element(manifest: Manifest, name: str = LIST) -> Element:
    """Return the list as an element called ``name``; sizes, layers and marks are left out.

    Raises:
        UnsafeNameError: a name can't travel; the error names it.
    """
    return _tree(Element(name), manifest, _listed_attributes)


def file_list_element(manifest: Manifest) -> Element:
    """Return the list with all that jsync knows: sizes, layers, marks, and the digest on the outer element.

    Raises:
        UnsafeNameError: a name can't travel; the error names it.
    """
    held = [entry for entry in manifest if _is_beyond_format(entry)]
    if held:
        # The digest is about what the other end reads, and a time beyond the year 9999 arrives as 9999.
        within = {entry.path: _within_format(entry) for entry in held}
        manifest = Manifest(within.get(entry.path, entry) for entry in manifest)
    return _tree(Element(LIST, {"tree_md5": manifest.tree_md5}), manifest, _all_attributes)


def _tree(root: Element, manifest: Manifest, attributes_of: Callable[[Entry], dict[str, str]]) -> Element:
    folders = {ROOT: root}
    for entry in manifest:
        check_depth(entry.path)
        element = Element(FILE if entry.is_file else DIRECTORY, attributes_of(entry))
        folders[parent_of(entry.path)].children.append(element)
        if not entry.is_file:
            folders[entry.path] = element
    return root


def _listed_attributes(entry: Entry) -> dict[str, str]:
    attributes = {"name": wire_name(name_of(entry.path))}
    if entry.is_file and entry.last_write_time is not None:
        attributes["last_write_time"] = format_last_write_time(entry.last_write_time)
    if entry.md5 is not None:
        attributes["md5"] = entry.md5
    return attributes


def _all_attributes(entry: Entry) -> dict[str, str]:
    attributes = _listed_attributes(entry)
    if entry.size_bytes is not None:
        attributes["size"] = str(entry.size_bytes)
    if entry.layer is not None:
        attributes["layer"] = entry.layer
    if entry.is_settling:
        attributes["settling"] = "yes"
    if entry.is_unreadable:
        attributes["unreadable"] = "yes"
    return attributes


def _is_beyond_format(entry: Entry) -> bool:
    return entry.last_write_time is not None and not 0 <= entry.last_write_time <= MAX_TIME_S


def _within_format(entry: Entry) -> Entry:
    return replace(entry, last_write_time=min(max(0, entry.last_write_time or 0), MAX_TIME_S))


def read_list(element: Element, *, attributes: AbstractSet[str] = frozenset()) -> Manifest:
    """Return what a request lists, after the checks of the original's schema.

    Args:
        element: the request; its children are the list.
        attributes: those that the request itself may have.

    Raises:
        RemoteProtocolError: something in it is not allowed, or a name stands twice or is not safe.
    """
    check_element(element, attributes=attributes, children=_KINDS.keys())
    return _manifest(_entries(element, ROOT, _read_listed))


def _read_listed(element: Element, path: RelPath) -> Entry:
    if element.name == DIRECTORY:
        check_element(element, attributes={"name"}, children=_KINDS.keys())
        return Entry(path=path, kind=Kind.DIRECTORY)
    check_element(element, attributes={"name", "last_write_time", "md5"})
    time = element.attributes.get("last_write_time")
    if time is not None and not is_schema_time(time):
        raise violation(f"Element '{FILE}', attribute 'last_write_time': the value '{time[:40]}' is not valid")
    return Entry(path=path, md5=_md5(element), last_write_time=None if time is None else parse_time(time))


def read_file_list(element: Element) -> Manifest:
    """Return the manifest of a jsync peer's file list; attributes and elements that we don't know are passed over.

    Raises:
        RemoteProtocolError: a value makes no sense, a name is not safe, or the digest does not agree.
    """
    manifest = _manifest(_entries(element, ROOT, _read_entry))
    if element.attributes.get("tree_md5") != manifest.tree_md5:
        raise violation(f"Element '{element.name}': the attribute 'tree_md5' does not agree with the list")
    return manifest


def _read_entry(element: Element, path: RelPath) -> Entry:
    is_file = element.name == FILE
    values = element.attributes
    layer = values.get("layer")
    if layer is not None and layer not in {*Layer}:
        raise violation(f"Element '{element.name}', attribute 'layer': the value '{layer[:40]}' is not valid")
    return Entry(
        path=path,
        kind=_KINDS[element.name],
        md5=_md5(element) if is_file else None,
        last_write_time=parse_time(values["last_write_time"]) if is_file and "last_write_time" in values else None,
        size_bytes=parse_number(element, "size", at_most=_MAX_SIZE_BYTES) if "size" in values else None,
        layer=None if layer is None else Layer(layer),
        is_settling=parse_boolean(element, "settling"),
        is_unreadable=parse_boolean(element, "unreadable"),
    )


def _md5(element: Element) -> str | None:
    md5 = element.attributes.get("md5")
    if md5 is None:
        return None
    if not _MD5.fullmatch(md5):
        raise violation(f"Element '{element.name}', attribute 'md5': the value '{md5[:40]}' is not valid")
    return md5.lower()


def _entries(folder: Element, path: RelPath, read: Callable[[Element, RelPath], Entry]) -> Iterator[Entry]:
    for child in folder.children:
        if child.name not in _KINDS:
            continue
        child_path = join(path, read_name(child))
        entry = read(child, child_path)
        yield entry
        if not entry.is_file:
            yield from _entries(child, child_path, read)


def _manifest(entries: Iterable[Entry]) -> Manifest:
    try:
        return Manifest(entries)
    except ValueError as error:
        raise violation(str(error)) from None
