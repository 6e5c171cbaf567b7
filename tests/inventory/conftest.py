"""One Ansible to compare with."""

from __future__ import annotations

import pytest

from tests.support.ansible import Ansible, installed


@pytest.fixture(scope="session")
def ansible(tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    """Return the real Ansible, or skip where it can't be installed."""
    return installed(tmp_path_factory.mktemp("ansible"))
