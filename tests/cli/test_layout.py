from __future__ import annotations

from cli.layout import render, render_cut
from cli.tables import Style, Styled, Table

_TABLE = Table(
    columns=("HOST", "STATE", "FILES"),
    rows=(
        ("scheduler-4440", Styled("running", Style.GOOD), "16"),
        ("slave-5000\x1b[2J", Styled("stopped", Style.BAD), ""),
    ),
    right=frozenset({"FILES"}),
)


def test_plain_lines_are_aligned_without_blanks_at_their_end() -> None:
    assert render(_TABLE, color=False) == (
        "HOST               STATE    FILES\nscheduler-4440     running     16\nslave-5000\\x1b[2J  stopped\n"
    )


def test_colour_is_escape_sequences_around_the_cells() -> None:
    text = render(_TABLE, color=True)
    assert "\x1b[32mrunning\x1b[0m" in text
    assert "\x1b[2J" not in text


def test_nothing_is_wrapped_or_shortened_where_there_is_no_terminal() -> None:
    wide = "x" * 3000
    assert render(Table(columns=("A", "B"), rows=((wide, wide),)), color=False).splitlines()[1] == (f"{wide}  {wide}")


def test_a_terminal_gets_cells_folded_between_words() -> None:
    table = Table(columns=("A", "B"), rows=((Styled("word " * 4 + "word", Style.BAD), "x" * 20),))
    assert render(table, color=False, width=32).splitlines() == [
        "A                B",
        "word word word   xxxxxxxxxxxxxxx",
        "word word        xxxxx",
    ]
    assert "\x1b[1;31mword word\x1b[0m  " in render(table, color=True, width=32)


def test_a_terminal_that_is_too_narrow_gets_the_narrow_table() -> None:
    narrow = Table(columns=("A",), rows=(("1",), ("2",)), remarks=("why this is so", ""))
    table = Table(columns=("A", "WHY"), rows=(("1", "why this is so"), ("2", "")), narrow=narrow)
    assert render(table, color=False, width=17) == "A  WHY\n1  why this is so\n2\n"
    assert render(table, color=False, width=16) == "A\n1\n  why this is so\n2\n"
    assert render(table, color=False, width=10) == "A\n1\n  why this\n  is so\n2\n"


def test_where_columns_have_no_room_each_row_becomes_a_block() -> None:
    table = Table(
        columns=("HOST", "STATE", "FILES"),
        rows=(("scheduler-4440", "running", "16"), ("slave-5000", "stopped", "")),
        right=frozenset({"FILES"}),
        remarks=("", "its agent died"),
    )
    assert render(table, color=False, width=20).splitlines() == [
        "HOST   scheduler-444",
        "       0",
        "STATE  running",
        "FILES  16",
        "",
        "HOST   slave-5000",
        "STATE  stopped",
        "       its agent",
        "       died",
    ]


def test_a_screen_gets_what_fits() -> None:
    assert render_cut(_TABLE, color=False, width=16, height=2) == ["HOST           …", "scheduler-4440 …"]
    assert render_cut(_TABLE, color=True, width=26, height=2)[1] == "scheduler-4440     \x1b[32mrunnin\x1b[0m…"
    assert len(render_cut(_TABLE, color=False, width=80, height=9)) == 3


def test_wide_characters_count_twice() -> None:
    table = Table(columns=("A", "B"), rows=(("日本", "x"), ("ab", "y")))
    assert render(table, color=False) == "A     B\n日本  x\nab    y\n"


def test_brackets_are_text() -> None:
    assert "[bold]x[/bold] :smile:" in render(Table(columns=("A",), rows=(("[bold]x[/bold] :smile:",),)), color=False)
