from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given

from sync_core.model.digest import DIGEST_BYTES
from sync_core.model.edit import folder_of
from sync_core.model.file import File, Stamp
from sync_core.model.folder import EMPTY_FOLDER, Folder
from tests.support.folders import NEW, a_file, a_listed_file, a_tree, copied, folder_at, held_back, some_folders
from tests.support.plain.lists import plain

PAGE = Path(__file__).parents[2] / "docs" / "protocol-digest.md"
VECTOR = re.compile(r"^### (?P<name>.+?)\n.*?^```\n(?P<records>.*?)^= (?P<digest>[0-9a-f]{64})\n```", re.M | re.S)
FIELD = re.compile(r'"([^"]*)"|([0-9a-f]+)')

TIME = 1_412_242_215
JOB = a_file(b"<job/>\n", time=TIME)
SCRIPT = replace(JOB, mode=0o755, last_write_time=0)
TREES = {
    "an empty folder": EMPTY_FOLDER,
    "one file": a_tree({"a.job.xml": JOB}),
    "a script": a_tree({"z": SCRIPT}),
    "nested": a_tree(
        {
            "with blank": replace(JOB, last_write_time=253_402_300_799),
            "empty": None,
            "b\udce4r": a_file(b"", time=1),
            "a.txt": a_file(b"", time=-1, mode=0o600),
            "a/z": SCRIPT,
        }
    ),
    "mode and time unknown": a_tree({"x": replace(JOB, mode=None, last_write_time=None)}),
    "known by md5": a_tree({"x": a_listed_file(b"<job/>\n", time=TIME)}),
    "known by md5 alone": a_tree({"x": a_listed_file(b"<job/>\n", time=None)}),
    "held back": a_tree({"x": NEW}),
    "unreadable": a_tree({"x": Folder(is_unreadable=True), "x/z": SCRIPT}),
}


def vectors() -> dict[str, tuple[bytes, str]]:
    """Return what the page says: the records' bytes and the digest of each vector."""
    return {
        found["name"]: (
            b"".join(
                text.encode() if not code else bytes.fromhex(code) for text, code in FIELD.findall(found["records"])
            ),
            found["digest"],
        )
        for found in VECTOR.finditer(PAGE.read_text("utf-8"))
    }


def test_the_page_has_a_vector_for_each_tree() -> None:
    assert list(vectors()) == list(TREES)


@pytest.mark.parametrize("name", TREES)
def test_the_vectors_of_the_page(name: str) -> None:
    records, digest = vectors()[name]
    assert hashlib.sha256(records).hexdigest() == digest
    assert TREES[name].tree_digest == digest


def test_a_digest_is_the_same_in_bytes_and_hex() -> None:
    assert bytes.fromhex(JOB_TREE.tree_digest) == JOB_TREE.digest
    assert len(JOB_TREE.digest) == DIGEST_BYTES


JOB_TREE = a_tree({"d/a": JOB})


@pytest.mark.parametrize(
    "other",
    [
        a_tree({"d/b": JOB}),
        a_tree({"a": JOB}),
        a_tree({"d/a": JOB, "e": None}),
        a_tree({"d/a": None}),
        a_tree({"d/a": a_file(b"", time=TIME)}),
        a_tree({"d/a": replace(JOB, last_write_time=TIME + 1)}),
        a_tree({"d/a": replace(JOB, last_write_time=None)}),
        a_tree({"d/a": replace(JOB, mode=0o600)}),
        a_tree({"d/a": replace(JOB, mode=None)}),
        a_tree({"d/a": replace(JOB, sha256=None)}),
        a_tree({"d/a": NEW}),
        a_tree({"d": Folder(is_unreadable=True), "d/a": JOB}),
    ],
)
def test_what_a_digest_tells(other: Folder) -> None:
    assert other.digest != JOB_TREE.digest


@pytest.mark.parametrize(
    "other",
    [
        held_back(JOB),
        held_back(JOB, is_settling=False, is_unreadable=True),
        replace(JOB, size_bytes=None),
        replace(JOB, md5="0" * 32),
        replace(JOB, stamp=Stamp(1, 2, 3, 4)),
    ],
)
def test_what_a_digest_does_not_tell(other: File) -> None:
    assert a_tree({"d/a": other}).digest == JOB_TREE.digest


def test_a_root_does_not_tell_whether_it_can_be_read() -> None:
    assert Folder(JOB_TREE.children, is_unreadable=True).digest == JOB_TREE.digest


@given(some_folders(is_marked=True))
def test_a_digest_is_that_of_the_whole_list(tree: Folder) -> None:
    assert tree.digest == plain(tree).digest


@given(some_folders(), some_folders())
def test_digests_agree_exactly_when_trees_do(one: Folder, other: Folder) -> None:
    assert (one.digest == other.digest) == (one == other)
    assert copied(one).digest == one.digest


@given(some_folders())
def test_the_order_in_which_names_came_does_not_matter(tree: Folder) -> None:
    assert folder_of(dict(reversed(list(tree.children.items())))).digest == tree.digest


def test_a_folder_below_has_its_own_digest() -> None:
    assert folder_at(JOB_TREE, "d").digest == a_tree({"a": JOB}).digest
