from __future__ import annotations

import os
from pathlib import Path

import pytest

from sync_core.tree.inotify import Inotify, KernelEvent, Mask
from sync_core.tree.root_way import WatchedWay, Way, find_way, watch_way
from tests.support.disk import a_link, public_folder, unprivileged, write_tree


@pytest.mark.parametrize(
    "path",
    ["site/releases/1", "site/remote", "remote", "site/../remote", "via/1", "absolute", "site//releases/./1/"],
)
def test_a_way_ends_where_the_system_says(tmp_path: Path, path: str) -> None:
    write_tree(tmp_path, {"site/releases/1/a": b"1"})
    a_link(tmp_path / "site/remote", "releases/1")
    a_link(tmp_path / "remote", "site/remote")
    a_link(tmp_path / "via", "site/../site/releases")
    a_link(tmp_path / "absolute", str(tmp_path / "site/remote"))
    way = find_way(Path(f"{tmp_path}/{path}"))
    assert way.real == Path(os.path.realpath(f"{tmp_path}/{path}"))
    found = (tmp_path / "site/releases/1").stat()
    assert way.identity == (found.st_dev, found.st_ino)
    assert (str(tmp_path / "site/releases"), "1") in way.steps


@pytest.mark.parametrize("path", ["none", "none/below", "file", "file/below", "circle", "dangling"])
def test_a_way_may_lead_nowhere(tmp_path: Path, path: str) -> None:
    write_tree(tmp_path, {"file": b"1"})
    a_link(tmp_path / "circle", "circle")
    a_link(tmp_path / "dangling", "none")
    way = find_way(tmp_path / path)
    assert way.real is None
    assert (str(tmp_path), path.partition("/")[0]) in way.steps


def test_what_happens_to_a_name_on_the_way_changes_it() -> None:
    watched = WatchedWay(way=Way(steps=()), names={1: {b"remote"}})
    assert watched.is_changed_by(KernelEvent(1, Mask.CREATE, b"remote"))
    assert watched.is_changed_by(KernelEvent(1, Mask.DELETE_SELF, b""))
    assert watched.is_changed_by(KernelEvent(1, Mask.IGNORED, b""))
    assert not watched.is_changed_by(KernelEvent(1, Mask.CREATE, b"other"))
    assert not watched.is_changed_by(KernelEvent(2, Mask.CREATE, b"remote"))
    assert not watched.is_changed_by(KernelEvent(2, Mask.IGNORED, b""))
    assert not watched.is_changed_by(KernelEvent(1, Mask.MODIFY, b""))


def test_every_folder_on_the_way_is_watched(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a/b/x": b"1"})
    kernel = Inotify()
    watched = watch_way(kernel, tmp_path / "a/b")
    assert len(watched.names) == len(watched.way.steps)
    assert {b"a"} in watched.names.values()
    kernel.close()


def test_a_folder_that_may_not_be_read_is_left_out() -> None:
    with public_folder() as place, unprivileged():
        write_tree(place, {"a/b/x": b"1"})
        (place / "a").chmod(0o300)
        kernel = Inotify()
        watched = watch_way(kernel, place / "a/b")
        assert watched.way.real == place / "a/b"
        assert {b"b"} not in watched.names.values()
        kernel.close()
        (place / "a").chmod(0o755)


def test_a_way_that_never_stays_the_same_is_an_error(tmp_path: Path) -> None:
    class Restless(Inotify):
        count = 0

        def add(self, place: str, mask: int) -> int:
            self.count += 1
            a_link(tmp_path / f"to{self.count}", "a")
            (tmp_path / f"to{self.count}").replace(tmp_path / "root")
            a_link(tmp_path / f"to{self.count}", f"to{self.count - 1}" if self.count > 1 else "a")
            (tmp_path / "root").unlink()
            a_link(tmp_path / "root", f"to{self.count}")
            return super().add(place, mask)

    write_tree(tmp_path, {"a/x": b"1"})
    a_link(tmp_path / "root", "a")
    kernel = Restless()
    with pytest.raises(OSError, match="changes all the time"):
        watch_way(kernel, tmp_path / "root")
    kernel.close()
