from __future__ import annotations

import pytest

from sync_core.model.equality import has_content, has_state, is_withheld
from sync_core.model.file import File
from sync_core.model.folder import EMPTY_FOLDER, Entry, Folder
from tests.support.folders import NEW, TIME, a_file, a_listed_file, held_back

UNLIKE_MD5 = File(md5="0" * 32, sha256=a_file(b"1").sha256, last_write_time=TIME, mode=0o644)


@pytest.mark.parametrize(
    ("have", "wanted", "same_content", "same_state"),
    [
        (a_file(b"1"), a_file(b"1"), True, True),
        (a_file(b"1"), a_file(b"2"), False, False),
        (a_file(b"1", time=1), a_file(b"1"), True, False),
        (a_file(b"1", mode=0o600), a_file(b"1"), True, False),
        (a_file(b"1", time=None, mode=None), a_file(b"1"), True, False),
        (a_file(b"1"), a_file(b"1", time=None, mode=None), True, True),
        (a_listed_file(b"1", time=1), a_file(b"1"), True, True),
        (a_file(b"1"), a_listed_file(b"1", time=1), True, True),
        (a_listed_file(b"1"), a_file(b"2"), False, False),
        (UNLIKE_MD5, a_file(b"1"), True, True),
        (File(), a_file(b"1"), False, False),
        (a_file(b"1"), File(), False, False),
        (File(), File(), False, False),
    ],
)
def test_two_notions_of_equality(have: File, wanted: File, same_content: bool, same_state: bool) -> None:
    assert (has_content(have, wanted), has_state(have, wanted)) == (same_content, same_state)


@pytest.mark.parametrize(
    ("wanted", "have", "is_left"),
    [
        (a_file(b"1"), None, False),
        (NEW, None, True),
        (held_back(a_file(b"1")), a_file(b"2"), True),
        (File(is_unreadable=True), EMPTY_FOLDER, True),
        (File(), a_file(b"1"), True),
        (EMPTY_FOLDER, a_file(b"1"), False),
        (Folder(is_unreadable=True), None, True),
        (Folder({"a": a_file()}, is_unreadable=True), None, False),
        (Folder({"a": a_file()}, is_unreadable=True), EMPTY_FOLDER, False),
        (Folder({"a": a_file()}, is_unreadable=True), a_file(), True),
    ],
)
def test_what_a_slave_keeps_whatever_it_is(wanted: Entry, have: Entry | None, is_left: bool) -> None:
    assert is_withheld(wanted, have) is is_left
