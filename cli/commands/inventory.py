"""``jsync inventory``: what the inventory says, after groups, ranges and inheritance."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from cli.choice import narrowed
from cli.command import Call, Command
from cli.documents import plain
from cli.errors import ExitCode
from cli.tables import Style, Styled, Table
from sync_core.model.errors import UsageError

__all__ = ["COMMAND"]


def _inventory(
    call: Call,
    as_list: Annotated[bool, typer.Option("--list", help="Ansible's document, as JSON (the default).")] = False,
    as_graph: Annotated[bool, typer.Option("--graph", help="Groups and hosts as a tree.")] = False,
    host: Annotated[
        str | None, typer.Option("--host", metavar="NAME", help="One host's values, and where each comes from.")
    ] = None,
) -> int:
    if as_list + as_graph + (host is not None) > 1:
        raise UsageError("--list, --graph and --host exclude each other", hint="give one of them")
    if host is not None:
        return _show_host(call, host)
    return _show_graph(call) if as_graph else _show_list(call)


def _show_list(call: Call) -> int:
    from sync_core.inventory.listing import dump

    inventory = narrowed(call.inventory(), call.settings.limit)
    call.sink.streams.document(dump(inventory), indent=4)
    return ExitCode.DONE


def _show_graph(call: Call) -> int:
    from sync_core.inventory.listing import graph

    lines = graph(narrowed(call.inventory(), call.settings.limit)).splitlines()
    if call.settings.is_json:
        call.sink.document("inventory", {"graph": lines})
    else:
        call.sink.lines(lines)
    return ExitCode.DONE


def _show_host(call: Call, name: str) -> int:
    from sync_core.inventory.listing import describe

    values = describe(narrowed(call.inventory(), call.settings.limit), name)
    if call.settings.is_json:
        call.sink.document("inventory", {"host": name, "values": plain(values)})
        return ExitCode.DONE
    rows = tuple(
        (
            value.variable,
            _text(value.value),
            value.origin if value.file else Styled(value.origin, Style.FAINT),
            f"{value.file}:{value.line}" if value.file else "",
        )
        for value in values
    )
    call.sink.table(Table(columns=("VARIABLE", "VALUE", "FROM", "WHERE"), rows=rows))
    return ExitCode.DONE


def _text(value: object) -> str:
    match value:
        case None:
            return "-"
        case str():
            return value
        case float():
            return f"{value:g}"
        case tuple() | list():
            return ", ".join(map(_text, value))
        case _:
            return json.dumps(plain(value))


COMMAND = Command(
    name="inventory",
    run=_inventory,
    help="""Show the inventory as jsync understands it.

    --list is the document of `ansible-inventory --list`: what somebody set, inherited values included, ranges
    expanded. --host also shows the defaults, and the file and line of every value.""",
    examples=(
        ("jsync inventory --graph", "who is in which group"),
        ("jsync inventory --host slave-5000", "its values and their origin"),
        ("jsync inventory --list | jq ._meta.hostvars", "for scripts"),
        ("jsync inventory --graph -i site -i more.py", "several inventories at once"),
    ),
)
