from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from sync_core.model.file import File, Stamp, md5_of, sha256_of
from tests.support.folders import NEW, a_file, held_back


def test_a_content_is_known_by_two_digests() -> None:
    assert md5_of(b"<job/>\n") == "175d2846b30b5dccbd98bfb080b43022"
    assert sha256_of(b"<job/>\n") == hashlib.sha256(b"<job/>\n").digest()


def test_a_stamp_is_no_part_of_what_a_file_is() -> None:
    assert replace(a_file(b"1"), stamp=Stamp(1, 2, 3, 4)) == a_file(b"1")


@pytest.mark.parametrize(
    ("file", "is_held_back", "is_unknown"),
    [
        (a_file(b"1"), False, False),
        (held_back(a_file(b"1")), True, False),
        (held_back(a_file(b"1"), is_settling=False, is_unreadable=True), True, False),
        (NEW, True, True),
        (File(), False, True),
    ],
)
def test_what_is_held_back_and_what_is_unknown(file: File, is_held_back: bool, is_unknown: bool) -> None:
    assert (file.is_held_back, file.is_unknown) == (is_held_back, is_unknown)
