from __future__ import annotations

import pytest

from sync_core.fleet.places import connection_of
from sync_core.model.inventory import Connection
from tests.support.net import a_host


@pytest.mark.parametrize(
    ("address", "declared", "expected"),
    [
        ("127.0.0.1", None, Connection.LOCAL),
        ("127.9.9.9", None, Connection.LOCAL),
        ("::1", None, Connection.LOCAL),
        ("localhost", None, Connection.LOCAL),
        ("192.0.2.1", None, Connection.SSH),
        ("nobody.invalid", None, Connection.SSH),
        ("a" * 64 + ".invalid", None, Connection.SSH),
        ("192.0.2.1", Connection.LOCAL, Connection.LOCAL),
        ("127.0.0.1", Connection.NONE, Connection.NONE),
    ],
)
def test_where_a_host_is(address: str, declared: Connection | None, expected: Connection) -> None:
    host = a_host("h", address=address, connection=declared)
    assert connection_of(host) is expected
