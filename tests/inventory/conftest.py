"""Properties are about results, never about speed: no deadlines for the examples. And one Ansible to compare with."""

from __future__ import annotations

import pytest
from hypothesis import settings

from tests.support.ansible import Ansible, installed

settings.register_profile("inventory", deadline=None)
settings.load_profile("inventory")


@pytest.fixture(scope="session")
def ansible(tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    """Return the real Ansible, or skip where it can't be installed."""
    return installed(tmp_path_factory.mktemp("ansible"))
