from __future__ import annotations

import os
from pathlib import Path

import pytest

from sync_core.agent.own_folder import make_own, open_own, opener
from sync_core.agent.state import HostState
from sync_core.model.errors import StateError
from tests.support.agents import state_of

NOBODY = 65534

for_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders away")


def test_what_is_made_is_written_by_us_alone_and_read_by_us_alone_where_an_agent_is(tmp_path: Path) -> None:
    before = os.umask(0o002)
    try:
        state = state_of(tmp_path / "state", "h")
    finally:
        os.umask(before)
    assert [path.stat().st_mode & 0o777 for path in (state.folder, state.folder.parent)] == [0o700, 0o755]


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o1777])
@pytest.mark.parametrize("of_host", [False, True])
def test_a_folder_that_others_may_write_to_is_refused(tmp_path: Path, mode: int, of_host: bool) -> None:
    state = state_of(tmp_path / "state", "h")
    open_one = state.folder if of_host else state.folder.parent
    open_one.chmod(mode)
    for use in (state.create, state.record, state.status, lambda: state.claim("/i/jsync.yaml")):
        with pytest.raises(StateError, match="others may write to") as caught:
            use()
        assert caught.value.hint == f"chmod 700 {open_one}"
    open_one.chmod(0o755)  # others may look
    state.create()


@for_root
def test_the_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    state = state_of(tmp_path / "state", "h")
    os.chown(state.folder.parent, NOBODY, NOBODY)
    for use in (state.create, state.record):
        with pytest.raises(StateError, match=f"belongs to the user {NOBODY}"):
            use()


@for_root
def test_root_finds_the_agent_of_a_user(tmp_path: Path) -> None:
    state = state_of(tmp_path / "state", "h")
    state.write_status({"a": 1})
    os.chown(state.folder, NOBODY, NOBODY)
    assert state.status() == {"a": 1}


def test_a_link_in_the_place_of_a_hosts_folder_leads_nowhere(tmp_path: Path) -> None:
    other = state_of(tmp_path / "other", "h")
    other.write_status({"a": 1})
    make_own(tmp_path / "state")
    (tmp_path / "state" / "h").symlink_to(other.folder)
    state = HostState(tmp_path / "state", "h")
    assert state.status() == {}
    with pytest.raises(StateError, match="can't be made: Not a directory"):
        state.create()


def test_the_state_folder_itself_may_be_reached_by_a_link(tmp_path: Path) -> None:
    make_own(tmp_path / "disk")
    (tmp_path / "state").symlink_to(tmp_path / "disk")
    with open_own(tmp_path / "state") as fd:
        assert os.fstat(fd).st_ino == (tmp_path / "disk").stat().st_ino
    state_of(tmp_path / "state", "h").write_status({"a": 1})
    assert HostState(tmp_path / "disk", "h").status() == {"a": 1}


def test_a_file_is_opened_where_it_is_and_for_its_owner(tmp_path: Path) -> None:
    place = tmp_path / "file"
    with open(place, "w", opener=opener) as file:
        file.write("a")
    assert place.stat().st_mode & 0o777 == 0o600
    (tmp_path / "link").symlink_to(place)
    with pytest.raises(OSError, match="symbolic links"):
        open(tmp_path / "link", opener=opener)  # noqa: SIM115 - likewise
