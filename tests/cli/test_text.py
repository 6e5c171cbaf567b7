from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.text import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("daily,zürich.order.xml", "daily,zürich.order.xml"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("two\nlines\r", "two\\nlines\\r"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202eexe.txt", "\\u202eexe.txt"),
        ("z\udcfcrich", "z\\xfcrich"),
        ("\ud800", "\\ud800"),
        ("a\u2028b", "a\\u2028b"),
    ],
)
def test_escapes_what_could_steer_a_terminal(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(st.characters()))
def test_result_is_printable_and_stays_as_it_is(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert printable(shown) == shown
