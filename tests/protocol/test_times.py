from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.errors import RemoteProtocolError
from sync_core.protocol.times import (
    MAX_TIME_S,
    format_answer_time,
    format_last_write_time,
    format_log_insertion,
    format_second,
    is_schema_time,
    parse_time,
    within_reach,
)

MOMENT = 1795485600  # 2026-11-24T02:00:00Z


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-24T02:00:00.000Z", MOMENT),
        ("2026-11-24T02:00:00Z", MOMENT),
        ("2026-11-24 02:00:00", MOMENT),
        ("2026-11-24T02:00:00.123456Z", MOMENT),
        ("2026-11-24T02:00:00.Z", MOMENT),
        ("2026-11-24T02:00:00+0000", MOMENT),
        (" 2026-11-24T02:00Z\n", MOMENT),
        ("2026-11-24", MOMENT - 7200),
        ("", 0),
        ("  ", 0),
        ("1970-01-01T00:00:00Z", 0),
        ("1969-12-31T23:59:59Z", 0),
        ("0001-01-01T00:00:00Z", 0),
        ("9999-12-31T23:59:59.999Z", MAX_TIME_S),
        ("00:00:01", 1),
        ("2399:59:59.000Z", 8_639_999),
    ],
)
def test_times_are_read_leniently(text: str, seconds: int) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-24T02:00:00+01:00",
        "2026-11-24T02:00:00+0100",
        "2026-11-24T02:00:00-0000",
        "nonsense",
        "now",
        "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-11-24T24:00:00Z",
        "2026-11-24T02:00:60Z",
        "0000-01-01T00:00:00Z",
        "20260-01-01T00:00:00Z",
        "2026-11-24T02",
        "２０２６-11-24T02:00:00Z",
        "1\x1b[31m",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(RemoteProtocolError, match="is not understood") as caught:
        parse_time(text)
    assert caught.value.answer_code == "LIBXML2-007"
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-24T02:00:00.000Z", True),
        ("2026-11-24T02:00:00", True),
        ("2026-11-24 02:00:00", False),
        ("2026-11-24T02:00:00.", False),
        ("", False),
        ("nonsense", False),
        ("2026-11-24T02:00:00+01:00", False),
        ("00:00:01", True),  # no schema takes it, but real slaves write it for the first days of 1970
    ],
)
def test_lists_need_a_form_that_real_slaves_write(text: str, expected: bool) -> None:
    assert is_schema_time(text) is expected


def test_formats_are_those_of_1_3() -> None:
    assert format_last_write_time(MOMENT) == "2026-11-24T02:00:00.000Z"
    assert format_log_insertion(MOMENT) == "2026-11-24 02:00:00.000 UTC"
    assert format_answer_time(MOMENT + 4581.992, 0) == "2026-11-24 03:16:21.992"
    assert format_answer_time(MOMENT, 3600) == "2026-11-24 03:00:00.000"
    assert format_second(MOMENT + 4581.992, -3600) == "2026-11-24 02:16:21"


@pytest.mark.parametrize("seconds", [-1, -(10**30)])
def test_times_before_the_epoch_become_the_epoch(seconds: int) -> None:
    assert format_last_write_time(seconds) == "1970-01-01T00:00:00.000Z"


@pytest.mark.parametrize("seconds", [MAX_TIME_S, MAX_TIME_S + 1, 10**30])
def test_times_beyond_four_digits_become_the_last_second(seconds: int) -> None:
    assert format_last_write_time(seconds) == "9999-12-31T23:59:59.000Z"


@pytest.mark.parametrize("clock", [math.nan, -math.inf, math.inf])
def test_a_mad_clock_does_no_harm(clock: float) -> None:
    assert len(format_answer_time(clock, 0)) == len("2026-11-24 03:16:21.992")


@given(st.integers(0, MAX_TIME_S))
def test_what_is_written_is_read_back(seconds: int) -> None:
    written = format_last_write_time(seconds)
    assert is_schema_time(written)
    assert parse_time(written) == seconds
    assert parse_time(format_log_insertion(seconds).removesuffix(" UTC")) == seconds


@given(st.text())
def test_any_text_is_a_time_or_a_protocol_error(text: str) -> None:
    try:
        assert 0 <= parse_time(text) <= MAX_TIME_S
    except RemoteProtocolError as error:
        assert str(error).isprintable()


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-5, "1970-04-12T00:00:00.000Z"),
        (0, "1970-04-12T00:00:00.000Z"),
        (101 * 86_400, "1970-04-12T00:00:00.000Z"),
        (1_700_000_000, "2023-11-14T22:13:20.000Z"),
        (2**31 - 1, "2038-01-19T03:14:07.000Z"),
        (2**31, "2038-01-19T03:14:07.000Z"),
        (MAX_TIME_S, "2038-01-19T03:14:07.000Z"),
    ],
)
def test_times_are_brought_within_a_real_peers_reach(seconds: int, expected: str) -> None:
    assert format_last_write_time(within_reach(seconds)) == expected
