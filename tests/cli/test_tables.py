from __future__ import annotations

import pytest

from cli.tables import Style, Styled, Table, render

_TABLE = Table(
    columns=("HOST", "STATE", "FILES"),
    rows=(
        ("scheduler-4440", Styled("running", Style.GOOD), "16"),
        ("slave-5000\x1b[2J", Styled("stopped", Style.BAD), ""),
    ),
    right=frozenset({"FILES"}),
)


def test_plain_lines_are_aligned_without_blanks_at_their_end() -> None:
    assert render(_TABLE, color=False, is_terminal=False) == (
        "HOST               STATE    FILES\nscheduler-4440     running     16\nslave-5000\\x1b[2J  stopped\n"
    )


def test_colour_is_escape_sequences_around_the_cells() -> None:
    text = render(_TABLE, color=True, is_terminal=False)
    assert "\x1b[32mrunning\x1b[0m" in text
    assert "\x1b[2J" not in text


def test_nothing_is_wrapped_or_shortened_where_there_is_no_terminal() -> None:
    wide = "x" * 3000
    assert render(Table(columns=("A", "B"), rows=((wide, wide),)), color=False, is_terminal=False).splitlines()[1] == (
        f"{wide}  {wide}"
    )


def test_a_terminal_gets_folded_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    lines = render(Table(columns=("A",), rows=(("word " * 20,),)), color=False, is_terminal=True).splitlines()
    assert max(map(len, lines)) <= 30
    assert " ".join(" ".join(lines[1:]).split()) == ("word " * 20).strip()


def test_wide_characters_count_twice() -> None:
    table = Table(columns=("A", "B"), rows=(("日本", "x"), ("ab", "y")))
    assert render(table, color=False, is_terminal=False) == "A     B\n日本  x\nab    y\n"


def test_brackets_are_text() -> None:
    assert "[bold]x[/bold] :smile:" in render(
        Table(columns=("A",), rows=(("[bold]x[/bold] :smile:",),)), color=False, is_terminal=False
    )
