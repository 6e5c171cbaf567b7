from __future__ import annotations

import json
from typing import Any

import pytest

from sync_core.net.far_side import firewalls
from sync_core.net.far_side.serve import Station
from tests.support.net import free_port, listening


class Talk:
    """A station, and what it said."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.station = Station(self.lines.append)

    def ask(self, do: str, **details: Any) -> dict[str, Any]:
        self.station.accept(json.dumps({"id": 7, "do": do, **details})).join(20)
        answer = json.loads(self.lines.pop())
        assert answer.pop("id") == 7
        assert isinstance(answer, dict)
        return answer


def test_every_request_is_carried_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firewalls, "read", lambda: {"nft": {"code": 0}})
    talk, port = Talk(), free_port()
    assert "127.0.0.1" in talk.ask("hello")["addresses"]
    assert talk.ask("look", protocol="udp", address="127.0.0.1", port=port) == {"listeners": [], "is_held": False}
    assert talk.ask("listen", number=1, kind="udp", address="127.0.0.1", port=port, answers={"a": "b"}) == {
        "is_listening": True
    }
    place = {"address": "127.0.0.1", "port": port, "timeout_s": 10, "source": None}
    assert talk.ask("udp", datagrams=["a"], replies=["b"], **place)["reply"] == "b"
    assert len(talk.ask("stop", number=1)["seen"]) == 1
    assert talk.ask("tcp", question=None, **place)["errno"] > 0
    assert talk.ask("resolve", name="127.0.0.1") == {"addresses": ["127.0.0.1"]}
    assert talk.ask("count", family=4, port=port)["read"] >= 0
    assert talk.ask("route", address="127.0.0.1") == {"interface": "lo"}
    assert talk.ask("firewalls") == {"tools": {"nft": {"code": 0}}}


def test_a_port_that_is_held_is_said() -> None:
    with listening(udp=True) as port:
        answer = Talk().ask("listen", number=1, kind="udp", address="127.0.0.1", port=port, answers={})
    assert answer == {"is_listening": False, "reason": "Address already in use"}


def test_what_goes_wrong_is_said() -> None:
    assert Talk().ask("stop", number=9) == {"failure": "KeyError: 9"}
    assert Talk().ask("dance")["failure"].startswith("AttributeError")
