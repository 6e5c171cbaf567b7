from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from sync_core.inventory import script as script_module
from sync_core.inventory import sources as module
from sync_core.inventory.files import Files
from sync_core.inventory.problems import Problems
from sync_core.inventory.sources import Sources, read_sources
from tests.support.inventory_files import printing, write_files

ENVIRON = {"PATH": os.environ["PATH"]}


def read(folder: Path, *names: str) -> tuple[Sources, Problems, Files]:
    problems = Problems("i")
    files = Files(problems)
    sources = read_sources([folder / name for name in names], files, environ=ENVIRON, problems=problems)
    return sources, problems, files


def plain(sources: Sources) -> list[object]:
    return [document.plain for document in sources.documents]


def faults(folder: Path, *names: str) -> list[str]:
    _, problems, files = read(folder, *names)
    found = [str(problem).replace(f"{folder}/", "") for problem in problems.error().problems]
    assert files.is_complete == (not found)
    return found


def test_several_files_come_in_the_order_in_which_they_are_named(tmp_path: Path) -> None:
    write_files(tmp_path, {"b.yaml": "b:", "x/a.json": '{"a": null}'})
    sources, problems, files = read(tmp_path, "b.yaml", "x/a.json")
    assert plain(sources) == [{"b": None}, {"a": None}]
    assert sources.folders == (tmp_path, tmp_path / "x")
    assert files.bases == {str(tmp_path / "b.yaml"): tmp_path, str(tmp_path / "x/a.json"): tmp_path / "x"}
    assert not problems


def test_a_folder_of_variables_counts_once_where_it_counts_most(tmp_path: Path) -> None:
    write_files(tmp_path, {"a": "a:", "b": "b:", "x/c": "c:"})
    assert read(tmp_path, "a", "x/c", "x/../b")[0].folders == (tmp_path / "x", tmp_path / "x" / "..")
    assert read(tmp_path, "x/c", "x")[0].folders == (tmp_path / "x",)


def test_a_folder_is_all_inventories_in_it(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "20-slaves.yaml": "b:",
            "10-masters": "a:",
            "30.json": '{"c": null}',
            "40.sh": printing('{"_meta": {"hostvars": {}}, "d": {}}'),
            "in/50.yml": "e:",
            "group_vars/all": "x",
            "host_vars/a": "x",
            "vars_plugins/x": "x",
            **dict.fromkeys([".hidden", "a.orig", "b~", "c.bak", "d.ini", "e.cfg", "f.retry", "g.pyc"], "]"),
        },
    )
    sources, problems, files = read(tmp_path, "")
    assert plain(sources) == [{"a": None}, {"b": None}, {"c": None}, {"d": {}}, {"e": None}]
    assert sources.folders == (tmp_path,)
    assert files.bases[str(tmp_path / "in/50.yml")] == tmp_path / "in"
    assert (problems.warnings, bool(problems)) == ((), False)


def test_variables_deep_in_a_folder_are_not_read_and_that_is_said(tmp_path: Path) -> None:
    write_files(tmp_path, {"in/a": "a:", "in/group_vars/all": "x", "in/host_vars/a": "x"})
    assert read(tmp_path, "")[1].warnings == tuple(
        f"{tmp_path}/in/{name} is not read: only those beside the inventory that was named are"
        for name in ("group_vars", "host_vars")
    )


def test_what_a_folder_may_not_hold(tmp_path: Path) -> None:
    write_files(tmp_path, {"a/x.bak": "", "b/x": "a:", "c/x": "", "d/x": "["})
    (tmp_path / "b" / "again").symlink_to(".")
    os.mkfifo(tmp_path / "c" / "pipe")
    (tmp_path / "c" / "dangling").symlink_to("nothing")
    again = "/again" * 10
    assert faults(tmp_path, "a", "b", "c", "d") == [
        "a:1:1: the folder has no inventory in it (YAML, JSON or executable files)",
        f"b{again}:1:1: it is more than 10 folders deep",
        "c/dangling:1:1: it is neither a file nor a folder",
        "c/pipe:1:1: it is neither a file nor a folder",
        "c/x:1:1: the file is empty (`jsync init` writes a working example)",
        "d/x:1:2: not YAML: expected the node content, but found '<stream end>'",
    ]


def test_a_document_of_ansible_inventory_is_taken(tmp_path: Path) -> None:
    listed = {"_meta": {"hostvars": {"m": {"remote": "/r"}}}, "masters": {"hosts": ["m"]}}
    write_files(tmp_path, {"list.json": json.dumps(listed), "none.json": '{"_meta": {}, "g": {"hosts": ["a"]}}'})
    sources, problems, _ = read(tmp_path, "list.json", "none.json")
    assert plain(sources) == [{"masters": {"hosts": {"m": {"remote": "/r"}}}}, {"g": {"hosts": {"a": None}}}]
    assert sources.flat == {str(tmp_path / "list.json")}
    assert not problems


def test_variables_of_hosts_must_be_a_mapping(tmp_path: Path) -> None:
    write_files(tmp_path, {"list.json": '{"_meta": {"hostvars": []}}'})
    _, problems, _ = read(tmp_path, "list.json")
    assert str(problems.error()) == f"{tmp_path}/list.json:1:24: `hostvars`: `a list` is not a mapping of hosts"


