from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from sync_core.fleet.install.target import Target
from sync_core.fleet.install.wheels import Wheel, WheelStore
from sync_core.model.errors import HostError
from tests.support.wheels import a_pip, a_wheel

TARGET = Target(python="/usr/bin/python3", version=(3, 12), abi="cp312", platforms=("manylinux_2_36_x", "linux_x"))


def fetch(store: WheelStore, *targets: Target) -> list[tuple[Wheel, ...]]:
    async def main() -> list[tuple[Wheel, ...]]:
        return list(await asyncio.gather(*map(store.wheels_for, targets or (TARGET,))))

    return asyncio.run(main())


def asked(folder: Path) -> list[str]:
    file = folder / "asked"
    return file.read_text().splitlines() if file.exists() else []


def test_they_are_fetched_once_for_all_and_kept(tmp_path: Path) -> None:
    pip = a_pip(tmp_path, a_wheel(tmp_path / "src", version="1.0"), a_wheel(tmp_path / "src", version="0.9"))
    (one, two) = fetch(WheelStore(tmp_path / "store", pip=pip), TARGET, TARGET)
    assert one == two
    assert [wheel.path.name for wheel in one] == ["jsync-0.9-py3-none-any.whl", "jsync-1.0-py3-none-any.whl"]
    assert [wheel.path.stat().st_size for wheel in one] == [wheel.size_bytes for wheel in one]
    assert fetch(WheelStore(tmp_path / "store", pip=("false",))) == [one]
    (line,) = asked(tmp_path)
    assert "--python-version 3.12 --platform manylinux_2_36_x --platform linux_x " in line
    assert line.endswith("-py3-none-any.whl pip")
    assert [path.name for path in (tmp_path / "store").iterdir() if path.name.startswith(".")] == []


def test_a_set_that_is_not_what_it_was_is_fetched_again(tmp_path: Path) -> None:
    pip = a_pip(tmp_path, a_wheel(tmp_path / "src"))
    ((wheel,),) = fetch(WheelStore(tmp_path / "store", pip=pip))
    data = wheel.path.read_bytes()
    wheel.path.write_bytes(data[:-1])
    assert fetch(WheelStore(tmp_path / "store", pip=pip)) == [(wheel,)]
    assert wheel.path.read_bytes() == data
    (wheel.path.parent / "wheels.json").write_text("broken")
    fetch(WheelStore(tmp_path / "store", pip=pip))
    assert len(asked(tmp_path)) == 3


def test_sets_of_other_versions_go(tmp_path: Path) -> None:
    (tmp_path / "store" / f"{TARGET.tag}-other").mkdir(parents=True)
    (tmp_path / "store" / "cp311-else").mkdir()
    fetch(WheelStore(tmp_path / "store", pip=a_pip(tmp_path, a_wheel(tmp_path / "src"))))
    names = {path.name for path in (tmp_path / "store").iterdir()}
    assert f"{TARGET.tag}-other" not in names
    assert "cp311-else" in names
    assert len(names) == 2


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import sys; sys.exit('WARNING: w\\nERROR: first\\nERROR: no wheel for\\x1b x')", "no wheel for? x"),
        ("import sys; sys.exit('/usr/bin/python: No module named pip')", "No module named pip"),
        ("import sys; sys.exit(3)", "pip says nothing"),
    ],
)
def test_why_they_cant_be_had_is_told(tmp_path: Path, program: str, words: str) -> None:
    store = WheelStore(tmp_path / "store", pip=(sys.executable, "-c", program))
    with pytest.raises(HostError, match="can't be fetched") as caught:
        fetch(store)
    assert str(caught.value).endswith(words)
    assert list((tmp_path / "store").iterdir()) == []


def test_a_folder_that_cant_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("in the way")
    with pytest.raises(HostError, match="store can't be made: File exists"):
        fetch(WheelStore(tmp_path / "store", pip=("false",)))


def test_whoever_gives_up_leaves_nothing_running(tmp_path: Path) -> None:
    store = WheelStore(tmp_path / "store", pip=(sys.executable, "-c", "import time; time.sleep(60)"))

    async def main() -> None:
        async with asyncio.timeout(0.5):
            await store.wheels_for(TARGET)

    with pytest.raises(TimeoutError):
        asyncio.run(main())
    assert [path.name for path in (tmp_path / "store").glob("*")] == []
