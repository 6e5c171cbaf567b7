"""``jsync sync``: one fetch now, without an agent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cli.choice import choose_slaves
from cli.command import Call, Command
from cli.documents import plain
from cli.errors import ExitCode, error_text
from cli.log import log_of_command
from cli.tables import Style, Styled
from cli.unified import colored, unified
from sync_core.model.change import MakeDirectory, WriteFile
from sync_core.model.errors import TooManyRemovalsError, UnsafeNameError
from sync_core.model.manifest import Kind
from sync_core.model.path import RelPath

if TYPE_CHECKING:
    from sync_core.fleet.sync import Synced

__all__ = ["COMMAND"]


class _Action(StrEnum):
    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


_STYLES = {_Action.ADDED: Style.GOOD, _Action.CHANGED: Style.DOUBTFUL, _Action.REMOVED: Style.BAD}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """One path that changed, or would change."""

    path: RelPath
    kind: Kind
    action: _Action


def _sync(
    call: Call,
    slaves: Annotated[list[str], typer.Argument(metavar="SLAVE", help="Which slaves, each on this machine.")],
    check: Annotated[bool, typer.Option("-C", "--check", help="Say what would change; change nothing.")] = False,
    diff: Annotated[bool, typer.Option("-D", "--diff", help="Show the lines that change.")] = False,
) -> int:
    from sync_core.agent.state import state_folder
    from sync_core.fleet.sync import sync_slaves

    log_of_command(call.settings)
    inventory = call.inventory()
    chosen = choose_slaves(inventory, slaves, call.settings.limit)
    results = sync_slaves(inventory, chosen, state_folder(call.environ), check=check, with_contents=diff)
    codes = [_code(result) for result in results]
    if call.settings.is_json:
        documents = [_document(result, with_contents=diff) for result in results]
        call.sink.document("sync", {"ok": not any(codes), "is_check": check, "slaves": documents})
    else:
        for result in results:
            _show(call, result, check=check, with_contents=diff)
    return max(codes, default=ExitCode.DONE)


def _code(result: Synced) -> ExitCode:
    match result.error:
        case None:
            return ExitCode.DONE
        case TooManyRemovalsError() | UnsafeNameError():
            return ExitCode.NEGATIVE  # the update was refused
        case _:
            return ExitCode.TROUBLE


def _done(result: Synced) -> Iterator[_Done]:
    """Yield what changes: a master repeats folders that are there already, and may remove what is gone."""
    for change in result.changes:
        before = result.before.get(change.path)
        if isinstance(change, WriteFile):
            action = _Action.CHANGED if before is not None and before.is_file else _Action.ADDED
            yield _Done(path=change.path, kind=Kind.FILE, action=action)
        elif isinstance(change, MakeDirectory):
            if before is None or before.is_file:
                yield _Done(path=change.path, kind=Kind.DIRECTORY, action=_Action.ADDED)
        elif before is not None:
            yield _Done(path=change.path, kind=before.kind, action=_Action.REMOVED)


def _document(result: Synced, *, with_contents: bool) -> dict[str, object]:
    document: dict[str, object] = {
        "slave": result.slave,
        "master": result.master,
        "changes": plain(tuple(_done(result))),
        "error": plain(result.error),
    }
    if with_contents:
        document["unified"] = "".join(f"{line}\n" for line in _unified(result))
    return document


def _show(call: Call, result: Synced, *, check: bool, with_contents: bool) -> None:
    if result.error is not None:
        call.sink.warn(error_text(result.error))
        return
    if call.settings.is_quiet:
        return
    done = tuple(_done(result))
    counts = ", ".join(f"{sum(one.action is action for one in done)} {action}" for action in _Action)
    verb = "would fetch" if check else "fetched"
    call.sink.lines([f"{result.slave}: {verb} from {result.master}: {counts}"])
    call.sink.content(
        Styled(f"  {one.action:7}  {one.path}{'' if one.kind is Kind.FILE else '/'}", _STYLES[one.action])
        for one in done
    )
    if with_contents:
        call.sink.content(colored(_unified(result)))


def _unified(result: Synced) -> list[str]:
    after = {change.path: change.content for change in result.changes if isinstance(change, WriteFile)}
    paths = [one.path for one in _done(result) if one.path in after or one.path in result.contents_before]
    return [
        line
        for path in dict.fromkeys(paths)
        for line in unified(
            result.contents_before.get(path),
            after.get(path),
            old_name=f"{result.slave}/{path}",
            new_name=f"{result.master}/{path}",
        )
    ]


COMMAND = Command(
    name="sync",
    run=_sync,
    help="""Fetch once, now, without an agent.

    For slaves on this machine whose agent does not run; an agent fetches by itself. Exit code 1 when an update was
    refused, 2 when there was no fetch.""",
    examples=(
        ("jsync sync slave-5000", "bring its cache in line"),
        ("jsync sync slave-5000 -C", "what would change"),
        ("jsync sync slaves -CD", "with the lines that would change"),
    ),
)
