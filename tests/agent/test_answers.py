from __future__ import annotations

import os
import time
from typing import get_args

import pytest

from sync_core.agent.answers import answer_time, error_answer, level_needed, refusal, state_attributes, utc_offset_s
from sync_core.model.errors import FileTroubleError, JsyncError, RootVanishedError
from sync_core.model.security import Level
from sync_core.protocol.messages import (
    CheckFolders,
    FetchConfiguration,
    FetchDifferences,
    FetchUpdatedFiles,
    ListFiles,
    Register,
    Request,
    ShowState,
)
from tests.support.agents import a_registration


@pytest.mark.parametrize(
    ("request_", "level"),
    [
        (CheckFolders(), Level.INFO),
        (ShowState(), Level.INFO),
        (ListFiles(), Level.INFO),
        (a_registration(), Level.NO_ADD),
        (FetchUpdatedFiles(), Level.NO_ADD),
        (FetchDifferences(), Level.NO_ADD),
        (FetchConfiguration(scheduler_id="s"), Level.NO_ADD),
    ],
)
def test_each_command_needs_the_level_of_section_10(request_: Request, level: Level) -> None:
    assert level_needed(request_) is level


def test_no_command_is_without_a_level() -> None:
    samples = {Register: a_registration(), FetchConfiguration: FetchConfiguration(scheduler_id="s")}
    for kind in get_args(Request):
        assert level_needed(samples.get(kind) or kind()) >= Level.INFO


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


def test_state_says_who_we_are() -> None:
    values = state_attributes(
        scheduler_id="m", version="1.3.12", tcp_port=4440, udp_port=None, started_at=0.0, config_file="/i.yaml"
    )
    assert values["id"] == values["spooler_id"] == "m"
    assert (values["tcp_port"], values["udp_port"], values["pid"]) == ("4440", "0", str(os.getpid()))
    assert values["config_file"] == "/i.yaml"
