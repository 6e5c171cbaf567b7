"""``docs/reference.md`` and ``README.md`` speak of what exists."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from cli.command import Command
from cli.commands import all_commands
from cli.documents import schema_of
from cli.settings import common_options
from sync_core.inventory import load, schema
from sync_core.model.probe import Verdict

_PROJECT = Path(__file__).parents[2]
_README = (_PROJECT / "README.md").read_text(encoding="utf-8")
_REFERENCE = (_PROJECT / "docs" / "reference.md").read_text(encoding="utf-8")


def _section(command: Command) -> str:
    found = re.search(rf"^### `jsync {command.name}\b.*?(?=^##)", _REFERENCE, re.MULTILINE | re.DOTALL)
    assert found, f"no section about {command.name}"
    return found.group()


def _options(function: object, *, hidden: bool = False) -> list[str]:
    assert callable(function)
    parameters = inspect.signature(function, eval_str=True).parameters.values()
    declared = [getattr(parameter.annotation, "__metadata__", ()) for parameter in parameters]
    found = [one[0] for one in declared if one and bool(getattr(one[0], "hidden", False)) is hidden]
    names = [name for one in found for name in (one.default, *(one.param_decls or ())) if isinstance(name, str)]
    return [name for name in names if name.startswith("-")]


@pytest.mark.parametrize("command", all_commands(), ids=lambda command: command.name)
def test_every_command_and_option_stands_in_the_reference(command: Command) -> None:
    section = _section(command)
    missing = [option for option in _options(command.run) if not re.search(rf"`{option}\b", section)]
    assert missing == []


def test_common_options_stand_in_the_reference() -> None:
    options = _options(common_options)
    assert {"-i", "--inventory", "-o", "--color"} <= set(options)
    assert [option for option in options if f"`{option}" not in _REFERENCE] == []


def test_every_command_of_the_reference_exists() -> None:
    named = set(re.findall(r"^### `jsync ([a-z-]+)", _REFERENCE, re.MULTILINE))
    assert named == {command.name for command in all_commands()}


def test_every_document_has_a_schema_of_a_command() -> None:
    named = set(re.findall(r"`(jsync\.[a-z-]+/[0-9])`", _REFERENCE))
    commands = {command.name for command in all_commands()}
    assert named == {schema_of(name) for name in commands | {"error", "help", "version"}}


def test_every_verdict_is_explained() -> None:
    assert [verdict for verdict in Verdict if f"`{verdict}`" not in _REFERENCE] == []


def test_every_variable_is_explained() -> None:
    definitions = schema()["definitions"]
    assert isinstance(definitions, dict)
    variables = definitions["VariableTable"]["properties"]
    assert "max_delete" in variables
    assert [name for name in variables if f"`{name}`" not in _REFERENCE] == []


def test_the_readme_names_only_commands_that_exist() -> None:
    named = set(re.findall(r"(?:`|\$ |/bin/)jsync ([a-z][a-z-]+)", _README))
    assert {"up", "diff", "check-ports"} <= named
    assert named <= {command.name for command in all_commands()}


def test_the_inventory_of_the_readme_is_valid(tmp_path: Path) -> None:
    [block] = re.findall(r"```yaml\n(.*?)```", _README, re.DOTALL)
    file = tmp_path / "jsync.yaml"
    file.write_text(block, encoding="utf-8")
    inventory = load(file, environ={})
    assert list(inventory.hosts) == ["scheduler-4440", "slave-5000", "slave-5001"]
    assert inventory.warnings == ()
