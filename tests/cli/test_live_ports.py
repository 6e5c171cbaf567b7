from __future__ import annotations

from dataclasses import replace

import pytest

from cli.live_ports import Progress
from cli.tables import Style, Styled
from sync_core.model.inventory import Role
from sync_core.model.probe import Verdict
from sync_core.model.required_ports import required_ports
from tests.support.net import a_host, an_inventory
from tests.support.reports import OPEN_CHECK

CHECKS = required_ports(an_inventory(a_host("master", role=Role.MASTER), a_host("slave")))


def test_what_goes_on_still_stands_first() -> None:
    progress = Progress(CHECKS, network_only=False)
    progress.note(replace(CHECKS[0]), OPEN_CHECK)  # an equal one: whoever checks has values of their own
    table = progress.table(most_rows=10)
    assert table.columns == ("FROM", "TO", "PORT", "1 OF 3")
    assert table.rows == (
        ("master", "slave", "5000/udp", Styled("…", Style.FAINT)),
        ("master", "slave", "5000/tcp", Styled("…", Style.FAINT)),
        ("slave", "master", "4440/tcp", Styled("open", Style.GOOD)),
    )
    assert len(progress.table(most_rows=2).rows) == 2


@pytest.mark.parametrize(
    ("network_only", "verdict"), [(False, Styled("no-listener", Style.BAD)), (True, Styled("open", Style.GOOD))]
)
def test_of_several_addresses_the_worst_is_shown(network_only: bool, verdict: Styled) -> None:
    progress = Progress(CHECKS[:1], network_only=network_only)
    progress.note(CHECKS[0], replace(OPEN_CHECK, verdict=Verdict.FILTERED))
    progress.note(CHECKS[0], OPEN_CHECK)
    progress.note(CHECKS[0], replace(OPEN_CHECK, address="10.9.0.7", verdict=Verdict.NO_LISTENER))
    assert progress.done == 1
    assert progress.table(most_rows=9).rows[0][-1] == verdict
