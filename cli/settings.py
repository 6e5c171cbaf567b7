"""The options that every command has, declared once by the signature of ``common_options``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["CRON_OPTIONS", "Color", "Output", "Settings", "TableOrJson", "common_options"]

CRON_OPTIONS = frozenset({"lock_timeout", "splay"})
"""Parameters of ``common_options`` that only some commands have."""


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
        lock_timeout_s: how long to wait for another run of the same command; ``None``: runs don't wait for each other.
        splay_s: the longest random pause before the command begins.
        part: the name of a machine's part of an inventory that comes on standard input, from a jsync elsewhere.
        part_size_bytes: how long that part is, where more comes behind it; ``None``: it ends with the input.
    """

    inventories: tuple[Path, ...] = ()
    limit: str | None = None
    output: Output = Output.TABLE
    is_quiet: bool = False
    verbosity: int = 0
    color: Color = Color.AUTO
    part: str | None = None
    part_size_bytes: int | None = None
    lock_timeout_s: float | None = None
    splay_s: float = 0.0

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
    lock_timeout: Annotated[
        float | None,
        typer.Option("--lock-timeout", metavar="S", min=0, help="Seconds to wait for another run; one at a time."),
    ] = None,
    splay: Annotated[
        float, typer.Option("--splay", metavar="S", min=0, help="Begin after a random pause of up to S seconds.")
    ] = 0.0,
    part: Annotated[str | None, typer.Option("--part", metavar="NAME", hidden=True)] = None,
    part_bytes: Annotated[int | None, typer.Option("--part-bytes", metavar="N", min=0, hidden=True)] = None,
) -> Settings:
    """Return the common options as one value; this signature is also how they are declared to typer.

    ``lock_timeout`` and ``splay`` are for commands that cron lines call (``Command.is_for_cron``).
    """
    return Settings(
        inventories=tuple(inventory or ()),
        limit=limit,
        output=Output(output.value),
        is_quiet=quiet,
        verbosity=verbose,
        color=color,
        lock_timeout_s=lock_timeout,
        splay_s=splay,
        part=part,
        part_size_bytes=part_bytes,
    )
