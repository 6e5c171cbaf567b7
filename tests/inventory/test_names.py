from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.inventory.names import MAX_NAME_BYTES, check_folder_name, check_member_name, count, expand


def names(text: str) -> list[str]:
    return [expanded.name for expanded in expand(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("slave-5000", ["slave-5000"]),
        ("slave-[5001:5003]", ["slave-5001", "slave-5002", "slave-5003"]),
        ("[8:11]", ["8", "9", "10", "11"]),
        ("s[08:11]", ["s08", "s09", "s10", "s11"]),
        ("s[0:2]", ["s0", "s1", "s2"]),
        ("s[:2]", ["s0", "s1", "s2"]),
        ("s[000:001]", ["s000", "s001"]),
        ("s[1:9:4]", ["s1", "s5", "s9"]),
        ("s[1:8:4]", ["s1", "s5"]),
        ("s[01:10:3]x", ["s01x", "s04x", "s07x", "s10x"]),
        ("s[7:7]", ["s7"]),
        ("s[a:d]", ["sa", "sb", "sc", "sd"]),
        ("s[a:g:3]", ["sa", "sd", "sg"]),
        ("s[y:B]", ["sy", "sz", "sA", "sB"]),
        ("r[1:2]-[a:b]", ["r1-a", "r1-b", "r2-a", "r2-b"]),
        ("[1:2][01:02]", ["101", "102", "201", "202"]),
    ],
)
def test_ranges_expand_as_ansible_expands_them(text: str, expected: list[str]) -> None:
    assert names(text) == expected
    assert count(text) == len(expected)


def test_n_is_the_value_of_the_first_range() -> None:
    assert [expanded.n for expanded in expand("r[01:02]-[a:b]")] == ["01", "01", "02", "02"]
    assert [expanded.n for expanded in expand("slave")] == [None]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("s[1]", "a range is [first:last] or [first:last:step]"),
        ("s[1:2:3:4]", "a range is [first:last] or [first:last:step]"),
        ("s[]", "a range is [first:last] or [first:last:step]"),
        ("s[3:1]", "the range [3:1] is empty: its first value comes after its last"),
        ("s[d:a]", "the range [d:a] is empty: its first value comes after its last"),
        ("s[1:]", "a range goes from number to number (at most 9 digits), or from letter to letter"),
        ("s[1:b]", "a range goes from number to number (at most 9 digits), or from letter to letter"),
        ("s[aa:bb]", "a range goes from number to number (at most 9 digits), or from letter to letter"),
        ("s[1:1234567890]", "a range goes from number to number (at most 9 digits), or from letter to letter"),
        ("s[-1:2]", "a range goes from number to number (at most 9 digits), or from letter to letter"),
        ("s[01:100]", "with zero padding the first and the last value of a range have the same length"),
        ("s[1:9:0]", "the step of a range is a number from 1"),
        ("s[1:9:x]", "the step of a range is a number from 1"),
        ("s[1:2", "it has a bracket without its partner"),
        ("s1:2]", "it has a bracket without its partner"),
        ("s[[1:2]]", "it has a bracket without its partner"),
    ],
)
def test_wrong_ranges_say_why(text: str, reason: str) -> None:
    for function in (count, names):
        with pytest.raises(ValueError) as caught:
            function(text)
        assert str(caught.value) == reason


def test_absurd_ranges_are_counted_without_being_expanded() -> None:
    assert count("s[0:999999999][0:999999999]") == 10**18


@given(first=st.integers(0, 500), length=st.integers(0, 50), step=st.integers(1, 7), width=st.integers(0, 5))
def test_a_range_is_pythons_range_with_both_ends(first: int, length: int, step: int, width: int) -> None:
    last = first + length
    width = max(width, len(str(last))) if width else 0
    expected = [f"s{str(n).zfill(width)}" for n in range(first, last + 1, step)]
    assert names(f"s[{str(first).zfill(width)}:{str(last).zfill(width)}:{step}]") == expected


@given(text=st.text(alphabet="s[]:-0159ab", max_size=12))
def test_any_text_expands_as_often_as_it_counts_or_is_refused(text: str) -> None:
    try:
        number = count(text)
    except ValueError:
        return
    if number < 1000:
        assert len(names(text)) == number


@pytest.mark.parametrize("text", ["slave-5000", "127.0.0.1#5000", "a b", "ä", "_all_", "x" * MAX_NAME_BYTES, "::1"])
def test_names_that_may_be_folders(text: str) -> None:
    assert check_folder_name(text) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the name '' is not allowed"),
        (".", "the name '.' is not allowed"),
        ("..", "the name '..' is not allowed"),
        ("a/b", "the name 'a/b' is not allowed: it contains a slash"),
        ("a\\b", "the name 'a\\\\b' is not allowed: it contains a backslash"),
        ("a\0b", "the name 'a\\x00b' is not allowed: it contains a NUL"),
        (".hidden", "names that begin with a dot are ignored below `remote`"),
        ("_all", "`_all` is the folder of every slave"),
        ("x" * 256, "it is longer than 255 bytes"),
        ("é" * 128, "it is longer than 255 bytes"),
        ("a\nb", "it has characters that a registration can't carry (control characters, or beyond ISO-8859-1)"),
        ("€", "it has characters that a registration can't carry (control characters, or beyond ISO-8859-1)"),
    ],
)
def test_names_that_may_not(text: str, reason: str) -> None:
    for check in (check_folder_name, check_member_name):
        with pytest.raises(ValueError) as caught:
            check(text)
        assert str(caught.value) == reason


@pytest.mark.parametrize("text", ["slave-5000", "192.0.2.1", "fe80::1", "fe80::1%eth0", "a_b.c", "5000", "(a)", "ä"])
def test_names_of_hosts_and_groups(text: str) -> None:
    assert check_member_name(text) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        *((f"{c}a", f"`{c}` at its beginning means something else in patterns and options") for c in "!&~-@"),
        *((f"a{c}b", f"`{c}` is not allowed in it") for c in ",*?[]{}#@\"'`$ \u00a0"),
        ("slave:22", "a colon only stands in IPv6 addresses; ports are variables"),
    ],
)
def test_names_that_would_mean_something_else(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        check_member_name(text)
    assert str(caught.value) == reason
