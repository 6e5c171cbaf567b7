from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import run_cli

_EXAMPLE = Path(__file__).parents[3] / "cli" / "example"


def _tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_writes_the_example(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "demo"
    result = run_cli("init", str(folder))
    assert result.exit_code == 0
    assert _tree(folder) == _tree(_EXAMPLE)
    assert result.out.splitlines() == sorted(f"wrote {folder / path}" for path in _tree(_EXAMPLE))
    assert f"`cd {folder} && jsync up`" in result.err


def test_the_inventory_is_valid(tmp_path: Path) -> None:
    run_cli("init", str(tmp_path))
    result = run_cli("validate", "-i", str(tmp_path / "jsync.yaml"))
    assert (result.exit_code, result.err) == (0, "")
    assert result.out.endswith("is valid: 1 master, 2 slaves\n")


def test_the_example_looks_like_a_jobscheduler_s_folder() -> None:
    files = _tree(_EXAMPLE)
    assert {"remote/_all/reports/daily.job_chain.xml", "remote/127.0.0.1#5000/reports/send.job.xml"} <= set(files)
    documents = {name: content for name, content in files.items() if name.endswith(".xml")}
    assert all(text.startswith(b'<?xml version="1.0" encoding="ISO-8859-1"?>\n') for text in documents.values())
    kinds = {name.rsplit(".", 2)[1] for name in documents}
    assert kinds == {"job", "job_chain", "order", "lock", "process_class", "schedule"}


def test_writes_here_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run_cli("init", "-q")
    assert (result.exit_code, result.out, result.err) == (0, "", "")
    assert _tree(tmp_path) == _tree(_EXAMPLE)


def test_check_writes_nothing(tmp_path: Path) -> None:
    result = run_cli("init", str(tmp_path / "demo"), "--check")
    assert (result.exit_code, result.err) == (0, "")
    assert f"would write {tmp_path}/demo/jsync.yaml\n" in result.out
    assert list(tmp_path.iterdir()) == []


def test_json(tmp_path: Path) -> None:
    document = run_cli("init", str(tmp_path), "-o", "json").document
    assert document["schema"] == "jsync.init/1"
    assert (document["folder"], document["is_check"]) == (str(tmp_path), False)
    assert f"{tmp_path}/jsync.yaml" in document["written"]


@pytest.mark.parametrize("name", ["jsync.yaml", "remote"])
@pytest.mark.parametrize("option", [(), ("-C",)])
def test_nothing_is_overwritten(tmp_path: Path, name: str, option: tuple[str, ...]) -> None:
    (tmp_path / name).symlink_to("nowhere")
    result = run_cli("init", str(tmp_path), *option)
    assert (result.exit_code, result.out) == (2, "")
    assert result.err.startswith(f"jsync: {tmp_path / name} exists, and init overwrites nothing\n  hint: ")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run_cli("init", str(tmp_path / "file" / "below"))
    assert result.exit_code == 2
    assert "can't be written: Not a directory" in result.err
