from __future__ import annotations

from typing import get_args

import pytest

from sync_core.agent.commands import cluster_answer, level_needed, other_answer
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
