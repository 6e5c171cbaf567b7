from __future__ import annotations

import os
import time

import pytest

from sync_core.agent.answers import answer_time, error_answer, refusal, state_attributes, utc_offset_s
from sync_core.model.errors import FileTroubleError, JsyncError, RootVanishedError
from sync_core.model.inventory import Host, Role
from tests.support.net import a_host


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (RootVanishedError("the folder /r is not there"), "SCHEDULER-882", "the folder /r is not there"),
        (FileTroubleError("a can't be read"), "file", "file  a can't be read"),
        (JsyncError("something"), "error", "error  something"),
    ],
)
def test_our_errors_become_error_answers(error: JsyncError, code: str, text: str) -> None:
    answer = refusal(error)
    assert answer.code == code
    assert text in answer.text
    assert answer.text.startswith(f"{code}  ")
    assert answer.time


def test_an_error_of_the_catalogue_has_its_text() -> None:
    assert error_answer("SCHEDULER-457", "10.0.0.7").text.startswith("SCHEDULER-457  ")


def test_times_are_local_and_of_now() -> None:
    stamp = answer_time()
    read = time.mktime(time.strptime(stamp.partition(".")[0], "%Y-%m-%d %H:%M:%S"))
    assert abs(read - time.time()) < 60
    assert utc_offset_s(0.0) == (time.localtime(0).tm_gmtoff or 0)


@pytest.mark.parametrize(
    ("host", "ip"),
    [
        (a_host("m", role=Role.MASTER, address="10.0.0.5"), "10.0.0.5"),
        (a_host("m", role=Role.MASTER, address="aragorn.sos"), ""),
        (a_host("m", role=Role.MASTER, address="aragorn.sos", listen="10.0.0.6"), "10.0.0.6"),
    ],
)
def test_state_says_who_we_are(host: Host, ip: str) -> None:
    values = state_attributes(host, version="1.3.12", started_at=0.0, config_file="/i.yaml")
    assert values["id"] == values["spooler_id"] == "m"
    assert (values["tcp_port"], values["udp_port"], values["pid"]) == ("4440", "0", str(os.getpid()))
    assert (values["config_file"], values["ip_address"]) == ("/i.yaml", ip)


def test_the_state_of_a_slave_has_its_wake_up_port() -> None:
    values = state_attributes(a_host("s"), version="1.3.12", started_at=0.0, config_file="/i.yaml")
    assert (values["tcp_port"], values["udp_port"]) == ("5000", "5000")
