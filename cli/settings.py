"""The options that every command has, declared once by the signature of ``common_options``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["Color", "Output", "Settings", "TableOrJson", "common_options"]


class Output(StrEnum):
    """What stdout carries."""

    TABLE = "table"
    JSON = "json"
    XML = "xml"
    MD5SUM = "md5sum"


class TableOrJson(StrEnum):
    """What nearly every command can print; ``files`` can do more."""

    TABLE = "table"
    JSON = "json"


class Color(StrEnum):
    """When to colour."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The common options as the user gave them.

    Attributes:
        inventories: what ``-i`` named, in order; empty = look in the usual places.
        limit: a pattern that narrows every choice of hosts.
        output: what stdout carries.
        is_quiet: only what needs attention is printed.
        verbosity: how many ``-v``.
        color: when to colour.
        part: the name of a machine's part of an inventory that comes on standard input, from a jsync elsewhere.
    """

    inventories: tuple[Path, ...] = ()
    limit: str | None = None
    output: Output = Output.TABLE
    is_quiet: bool = False
    verbosity: int = 0
    color: Color = Color.AUTO
    part: str | None = None

    @property
    def is_json(self) -> bool:
        """Whether stdout carries one JSON document and nothing else."""
        return self.output is Output.JSON


def common_options(
    *,
    inventory: Annotated[
        list[Path] | None,
        typer.Option(
            "-i", "--inventory", metavar="FILE", help="The inventory: a file, a folder, an executable. Several add up."
        ),
    ] = None,
    limit: Annotated[
        str | None,
        typer.Option("-l", "--limit", metavar="PATTERN", help="Narrow the choice of hosts."),
    ] = None,
    output: Annotated[TableOrJson, typer.Option("-o", "--output", help="What stdout carries.")] = TableOrJson.TABLE,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print only what needs attention.")] = False,
    verbose: Annotated[
        int, typer.Option("-v", "--verbose", count=True, show_default=False, help="Say more; -vv, -vvv: still more.")
    ] = 0,
    color: Annotated[Color, typer.Option("--color", help="When to colour.")] = Color.AUTO,
    part: Annotated[str | None, typer.Option("--part", metavar="NAME", hidden=True)] = None,
) -> Settings:
    """Return the common options as one value; this signature is also how they are declared to typer."""
    return Settings(
        inventories=tuple(inventory or ()),
        limit=limit,
        output=Output(output.value),
        is_quiet=quiet,
        verbosity=verbose,
        color=color,
        part=part,
    )
