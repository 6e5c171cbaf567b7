from __future__ import annotations

import os
from pathlib import Path

import pytest

from sync_core.inventory.files import Files
from sync_core.inventory.problems import Problems
from sync_core.inventory.variable_files import VariableFiles, read_variable_files
from tests.support.inventory_files import write_files


def read(folder: Path) -> tuple[VariableFiles, Problems, Files]:
    problems = Problems("i")
    files = Files(problems)
    found = read_variable_files(folder, files, groups=["all", "g"], hosts=["a", "b.example.md"], problems=problems)
    return found, problems, files


def plain(found: VariableFiles) -> tuple[dict[str, list[object]], dict[str, list[object]]]:
    groups, hosts = (
        {name: [table.plain for table in tables] for name, tables in kind.items()}
        for kind in (found.groups, found.hosts)
    )
    return groups, hosts


def test_files_are_found_by_the_name_of_their_group_or_host(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "group_vars/all": "x_a: 1",
            "group_vars/g.yaml": "x_b: 2",
            "host_vars/a.json": '{"x_c": "é"}',
            "host_vars/b.example.md": "x_d: 4",
        },
    )
    found, problems, files = read(tmp_path)
    assert plain(found) == (
        {"all": [{"x_a": 1}], "g": [{"x_b": 2}]},
        {"a": [{"x_c": "é"}], "b.example.md": [{"x_d": 4}]},
    )
    assert found.groups["g"][0].place.file == f"{tmp_path}/group_vars/g.yaml"
    assert set(files.bases.values()) == {tmp_path}
    assert problems.warnings == ()
    assert files.is_complete


def test_a_folder_stands_for_all_files_in_it(tmp_path: Path) -> None:
    names = ["z.yml", "m", "a/deep/x.yaml", "b.json", ".hidden", "m~", "n.yml~", "o.txt", "dir.yml/x", "p.bak"]
    write_files(tmp_path, {f"group_vars/g/{name}": '{"x_n": "' + name + '"}' for name in names})
    found, problems, _ = read(tmp_path)
    assert [table.plain for table in found.groups["g"]] == [
        {"x_n": name} for name in ("a/deep/x.yaml", "b.json", "m", "z.yml")
    ]
    assert problems.warnings == ()


def test_the_first_of_several_files_counts_and_the_others_are_named(tmp_path: Path) -> None:
    write_files(tmp_path, {f"host_vars/a{ending}": f"x_e: '{ending}'" for ending in (".yml", ".json", ".yaml")})
    found, problems, _ = read(tmp_path)
    assert plain(found)[1] == {"a": [{"x_e": ".yml"}]}
    assert problems.warnings == tuple(
        f"{tmp_path}/host_vars/a{ending} is not read: a.yml comes first" for ending in (".yaml", ".json")
    )
    write_files(tmp_path, {"host_vars/a": "x_e: none"})
    assert plain(read(tmp_path)[0])[1] == {"a": [{"x_e": "none"}]}


def test_files_of_nobody_are_named(tmp_path: Path) -> None:
    names = ["all.yml", "a.yml", "gg", "all.yml.orig", ".gitkeep", "README.md", *(f"n{number}" for number in range(5))]
    write_files(tmp_path, {f"group_vars/{name}": "x: 1" if name != "all.yml" else "" for name in names})
    write_files(tmp_path, {"host_vars/g.yml": "]"})
    found, problems, files = read(tmp_path)
    assert plain(found) == ({"all": []}, {})
    assert problems.warnings == (
        f"{tmp_path}/group_vars: `a.yml`, `gg`, `n0`, `n1`, `n2` and 2 more not read: there is no group of that name",
        f"{tmp_path}/host_vars: `g.yml` not read: there is no host of that name",
    )
    assert files.is_complete


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n"])
def test_an_empty_file_is_nothing_to_speak_of(tmp_path: Path, text: str) -> None:
    write_files(tmp_path, {"group_vars/g": text})
    found, problems, files = read(tmp_path)
    assert plain(found) == ({"g": []}, {})
    assert not problems
    assert files.is_complete


def test_what_is_no_folder_is_passed_over_with_a_word(tmp_path: Path) -> None:
    write_files(tmp_path, {"group_vars": "x"})
    found, problems, _ = read(tmp_path)
    assert plain(found) == ({}, {})
    assert problems.warnings == (f"{tmp_path}/group_vars is not read: it is no folder",)


def test_faults_name_the_file_that_holds_the_value(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "group_vars/all/1.yml": "\ntcp_prot: 1",
            "group_vars/all/2.yml": "[",
            "group_vars/g": "x",
            "host_vars/a": "- 1",
        },
    )
    os.mkfifo(tmp_path / "host_vars" / "b.example.md")
    _, problems, files = read(tmp_path)
    assert [str(problem).removeprefix(f"{tmp_path}/") for problem in problems.error().problems] == [
        "group_vars/all/1.yml:1:1: unknown variable `tcp_prot` (did you mean `tcp_port`?)",
        "group_vars/all/2.yml:1:2: not YAML: expected the node content, but found '<stream end>'",
        "group_vars/g:1:1: `x` is not a mapping of variables",
        "host_vars/a:1:1: `a list` is not a mapping of variables",
        "host_vars/b.example.md:1:1: it is neither a file nor a folder",
    ]
    assert not files.is_complete


def test_folders_in_folders_end_somewhere(tmp_path: Path) -> None:
    write_files(tmp_path, {"group_vars/g/x": "x_a: 1"})
    (tmp_path / "group_vars/g/again").symlink_to(".")
    found, problems, _ = read(tmp_path)
    assert len(found.groups["g"]) == 10
    assert str(problems.error()).endswith("again:1:1: it is more than 10 folders deep")
