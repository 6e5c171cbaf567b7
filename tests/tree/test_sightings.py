from __future__ import annotations

import pytest

from sync_core.model.errors import FileTroubleError
from sync_core.model.file import File, md5_of
from sync_core.model.folder import Folder, get, kind_of, walk
from sync_core.model.path import RelPath
from sync_core.model.scan import Scan
from sync_core.tree import sightings
from sync_core.tree.sightings import Sighting, What, put_together


def a_file(content: bytes = b"1") -> Sighting:
    return Sighting(what=What.FILE, size_bytes=len(content), mtime_ns=10**9, md5=md5_of(content))


A_FOLDER = Sighting(what=What.FOLDER)


def a_link(target: str | None, what: What = What.LINK_TO_FILE) -> Sighting:
    return Sighting(what=what, target=target)


def together(**places: Sighting) -> Scan:
    return put_together("/srv/cache", {RelPath(path.replace("__", "/")): seen for path, seen in places.items()})


def shown(scan: Scan) -> dict[str, str]:
    return {path: "unreadable" if seen.is_unreadable else str(kind_of(seen)) for path, seen in sorted(walk(scan.root))}


def test_files_and_folders_are_what_they_are() -> None:
    scan = together(a=A_FOLDER, a__x=a_file(b"22"), b=Sighting(what=What.OTHER))
    assert shown(scan) == {"a": "directory", "a/x": "file"}
    assert get(scan.root, RelPath("a/x")) == File(md5=md5_of(b"22"), size_bytes=2, last_write_time=1)
    assert [trouble.path for trouble in scan.troubles] == ["b"]


def test_links_inside_show_what_lies_there() -> None:
    scan = together(
        a=A_FOLDER, a__x=a_file(), l=a_link("/srv/cache/a", What.LINK_TO_FOLDER), m=a_link("/srv/cache/a/x")
    )
    assert shown(scan) == {"a": "directory", "a/x": "file", "l": "directory", "l/x": "file", "m": "file"}


@pytest.mark.parametrize("target", ["/etc/passwd", "/srv/cache", "/srv/cache2/x", "/srv/cache/gone", None])
def test_links_that_lead_out_or_nowhere_are_not_followed(target: str | None) -> None:
    scan = together(l=a_link(target), L=a_link(target, What.LINK_TO_FOLDER))
    assert shown(scan) == {"l": "unreadable", "L": "unreadable"}
    assert len(scan.troubles) == 2


def test_links_in_circles_end() -> None:
    scan = together(a=A_FOLDER, a__up=a_link("/srv/cache/a", What.LINK_TO_FOLDER), l=a_link("/srv/cache/l"))
    assert shown(scan) == {"a": "directory", "a/up": "unreadable", "l": "unreadable"}


def test_links_that_multiply_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sightings, "_MOST_ENTRIES", 50)
    maze = {"a": A_FOLDER}
    for depth in range(10):
        path = "__".join("abcdefghijk"[: depth + 2])
        maze[path] = A_FOLDER
        for twin in "xy":
            place = path.replace("__", "/")
            maze[f"{path.rpartition('__')[0]}__{twin}"] = a_link(f"/srv/cache/{place}", What.LINK_TO_FOLDER)
    with pytest.raises(FileTroubleError, match="more than 50"):
        together(**maze)


def test_hidden_names_show_through_links_only() -> None:
    places = {".h": A_FOLDER, ".h/y": a_file(), "l": a_link("/srv/cache/.h/y")}
    scan = put_together("/srv/cache", {RelPath(path): seen for path, seen in places.items()})
    assert shown(scan) == {"l": "file"}


def test_names_that_cannot_travel_are_troubles_with_all_that_is_below() -> None:
    places = {"a\\b": A_FOLDER, "a\\b/c": a_file(), "d\x01": a_file()}
    scan = put_together("/srv/cache", {RelPath(path): seen for path, seen in places.items()})
    assert shown(scan) == {}
    assert [trouble.path for trouble in scan.troubles] == ["a\\b", "d\x01"]


def test_what_cannot_be_read_is_known_to_be_there() -> None:
    scan = together(
        a=Sighting(what=What.FOLDER, is_unreadable=True), b=Sighting(what=What.FILE, is_unreadable=True), c=a_file()
    )
    assert shown(scan) == {"a": "unreadable", "b": "unreadable", "c": "file"}


def test_too_many_folders_deep() -> None:
    places = {"/".join(["d"] * depth): A_FOLDER for depth in range(1, 70)}
    scan = put_together("/", {RelPath(path): seen for path, seen in places.items()})
    (*_, (path, deepest)) = walk(scan.root)
    assert deepest == Folder(is_unreadable=True)
    assert path.count("/") < 69 - 1
    assert [trouble.reason for trouble in scan.troubles] == ["too many folders deep"]


def test_a_file_that_never_rested_has_no_digest_and_no_time() -> None:
    scan = together(a=Sighting(what=What.FILE, size_bytes=3, mtime_ns=10**9))
    assert scan == Scan(root=Folder({"a": File(size_bytes=3)}))


def test_a_time_before_the_epoch_is_the_epoch() -> None:
    scan = together(a=Sighting(what=What.FILE, mtime_ns=-(10**10), md5=md5_of(b"")))
    assert get(scan.root, RelPath("a")) == File(md5=md5_of(b""), size_bytes=0, last_write_time=0)


def test_names_stand_in_the_order_of_their_bytes_whatever_order_they_came_in() -> None:
    places = ["ä", "a/b", "a.b", "a", "a b", "\udcff"]
    scan = put_together("/srv/cache", {RelPath(path): A_FOLDER if path == "a" else a_file() for path in places})
    assert [path for path, _ in walk(scan.root)] == ["a", "a/b", "a b", "a.b", "ä", "\udcff"]
