"""Trees for measuring: the same each time, in folders of a hundred."""

from __future__ import annotations

from pathlib import Path

from benchmarks.trees import content_of, count_files, path_of, replace, write_large, write_tree
from tests.support.site import tree


def test_a_tree_is_the_same_each_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_tree(tmp_path / name, 250)
        write_large(tmp_path / name, 2, 3000)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    assert count_files(tmp_path / "one") == 252


def test_a_hundred_files_in_a_folder_and_no_path_twice() -> None:
    paths = [path_of(number) for number in range(20_000)]
    assert len(set(paths)) == 20_000
    assert {sum(path.parent == folder for path in paths) for folder in {path.parent for path in paths[:500]}} == {100}
    assert path_of(12_345).parts == ("folder-01", "folder-23", "job-012345.job.xml")


def test_contents_differ_by_number_and_version_and_have_one_size() -> None:
    contents = {content_of(number, version) for number in (100_001, 100_002) for version in (0, 1)}
    assert len(contents) == 4
    assert {len(content) for content in contents} == {2164}


def test_replacing_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    write_tree(tmp_path / "tree", 1)
    replace(tmp_path / "tree" / path_of(0), b"new", tmp_path / "outside")
    assert (tmp_path / "tree" / path_of(0)).read_bytes() == b"new"
    assert list((tmp_path / "outside").iterdir()) == []
