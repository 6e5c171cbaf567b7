"""A table that changes while something goes on: on a terminal only, on stderr, and gone when it is over."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from cli.output import Sink
from cli.tables import Table, render

__all__ = ["live_table"]

_PER_SECOND = 8


@contextlib.contextmanager
def live_table(sink: Sink, table_of: Callable[[int], Table]) -> Iterator[None]:
    """Show a table again and again until the body ends, if somebody looks and sees nothing else meanwhile.

    Args:
        sink: says where, and whether in colour.
        table_of: makes the table of now, with at most so many rows.
    """
    if sink.settings.is_quiet or sink.settings.verbosity or not sink.streams.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(file=sink.streams.stderr, highlight=False, markup=False, emoji=False)

    def screen() -> Text:
        table = table_of(max(console.height - 3, 1))
        return Text.from_ansi(render(table, color=sink.color, is_terminal=False), no_wrap=True, overflow="ellipsis")

    with Live(console=console, get_renderable=screen, refresh_per_second=_PER_SECOND, transient=True):
        yield
