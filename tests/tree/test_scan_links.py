"""Links in a tree that is scanned: which are followed, and which only told."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync_core.model.file import File, md5_of
from sync_core.model.folder import Entry, Folder
from sync_core.tree.ground import MAX_DEPTH
from sync_core.tree.scan import scan
from tests.support.disk import a_link, write_tree
from tests.support.scans import late, seen, troubles

FILE = File(is_unreadable=True)
FOLDER = Folder(is_unreadable=True)


def test_links_inside_the_root_are_followed(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"real/a": b"1", "d/x": b"2"})
    a_link(root / "file", "real/a")
    a_link(root / "d/folder", "../real")
    a_link(root / "absolute", str(root / "real"))
    a_link(root / "chain", "file")
    result = scan(root)
    one, two = md5_of(b"1"), md5_of(b"2")
    assert seen(result) == {
        "absolute": None,
        "absolute/a": one,
        "chain": one,
        "d": None,
        "d/folder": None,
        "d/folder/a": one,
        "d/x": two,
        "file": one,
        "real": None,
        "real/a": one,
    }
    assert result.links == {"file", "d/folder", "absolute", "chain"}
    assert result.troubles == ()


def test_what_shows_through_links_unchanged_is_the_very_same(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"real/a": b"1"})
    a_link(root / "file", "real/a")
    a_link(root / "folder", "real")
    first = scan(root, clock_ns=late)
    second = scan(root, known=first.root, clock_ns=late)
    assert second == first
    assert second.root is first.root


@pytest.mark.parametrize(
    ("target", "reason", "shown"),
    [
        ("../outside/secret", "leads out", FILE),
        ("../outside", "leads out", FOLDER),
        ("/etc/passwd", "leads out", FILE),
        ("..", "leads out", FOLDER),
        (".", "leads out", FOLDER),
        ("../root-twin/a", "leads out", FILE),
        ("nowhere", "leads nowhere", FILE),
        ("d/link", "Too many levels", FILE),
    ],
)
def test_links_that_must_not_be_followed(tmp_path: Path, target: str, reason: str, shown: Entry) -> None:
    write_tree(tmp_path, {"outside/secret": b"secret", "root-twin/a": b"1"})
    root = write_tree(tmp_path / "root", {"d/a": b"1"})
    a_link(root / "d/link", "link")
    a_link(root / "link", target)
    result = scan(root)
    assert reason in troubles(result)["link"]
    assert result.root.children["link"] == shown
    assert "link" in result.links
    assert not any(path.startswith("link/") for path in seen(result))


def test_a_link_to_a_folder_above_leads_in_a_circle(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"d/e/a": b"1"})
    a_link(root / "d/e/up", "..")
    result = scan(root)
    assert seen(result)["d/e/up"] == "!"
    assert "circle" in troubles(result)["d/e/up"]


def test_a_maze_of_links_has_an_end(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {f"{n}": None for n in range(MAX_DEPTH + 2)})
    for n in range(MAX_DEPTH + 1):
        a_link(root / f"{n}/next", f"../{n + 1}")
    result = scan(root)
    assert "/".join(["0", *["next"] * (MAX_DEPTH - 1)]) in troubles(result)


def test_links_may_lead_as_far_as_the_root(tmp_path: Path) -> None:
    remote = write_tree(tmp_path / "remote", {"_all/x": b"1", "_all/f/y": b"2", "own/z": b"3"})
    write_tree(tmp_path, {"beside": b"4"})
    a_link(remote / "own/x", "../_all/x")
    a_link(remote / "own/f", "../_all/f")
    a_link(remote / "own/beside", "../../beside")
    result = scan(remote)
    own = {path: what for path, what in seen(result).items() if path.startswith("own/") and what is not None}
    assert own == {
        "own/x": md5_of(b"1"),
        "own/f/y": md5_of(b"2"),
        "own/z": md5_of(b"3"),
        "own/beside": "!",
    }
    assert list(troubles(scan(remote / "own"))) == ["beside", "f", "x"]


def test_a_root_may_be_a_link(tmp_path: Path) -> None:
    write_tree(tmp_path, {"there/a": b"1", "remote": None})
    assert list(seen(scan(a_link(tmp_path / "remote/own", "../there")))) == ["a"]
