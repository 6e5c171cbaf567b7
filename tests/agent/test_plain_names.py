from __future__ import annotations

from sync_core.agent.plain_names import PlainNames
from sync_core.model.manifest import Manifest
from tests.support.net import Lines
from tests.support.trees import a_manifest


def paths(manifest: Manifest) -> list[str]:
    return [str(entry.path) for entry in manifest]


def test_what_the_schema_refuses_is_left_out_with_one_word_for_each_name() -> None:
    names = PlainNames("%s stays here")
    tree = a_manifest({"10€.txt": b"1", "Ärger/in.txt": b"2", "Ärger/deep/x": b"3", "fine/umläut.txt": b"4"})
    with Lines.of("sync_core.agent.plain_names") as lines:
        assert paths(names.within(tree)) == ["fine", "fine/umläut.txt"]
        assert paths(names.within(tree)) == ["fine", "fine/umläut.txt"]
    assert sorted(lines.messages("WARNING")) == ["10€.txt stays here", "Ärger stays here"]


def test_a_tree_without_odd_names_is_left_alone() -> None:
    tree = a_manifest({"a": b"1"})
    assert PlainNames("%s").within(tree) is tree
    assert PlainNames("%s").spared(tree, tree) == (tree, tree)


def test_what_is_not_sent_is_not_removed_either() -> None:
    view = a_manifest({"a": b"1", "Ä/x": b"2"})
    listed = a_manifest({"a": b"1", "Ä/x": b"2", "Ä/y": b"3", "Ö": b"4"})
    ours, theirs = PlainNames("%s").spared(view, listed)
    assert paths(ours) == ["a"]
    assert paths(theirs) == ["a", "Ö"]  # the latter is not in the view, so it may go
