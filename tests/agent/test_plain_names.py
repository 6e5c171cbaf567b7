from __future__ import annotations

from sync_core.agent.plain_names import PlainNames
from sync_core.model.edit import edited
from sync_core.model.folder import Folder, walk
from sync_core.model.path import RelPath
from tests.support.folders import a_file, a_tree
from tests.support.net import Lines


def paths(folder: Folder) -> list[str]:
    return [path for path, _ in walk(folder)]


def test_what_the_schema_refuses_is_left_out_with_one_word_for_each_name() -> None:
    names = PlainNames("%s stays here")
    tree = a_tree({"10€.txt": b"1", "Ärger/in.txt": b"2", "Ärger/deep/x": b"3", "fine/umläut.txt": b"4"})
    with Lines.of("sync_core.agent.plain_names") as lines:
        assert paths(names.within(tree)) == ["fine", "fine/umläut.txt"]
        assert paths(names.within(tree)) == ["fine", "fine/umläut.txt"]
    assert sorted(lines.messages("WARNING")) == ["10€.txt stays here", "Ärger stays here"]


def test_a_tree_without_odd_names_is_left_alone() -> None:
    tree = a_tree({"a": b"1", "d/b": b"2"})
    names = PlainNames("%s")
    for _ in range(2):  # the second time it is known
        assert names.within(tree) is tree
        ours, theirs = names.spared(tree, tree)
        assert ours is tree
        assert theirs is tree


def test_a_name_that_comes_into_a_known_tree_is_seen() -> None:
    tree = a_tree({"a/b/c": b"1", "d/e": b"2"})
    names = PlainNames("%s")
    assert names.within(tree) is tree
    after = edited(tree, {RelPath("a/b/Ä€"): a_file(b"3")})
    assert names.odd(after) == ("a/b/Ä€",)
    assert names.within(after) == tree


def test_what_is_not_sent_is_not_removed_either() -> None:
    view = a_tree({"a": b"1", "Ä/x": b"2"})
    listed = a_tree({"a": b"1", "Ä/x": b"2", "Ä/y": b"3", "Ö": b"4"})
    ours, theirs = PlainNames("%s").spared(view, listed)
    assert paths(ours) == ["a"]
    assert paths(theirs) == ["a", "Ö"]  # the latter is not in the view, so it may go
