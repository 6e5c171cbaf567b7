from __future__ import annotations

from pathlib import Path

import pytest

from sync_core.model.path import RelPath
from sync_core.tree.digest import digest_file
from sync_core.tree.ground import LinkError, open_ground
from tests.support.disk import a_link, write_tree


def test_a_link_planted_after_the_check_leads_nowhere(tmp_path: Path) -> None:
    write_tree(tmp_path, {"outside/secret": b"secret"})
    root = write_tree(tmp_path / "root", {"d/secret": b"1", "file": b"1"})
    with open_ground(root) as ground, ground.spot(ground.root, "d") as folder, ground.spot(ground.root, "file") as file:
        (root / "d").rename(root / "moved")
        a_link(root / "d", "../outside")
        with pytest.raises(OSError, match="Not a directory"):
            folder.folder.enter(folder.name)
        (root / "file").unlink()
        a_link(root / "file", "../outside/secret")
        with pytest.raises(OSError, match="Too many levels"):
            file.folder.open_file(file.name)


def test_a_link_that_changes_while_it_is_followed_leads_nowhere(tmp_path: Path) -> None:
    write_tree(tmp_path, {"outside/a": b"secret"})
    root = write_tree(tmp_path / "root", {"real/d/a": b"1"})
    a_link(root / "link", "real/d/a")
    with open_ground(root) as ground, ground.spot(ground.root, "link") as spot:
        (root / "real/d").rename(root / "real/e")
        a_link(root / "real/d", "../../outside")
        assert digest_file(spot.folder, spot.name, lambda: 0).md5 == "c4ca4238a0b923820dcc509a6f75849b"
        with pytest.raises(LinkError, match="leads out"), ground.spot(ground.root, "link"):
            pass


def open_descriptors() -> set[str]:
    return {place.name for place in Path("/proc/self/fd").iterdir()}


def test_every_descriptor_is_closed_again(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"d/e/a": b"1", "real/x": b"1"})
    a_link(root / "link", "real/x")
    a_link(root / "d/up", "..")
    before = open_descriptors()
    with open_ground(root) as ground, ground.descend(RelPath("d/e")):
        assert len(open_descriptors()) > len(before)
        with ground.spot(ground.root, "link"):
            pass
    with open_ground(root) as ground, pytest.raises(LinkError), ground.descend(RelPath("d/up")):
        pass
    assert open_descriptors() == before
