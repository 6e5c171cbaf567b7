"""What a command is: a function with typed arguments, its help, and the options that all commands share."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

from cli.output import Sink
from cli.settings import CRON_OPTIONS, Settings, TableOrJson, common_options

if TYPE_CHECKING:
    from sync_core.model.inventory import Inventory

__all__ = ["Call", "Command", "Listed", "Parsed", "callback_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a command: everything that it may use.

    Attributes:
        settings: the common options.
        sink: where its words go.
        environ: the environment, without the password.
        password: for SSH; no program that we start finds it.
    """

    settings: Settings
    sink: Sink
    environ: Mapping[str, str]
    password: str | None = field(default=None, repr=False)

    def inventory(self, *, keep_part: bool = False) -> Inventory:
        """Load the inventory that the user means; what it warns of goes to stderr.

        Args:
            keep_part: if a jsync elsewhere sent this machine's part of one, put it into its place.

        Raises:
            UsageError: there is none.
            InventoryError: it is wrong.
            StateError: the part can't be kept.
        """
        from sync_core.inventory import find, load

        if self.settings.part is not None:
            return self._part(self.settings.part, keep=keep_part)
        inventory = load(*find(self.settings.inventories, environ=self.environ), environ=self.environ)
        for warning in inventory.warnings:
            self.sink.note(f"jsync: warning: {warning}")
        return inventory

    def _part(self, name: str, *, keep: bool) -> Inventory:
        from sync_core.agent.state import state_folder
        from sync_core.fleet.part import MAX_PART_BYTES, keep_part, read_part

        size_bytes = self.settings.part_size_bytes
        text = sys.stdin.buffer.read(MAX_PART_BYTES + 1 if size_bytes is None else min(size_bytes, MAX_PART_BYTES + 1))
        folder = state_folder(self.environ)
        inventory = read_part(name, text, folder)
        if keep:
            keep_part(name, text, folder)
        return inventory


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command as the user sees it.

    Attributes:
        name: the word after ``jsync``.
        run: takes a ``Call`` and the command's own arguments, returns the exit code.
        help: its first line is what ``jsync --help`` shows.
        examples: command lines, each with what it does.
        outputs: the choices of ``-o``.
        is_for_cron: whether it has ``--lock-timeout`` and ``--splay``.
    """

    name: str
    run: Callable[..., int]
    help: str
    examples: tuple[tuple[str, str], ...]
    outputs: type[StrEnum] = TableOrJson
    is_for_cron: bool = False

    @property
    def epilog(self) -> str:
        """The examples, aligned."""
        width = max(len(line) for line, _ in self.examples)
        return "\b\nExamples:\n" + "\n".join(f"  {line:{width}}  {effect}" for line, effect in self.examples)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A command as the help of all of them lists it, without its module.

    Attributes:
        name: the word after ``jsync``.
        summary: what it does; the first line of its help.
    """

    name: str
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A command line that made sense: what to run, and with what.

    Attributes:
        command: what to run.
        settings: the common options.
        values: the command's own arguments by parameter name.
    """

    command: Command
    settings: Settings
    values: Mapping[str, object]


def callback_of(command: Command) -> Callable[..., Parsed]:
    """Return a function for typer: its signature is the command's own arguments plus the common options.

    It only says what was parsed. Typer turns some exceptions that pass through it into exit codes of its own, so
    no command runs inside.
    """
    common = inspect.signature(common_options, eval_str=True).parameters
    own = inspect.signature(command.run, eval_str=True).parameters
    names = [name for name in common if command.is_for_cron or name not in CRON_OPTIONS]
    shared = [_with_outputs(common[name], command.outputs) for name in names]
    parameters = [*(parameter for name, parameter in own.items() if name != "call"), *shared]

    def callback(**values: Any) -> Parsed:
        settings = common_options(**{name: values.pop(name) for name in names})
        return Parsed(command=command, settings=settings, values=values)

    keywords = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
    callback.__signature__ = inspect.Signature(keywords)  # type: ignore[attr-defined]
    callback.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return callback


def _with_outputs(parameter: inspect.Parameter, outputs: type[StrEnum]) -> inspect.Parameter:
    """Return the declaration of ``-o`` with the choices ``outputs``; other declarations as they are."""
    if parameter.name != "output":
        return parameter
    option = parameter.annotation.__metadata__[0]
    return parameter.replace(annotation=Annotated[outputs, option], default=outputs("table"))
