from __future__ import annotations

import os
import time
from typing import get_args

import pytest

from sync_core.agent.answers import (
    answer_time,
    cluster_answer,
    error_answer,
    level_needed,
    other_answer,
    refusal,
    state_attributes,
    utc_offset_s,
)
from sync_core.model.errors import FileTroubleError, JsyncError, RootVanishedError
from sync_core.model.inventory import Host, Role
from sync_core.model.security import Level
from sync_core.protocol.messages import (
    CheckFolders,
    ErrorAnswer,
    FetchConfiguration,
    FetchDifferences,
    FetchUpdatedFiles,
    GetParam,
    GetParams,
    ListFiles,
    OkAnswer,
    OtherAnswer,
    OtherCommand,
    Register,
    RemoteScheduler,
    Request,
    ShowCluster,
    ShowState,
    StateAnswer,
)
from tests.support.agents import a_registration
from tests.support.net import a_host


@pytest.mark.parametrize(
    ("request_", "level"),
    [
        (CheckFolders(), Level.INFO),
        (ShowState(), Level.INFO),
        (ListFiles(), Level.INFO),
        (a_registration(), Level.NO_ADD),
        (FetchUpdatedFiles(), Level.INFO),  # capture 09: SCHEDULER-457 comes before -121
        (ShowCluster(), Level.INFO),
        (GetParam(name="x"), Level.INFO),
        (GetParams(), Level.INFO),
        (OtherCommand(name="show_jobs"), Level.INFO),
        (OtherCommand(name="terminate"), Level.NO_ADD),
        (OtherCommand(name="modify_order"), Level.NO_ADD),
        (OtherCommand(name="add_jobs"), Level.ALL),
        (FetchDifferences(), Level.NO_ADD),
        (FetchConfiguration(scheduler_id="s"), Level.NO_ADD),
    ],
)
def test_each_command_needs_the_level_of_section_10(request_: Request, level: Level) -> None:
    assert level_needed(request_) is level


def test_no_command_is_without_a_level() -> None:
    samples: dict[object, Request] = {
        Register: a_registration(),
        FetchConfiguration: FetchConfiguration(scheduler_id="s"),
        GetParam: GetParam(name="x"),
        OtherCommand: OtherCommand(name="terminate"),
    }
    for kind in get_args(Request):
        sample: Request = samples.get(kind) or kind()
        assert level_needed(sample) >= Level.INFO


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


def test_the_cluster_is_the_state_s_remote_schedulers() -> None:
    state = StateAnswer(
        attributes={"id": "m"},
        remote_schedulers=(RemoteScheduler(attributes={"ip": "10.0.0.7"}),),
        connected=1,
        active=1,
        with_remote_schedulers=True,
    )
    answer = cluster_answer(state)
    assert (answer.remote_schedulers, answer.connected, answer.active) == (state.remote_schedulers, 1, 1)
    assert answer.with_remote_schedulers


def test_what_only_a_jobscheduler_can_do() -> None:
    assert other_answer(GetParam(name="x")) == OkAnswer()
    assert other_answer(GetParams()) == OtherAnswer(element="params")
    refused = other_answer(OtherCommand(name="terminate"))
    assert isinstance(refused, ErrorAnswer)
    assert refused.text == "SCHEDULER-105  Unknown command 'terminate'"
