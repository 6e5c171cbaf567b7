"""What a master must endure by HTTP; the cases are files in ``http``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.hostile.cases import Case, parameters
from tests.hostile.driver import Target

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("hostile-http")]


@parameters("http")
def test_it_endures(case: Case, target: Callable[[str], Target]) -> None:
    asyncio.run(target("master").endure(case))
