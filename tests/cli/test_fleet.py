from __future__ import annotations

import pytest

from cli.fleet import HostProgress
from cli.tables import Styled
from sync_core.fleet.each import Outcome


@pytest.fixture
def progress() -> HostProgress:
    return HostProgress(["a", "b", "c", "d"])


def test_progress_shows_who_is_waited_for_and_who_is_not_well(progress: HostProgress) -> None:
    for host in "abc":
        progress.started(host)
    progress.ended("a", Outcome.OK)
    progress.ended("b", Outcome.UNREACHABLE)
    table = progress.table(10)
    assert table.columns[0] == "2 OF 4"
    assert [(row[0], row[1].text if isinstance(row[1], Styled) else "") for row in table.rows] == [
        ("c", "0 s"),
        ("b", "unreachable"),
    ]


def test_progress_fits_the_screen(progress: HostProgress) -> None:
    for host in "abcd":
        progress.started(host)
    assert len(progress.table(2).rows) == 2
