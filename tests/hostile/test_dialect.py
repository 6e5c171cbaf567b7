"""What a master must endure in our own dialect; the cases are files in ``dialect``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.hostile.cases import Case, parameters
from tests.hostile.driver import Target

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("hostile-dialect")]


@parameters("dialect")
def test_it_endures(case: Case, target: Callable[[str], Target]) -> None:
    asyncio.run(target("master").endure(case))