def test_an_executable_is_run_with_list(tmp_path: Path) -> None:
    listed = json.dumps({"_meta": {"hostvars": {"a": {"x_a": 1}}}, "g": ["a"]})
    write_files(tmp_path, {"x/hosts.sh": printing(listed).replace("cat", 'test "$*" = --list && cat')})
    sources, problems, files = read(tmp_path, "x/hosts.sh")
    assert plain(sources) == [{"g": {"hosts": {"a": {"x_a": 1}}}}]
    assert sources.flat == {f"{tmp_path}/x/hosts.sh --list"}
    assert sources.folders == (tmp_path / "x",)
    assert files.bases == {f"{tmp_path}/x/hosts.sh --list": tmp_path / "x"}
    assert (problems.warnings, bool(problems)) == ((), False)


BY_HOST = """
#!/bin/sh
case "$*" in
--list) echo '{"g": {"hosts": ["a", "b", "c", "-x"]}}' ;;
"--host a") echo '{"x_a": 1}' ;;
"--host b") ;;
"--host c") echo gone >&2; exit 4 ;;
*) echo "asked for $*" >&2; exit 5 ;;
esac
"""


def test_without_meta_it_is_asked_for_each_host(tmp_path: Path) -> None:
    write_files(tmp_path, {"hosts.sh": BY_HOST.replace(', "c", "-x"', "")})
    sources, problems, files = read(tmp_path, "hosts.sh")
    assert plain(sources) == [{"g": {"hosts": {"a": {"x_a": 1}, "b": None}}}]
    assert sources.flat == {f"{tmp_path}/hosts.sh --host a"}
    assert set(files.bases.values()) == {tmp_path}
    assert not problems


def test_the_first_host_that_fails_is_the_last_that_is_asked_for(tmp_path: Path) -> None:
    write_files(tmp_path, {"hosts.sh": BY_HOST.replace('"-x"', '"-x", "d"')})
    assert faults(tmp_path, "hosts.sh") == ["hosts.sh --host c:1:1: it ended with exit code 4 (it said: gone)"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#!/bin/sh\necho no key >&2\nexit 3\n", "s --list:1:1: it ended with exit code 3 (it said: no key)"),
        ("#!/bin/sh\nexit 3\n", "s --list:1:1: it ended with exit code 3"),
        ("#!/bin/sh\n", "s --list:1:1: not JSON: Expecting value"),
        (printing("masters: {}"), "s --list:1:1: not JSON: Expecting value"),
        (printing("[]"), "s --list:1:1: `a list` is not a mapping of groups (Ansible's JSON document)"),
        (
            "#!/bin/sh\ntest $1 = --list && echo '{\"g\": [\"a\"]}' || echo '[1]'\n",
            "s --host a:1:1: `a list` is not a mapping of variables (Ansible's JSON document)",
        ),
    ],
)
def test_an_executable_that_gives_no_inventory_says_so(tmp_path: Path, text: str, expected: str) -> None:
    write_files(tmp_path, {"s": text})
    assert faults(tmp_path, "s") == [expected]


def test_the_executable_that_is_looked_at_is_the_one_that_is_run(tmp_path: Path) -> None:
    write_files(tmp_path, {"s": printing('{"_meta": {"hostvars": {}}, "no": {}}')})
    write_files(tmp_path, {"far/s": printing('{"_meta": {"hostvars": {}}, "yes": {}}'), "far/in/x": ""})
    (tmp_path / "link").symlink_to("far/in")
    assert plain(read(tmp_path, "link/../s")[0]) == [{"yes": {}}]


def test_what_an_executable_says_is_a_warning(tmp_path: Path) -> None:
    text = printing('{"_meta": {"hostvars": {}}}') + "echo slow today >&2\n"
    write_files(tmp_path, {"s": text})
    assert read(tmp_path, "s")[1].warnings == (f"{tmp_path}/s --list: it said: slow today",)


def test_an_executable_has_one_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DEADLINE_S", 0.5)
    monkeypatch.setattr(script_module, "DEADLINE_S", 0.5)
    write_files(tmp_path, {"s": "#!/bin/sh\nexec sleep 600\n"})
    assert faults(tmp_path, "s") == ["s --list:1:1: it was stopped after 0.5 seconds"]


def test_yaml_that_happens_to_be_executable_is_read(tmp_path: Path) -> None:
    write_files(tmp_path, {"a.yaml": "a:"})
    (tmp_path / "a.yaml").chmod(0o777)
    assert plain(read(tmp_path, "a.yaml")[0]) == [{"a": None}]


def test_a_script_that_is_not_executable_is_no_script(tmp_path: Path) -> None:
    write_files(tmp_path, {"s": "#!/bin/sh\necho '{}'\n"})
    (tmp_path / "s").chmod(0o644)
    assert faults(tmp_path, "s") == []  # YAML of one line of text; that it is no inventory is found later
    (tmp_path / "s").write_text("#!/bin/sh\n")
    assert faults(tmp_path, "s") == ["s:1:1: the file is empty (`jsync init` writes a working example)"]
