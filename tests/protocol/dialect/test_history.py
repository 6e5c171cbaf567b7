from __future__ import annotations

from sync_core.model.edit import folder_of
from sync_core.model.file import File
from sync_core.model.folder import EMPTY_FOLDER, Folder
from sync_core.protocol.dialect.history import History


def a_tree(name: str) -> Folder:
    return folder_of({name: EMPTY_FOLDER})


def test_trees_are_found_by_their_digest() -> None:
    history = History(most_trees=2)
    tree = a_tree("a")
    history.offer(tree)
    assert history.get(tree.digest) is tree
    assert history.get(bytes(32)) is None


def test_of_equal_trees_the_newer_is_kept() -> None:
    """What settled meanwhile can be handed out, though the digest is the same."""
    history = History(most_trees=2)
    older, newer = (folder_of({"a": File(is_settling=held)}) for held in (True, False))
    history.offer(older)
    history.offer(newer)
    assert history.get(older.digest) is newer
    assert len(history) == 1


def test_what_nobody_asked_for_longest_goes_first() -> None:
    history = History(most_trees=2)
    first, second, third = a_tree("a"), a_tree("b"), a_tree("c")
    history.offer(first)
    history.offer(second)
    assert history.get(first.digest) is first
    history.offer(third)
    assert history.get(second.digest) is None
    assert history.get(first.digest) is first
    assert history.get(third.digest) is third
    assert len(history) == 2
