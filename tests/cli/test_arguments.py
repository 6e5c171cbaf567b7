from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.app import parse
from cli.arguments import asks_for_json, command_of, options_after_command
from cli.command import Parsed
from cli.commands import all_commands


@pytest.mark.parametrize(
    ("argv", "moved"),
    [
        ([], []),
        (["status"], ["status"]),
        (["-o", "json", "status", "-q"], ["status", "-o", "json", "-q"]),
        (["-ojson", "status"], ["status", "-ojson"]),
        (["--output=json", "status", "x"], ["status", "--output=json", "x"]),
        (["-vvq", "status"], ["status", "-vvq"]),
        (["-qo", "json", "status"], ["status", "-qo", "json"]),
        (["-vqi", "file", "status"], ["status", "-vqi", "file"]),
        (["--inventory", "status", "logs"], ["logs", "--inventory", "status"]),
        (["-q", "--version"], ["--version"]),
        (["-q", "--help", "status"], ["--help", "status", "-q"]),
        (["--nonsense", "-q", "status"], ["--nonsense", "status", "-q"]),
        (["-qh", "status"], ["-qh", "status"]),
        (["-o"], []),
        (["-q", "--", "status", "--", "x"], ["status", "-q", "--", "x"]),
        (["-", "x"], ["-", "x"]),
    ],
)
def test_common_options_move_behind_the_command(argv: list[str], moved: list[str]) -> None:
    assert options_after_command(argv) == moved


@pytest.mark.parametrize(
    ("argv", "command"),
    [([], None), (["-q"], None), (["-o", "json", "diff", "x"], "diff"), (["-l", "diff", "up"], "up"), (["--"], None)],
)
def test_command_of(argv: list[str], command: str | None) -> None:
    assert command_of(argv) == command


@pytest.mark.parametrize(
    "argv",
    [
        ["x", "-o", "json"],
        ["-ojson", "x"],
        ["x", "--output", "json"],
        ["x", "--output=json"],
        ["x", "-qojson"],
        ["x", "-vvo", "json"],
        ["logs", "-fo", "json"],
        ["x", "-o", "table", "--nonsense", "-o", "json"],
    ],
)
def test_json_is_asked_for(argv: list[str]) -> None:
    assert asks_for_json(argv)


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["x", "-o"],
        ["x", "-o", "table"],
        ["x", "--", "-o", "json"],
        ["x", "--output"],
        ["x", "--no", "json"],
        ["-fo"],
    ],
)
def test_json_is_not_asked_for(argv: list[str]) -> None:
    assert not asks_for_json(argv)


_WORDS = st.text("abz019_*&!~[]:,", min_size=1, max_size=8)
_COMMON = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["-i", "--inventory"]), _WORDS),
        st.tuples(st.sampled_from(["-l", "--limit"]), _WORDS),
        st.tuples(st.sampled_from(["-o", "--output"]), st.sampled_from(["table", "json"])),
        st.tuples(st.just("--color"), st.sampled_from(["auto", "always", "never"])),
        st.tuples(st.sampled_from(["-q", "--quiet", "-v", "-vv", "-qv", "--verbose", "-qojson", "--output=json"])),
        _WORDS.map(lambda word: (f"--limit={word}",)),
        _WORDS.map(lambda word: (f"-vl{word}",)),
    ),
    max_size=5,
    unique_by=lambda words: words[0][:2] in {"-i"} or words[0].startswith("--inventory"),
)


@settings(max_examples=60)  # a whole parser is built for each
@given(before=_COMMON, after=_COMMON, patterns=st.lists(_WORDS, max_size=2))
def test_options_mean_the_same_before_and_after_the_command(
    before: list[tuple[str, ...]], after: list[tuple[str, ...]], patterns: list[str]
) -> None:
    first, second = ([word for words in group for word in words] for group in (before, after))
    spread = _parsed([*first, "check-ports", *second, *patterns])
    behind = _parsed(["check-ports", *first, *second, *patterns])
    assert spread == behind
    assert command_of([*first, "check-ports", *second]) == "check-ports"


def _parsed(argv: list[str]) -> Parsed | str:
    try:
        parsed = parse(argv, all_commands())
    except Exception as error:  # both places must be refused in the same words
        return str(error)
    assert isinstance(parsed, Parsed)
    return parsed
