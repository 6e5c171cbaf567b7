"""The whole way from a master's folder into a cache."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import given, settings

from sync_core.model.answer_plan import build_changes, plan_answer
from sync_core.model.folder import EMPTY_FOLDER, Folder
from sync_core.model.path import RelPath
from sync_core.tree.apply import Applied
from sync_core.tree.content import read_content
from sync_core.tree.scan import scan
from tests.support.disk import Tree, a_job_tree, live_folder, read_tree, some_trees, write_tree
from tests.support.folders import TIME, a_tree
from tests.support.updates import ANY, apply_changes


def bring_in_line(root: Path, view: Folder, contents: Callable[[RelPath], bytes]) -> Applied:
    """Do what a slave does with a master's answer."""
    before = scan(root).root if root.exists() else EMPTY_FOLDER
    built = build_changes(plan_answer(view, before), lambda item: contents(item.path))
    assert built.left_out == ()
    return apply_changes(root, built.changes, before=before, max_delete=ANY)


@settings(max_examples=60)
@given(some_trees(), some_trees())
def test_a_cache_becomes_what_the_master_has(view: Tree, cached: Tree) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = write_tree(Path(name), cached)
        bring_in_line(root, a_tree(view, time=TIME + 5), lambda path: view[path] or b"")
        assert read_tree(root) == dict(view)
        assert bring_in_line(root, a_tree(view, time=TIME + 5), lambda path: view[path] or b"").is_empty


def check_replication(master: Path, cache: Path) -> None:
    view = scan(master).root
    first = bring_in_line(cache, view, lambda path: read_content(master, path, max_bytes=1 << 20))
    assert len(first.written) == view.totals.files
    assert read_tree(cache) == read_tree(master)
    assert plan_answer(view, scan(cache).root) == plan_answer(view, view)
    assert bring_in_line(cache, view, lambda path: b"").is_empty


def test_a_generated_configuration_folder_is_replicated(tmp_path: Path) -> None:
    check_replication(write_tree(tmp_path / "master", a_job_tree()), tmp_path / "cache")


def test_a_real_configuration_folder_is_replicated(tmp_path: Path) -> None:
    check_replication(live_folder(), tmp_path / "cache")
