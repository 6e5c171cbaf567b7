from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from sync_core.inventory import script as module
from sync_core.inventory.script import NoProgramError, Output, ScriptError, run
from tests.support.inventory_files import write_files
from tests.support.site import eventually


def output_of(folder: Path, text: str, *arguments: str, left_s: float = 60.0) -> Output:
    write_files(folder, {"script": text})
    environ = {"PATH": os.environ["PATH"], "SITE": "north"}
    return run(folder / "script", arguments, environ=environ, deadline=time.monotonic() + left_s)


def test_a_script_gets_its_arguments_its_folder_and_the_environment(tmp_path: Path) -> None:
    output = output_of(tmp_path, '#!/bin/sh\necho "$1|$2|$SITE|$HOME"; pwd\n', "--host", "a b;$(x)")
    assert output == Output(data=f"--host|a b;$(x)|north|\n{tmp_path}\n".encode(), said=None)


def test_its_input_is_empty(tmp_path: Path) -> None:
    assert output_of(tmp_path, "#!/bin/sh\ncat\n").data == b""


def test_what_it_says_on_stderr_is_one_harmless_line(tmp_path: Path) -> None:
    output = output_of(tmp_path, "#!/bin/sh\necho; echo 1; printf ' two\\n\\n\\033[31mthree\\n' >&2\n")
    assert output == Output(data=b"\n1\n", said="two | \\x1b[31mthree")
    long = output_of(tmp_path, "#!/bin/sh\nprintf '%0200000d end' 0 >&2\n").said
    assert long is not None
    assert len(long) == 600
    assert long.startswith("…0")
    assert long.endswith("0 end")


@pytest.mark.parametrize(
    ("text", "message", "said"),
    [
        ("#!/bin/sh\necho '{}'; echo no key >&2; exit 3\n", "it ended with exit code 3", "no key"),
        ("#!/bin/sh\nkill -TERM $$\n", f"it ended by signal {int(signal.SIGTERM)}", None),
        ("#!/no/such/interpreter\n", "can't be run: No such file or directory", None),
    ],
)
def test_a_script_that_fails_gives_no_inventory(tmp_path: Path, text: str, message: str, said: str | None) -> None:
    with pytest.raises(ScriptError) as caught:
        output_of(tmp_path, text)
    assert (str(caught.value), caught.value.said) == (message, said)


def test_what_the_system_can_not_run_is_no_program(tmp_path: Path) -> None:
    write_files(tmp_path, {"script": "masters:\n"})
    (tmp_path / "script").chmod(0o755)
    with pytest.raises(NoProgramError):
        run(tmp_path / "script", [], environ={}, deadline=time.monotonic() + 60)


@pytest.mark.parametrize(
    "text",
    [
        "#!/bin/sh\nsleep 600 & echo $! >child; sleep 600\n",
        "#!/bin/sh\nsleep 600 >/dev/null 2>&1 & echo $! >child; exec >&- 2>&-; sleep 600\n",  # its streams end early
        "#!/bin/sh\nsleep 600 & echo $! >child\n",  # it ends, and somebody else keeps its streams
    ],
)
def test_a_script_that_takes_too_long_leaves_nothing_behind(tmp_path: Path, text: str) -> None:
    with pytest.raises(ScriptError) as caught:
        output_of(tmp_path, text, left_s=0.5)
    assert str(caught.value) == "it was stopped after 30 seconds"
    child = int((tmp_path / "child").read_text())
    eventually(lambda: not is_running(child), what="the child is gone")


def is_running(pid: int) -> bool:
    """Return whether the process does anything any more; who is killed and waits for init does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def test_a_script_may_not_print_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 100_000)
    with pytest.raises(ScriptError, match="it printed more than 100000 bytes"):
        output_of(tmp_path, "#!/bin/sh\necho $$ >child; exec yes\n")
    child = int((tmp_path / "child").read_text())
    eventually(lambda: not is_running(child), what="the script is gone")
