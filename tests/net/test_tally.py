from __future__ import annotations

import logging

from sync_core.net.tally import Tally
from tests.support.net import Lines, eventually, run

LOG = logging.getLogger("sync_core.net.tally_test")


def test_the_first_line_is_written_at_once_and_the_others_are_counted() -> None:
    async def scenario(lines: Lines) -> None:
        tally = Tally(LOG, logging.WARNING, pause_s=0.01)
        for number in range(1000):
            tally.note(f"line {number}", prefix=f"peer {number}")
        assert lines.lines == [("WARNING", "peer 0", "line 0")]
        await eventually(lambda: len(lines.lines) == 2)
        assert lines.lines[1] == ("WARNING", "peer 999", "line 999 (999 like this in the last 0 s)")
        tally.note("another")
        assert len(lines.lines) == 2
        await eventually(lambda: len(lines.lines) == 3)
        assert lines.lines[2] == ("WARNING", "", "another (1 like this in the last 0 s)")
        await eventually(lambda: tally.is_quiet)
        tally.note("after a pause")
        assert lines.messages("WARNING")[3:] == ["after a pause"]
        tally.close()

    with Lines.of() as lines:
        run(scenario(lines))


def test_what_was_counted_is_not_lost_at_the_end() -> None:
    async def scenario() -> None:
        tally = Tally(LOG, logging.ERROR)
        for _ in range(3):
            tally.note("line")
        tally.close()
        tally.close()

    with Lines.of() as lines:
        run(scenario())
    assert lines.messages("ERROR") == ["line", "line (2 like this in the last 10 s)"]
