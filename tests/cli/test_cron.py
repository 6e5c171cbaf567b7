from __future__ import annotations

from pathlib import Path

import filelock
import pytest

from cli.command import Call
from cli.cron import in_its_turn
from cli.output import Sink, Streams
from cli.settings import Settings
from sync_core.model.errors import StateError, UsageError
from tests.support.cli import Stream, run_cli


def a_call(folder: Path, *, lock_timeout_s: float | None = None, splay_s: float = 0, inventory: str = "a") -> Call:
    settings = Settings(
        inventories=(folder / inventory,) if inventory else (), lock_timeout_s=lock_timeout_s, splay_s=splay_s
    )
    environ = {"JSYNC_STATE_DIR": str(folder / "state")}
    return Call(settings=settings, sink=Sink(Streams(Stream(), Stream()), settings, environ), environ=environ)


def test_without_the_options_nothing_is_waited_for_and_nothing_made(tmp_path: Path) -> None:
    with in_its_turn(a_call(tmp_path), "diff", sleep=lambda _: pytest.fail("it waits")):
        pass
    assert not (tmp_path / "state").exists()


def test_a_random_pause(tmp_path: Path) -> None:
    pauses: list[float] = []
    for _ in range(20):
        with in_its_turn(a_call(tmp_path, splay_s=5), "diff", sleep=pauses.append):
            pass
    assert all(0 <= pause <= 5 for pause in pauses)
    assert len(set(pauses)) > 1


def test_one_at_a_time_of_the_same_command_and_inventory(tmp_path: Path) -> None:
    with in_its_turn(a_call(tmp_path, lock_timeout_s=0), "diff"):
        with (
            pytest.raises(StateError, match="another `jsync diff`"),
            in_its_turn(a_call(tmp_path, lock_timeout_s=0), "diff"),
        ):
            pass
        with in_its_turn(a_call(tmp_path, lock_timeout_s=0), "status"):
            pass
        with in_its_turn(a_call(tmp_path, lock_timeout_s=0, inventory="b"), "diff"):
            pass
        with in_its_turn(a_call(tmp_path), "diff"):
            pass
    with in_its_turn(a_call(tmp_path, lock_timeout_s=0), "diff"):
        pass


def test_the_lock_is_given_back_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), in_its_turn(a_call(tmp_path, lock_timeout_s=0), "diff"):
        raise ZeroDivisionError
    with in_its_turn(a_call(tmp_path, lock_timeout_s=0), "diff"):
        pass


def test_a_lock_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(StateError, match="state folder"), in_its_turn(a_call(tmp_path, lock_timeout_s=0), "diff"):
        pass
    (tmp_path / "state").unlink()
    with in_its_turn(a_call(tmp_path, lock_timeout_s=0), "diff"):
        pass
    [lock] = (tmp_path / "state").iterdir()
    lock.unlink()
    lock.mkdir()
    with pytest.raises(StateError, match="can't be made"), in_its_turn(a_call(tmp_path, lock_timeout_s=0), "diff"):
        pass


def test_without_an_inventory_there_is_nothing_to_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with (
        pytest.raises(UsageError, match="no inventory"),
        in_its_turn(a_call(tmp_path, lock_timeout_s=0, inventory=""), "diff"),
    ):
        pass


def test_on_the_command_line(tmp_path: Path) -> None:
    environ = {"JSYNC_STATE_DIR": str(tmp_path), "JSYNC_INVENTORY": "/nowhere.yaml"}
    assert run_cli("--splay", "0.01", "diff", "slaves", "--lock-timeout", "0", environ=environ).exit_code == 2
    [lock] = tmp_path.iterdir()
    with filelock.FileLock(lock):
        result = run_cli("--lock-timeout=0", "diff", "slaves", "-o", "json", environ=environ)
    assert (result.exit_code, result.document["error"]["code"]) == (2, "state")
    assert run_cli("validate", "--splay", "1", environ=environ).exit_code == 2
