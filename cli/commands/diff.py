"""``jsync diff``: the master's file list for a slave against the slave's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.choice import choose_slaves
from cli.command import Call, Command
from cli.documents import plain
from cli.errors import ExitCode, error_text
from cli.log import log_of_command
from cli.tables import Style, Styled, Table
from cli.times import rfc3339
from cli.unified import colored, unified

if TYPE_CHECKING:
    from sync_core.fleet.diff import ContentPair, DiffReport, SlaveDiff
    from sync_core.model.compare import DiffEntry
    from sync_core.model.manifest import Entry

__all__ = ["COMMAND"]


def _diff(
    call: Call,
    slaves: Annotated[list[str], typer.Argument(metavar="SLAVE", help="Which slaves.")],
    with_contents: Annotated[
        bool, typer.Option("-u", "--unified", help="Show the lines that differ, from the slave's to the master's.")
    ] = False,
) -> int:
    from sync_core.fleet.diff import diff_slaves

    log_of_command(call.settings)
    inventory = call.inventory()
    chosen = choose_slaves(inventory, slaves, call.settings.limit)
    report = diff_slaves(inventory, chosen, with_contents=with_contents)
    if call.settings.is_json:
        documents = [_document(one, with_contents=with_contents) for one in report.slaves]
        call.sink.document("diff", {"in_sync": report.in_sync, "slaves": documents})
    else:
        for one in report.slaves:
            _show(call, one)
    return _code(report)


def _code(report: DiffReport) -> ExitCode:
    if report.has_trouble:
        return ExitCode.TROUBLE
    return ExitCode.DONE if report.in_sync else ExitCode.NEGATIVE


def _document(one: SlaveDiff, *, with_contents: bool) -> dict[str, object]:
    texts = {pair.entry.path: _text_of(pair, one) for pair in one.contents}
    entries = one.diff.entries if one.diff else ()
    return {
        "slave": one.slave,
        "master": one.master,
        "in_sync": one.in_sync,
        "master_source": one.master_source,
        "slave_source": one.slave_source,
        "counts": plain(one.diff.counts) if one.diff else None,
        "settling": one.diff.settling if one.diff else None,
        "entries": [_entry(entry) | ({"unified": texts.get(entry.path)} if with_contents else {}) for entry in entries],
        "error": plain(one.error),
    }


def _entry(entry: DiffEntry) -> dict[str, object]:
    return {
        "path": entry.path,
        "kind": entry.kind,
        "state": entry.state,
        "layer": entry.layer,
        "master": _side(entry.master),
        "slave": _side(entry.slave),
    }


def _side(entry: Entry | None) -> dict[str, object] | None:
    if entry is None:
        return None
    return {"md5": entry.md5, "last_write_time": rfc3339(entry.last_write_time), "size": entry.size_bytes}


def _show(call: Call, one: SlaveDiff) -> None:
    if one.diff is not None and not (call.settings.is_quiet and one.in_sync):
        call.sink.lines([_summary(one)])
        if one.diff.entries:
            columns = ("STATE", "PATH", "KIND", "LAYER", "MASTER", "SLAVE")
            call.sink.table(Table(columns=columns, rows=tuple(_row(entry) for entry in one.diff.entries)))
        for pair in one.contents:
            call.sink.content(colored(_lines_of(pair, one)))
    if one.error is not None:
        call.sink.warn(error_text(one.error))


def _summary(one: SlaveDiff) -> str:
    assert one.diff is not None  # noqa: S101 - the caller has looked
    counts, settling = one.diff.counts, one.diff.settling
    later = f", {settling} still settling" if settling else ""
    if one.diff.is_in_sync:
        return f"{one.slave}: in sync with {one.master}, {counts.same} files{later}"
    differences = f"{counts.changed} changed, {counts.missing} missing, {counts.extra} extra, {counts.same} same"
    return f"{one.slave}: {differences}{later} (master {one.master})"


def _row(entry: DiffEntry) -> tuple[str | Styled, ...]:
    from sync_core.model.compare import State

    styles = {State.CHANGED: Style.DOUBTFUL, State.MISSING: Style.BAD, State.EXTRA: Style.FAINT}
    sides = (_short(side) for side in (entry.master, entry.slave))
    return (Styled(entry.state, styles[entry.state]), entry.path, entry.kind, entry.layer or "", *sides)


def _short(entry: Entry | None) -> str:
    if entry is None:
        return "-"
    words = (entry.md5 and entry.md5[:8], rfc3339(entry.last_write_time))
    return " ".join(word for word in words if word) or entry.kind


def _lines_of(pair: ContentPair, one: SlaveDiff) -> list[str]:
    if pair.trouble is not None:
        return [f"{pair.entry.path}: {pair.trouble}"]
    names = {"old_name": f"{one.slave}/{pair.entry.path}", "new_name": f"{one.master}/{pair.entry.path}"}
    return unified(pair.slave, pair.master, **names)


def _text_of(pair: ContentPair, one: SlaveDiff) -> str:
    return "".join(f"{line}\n" for line in _lines_of(pair, one))


COMMAND = Command(
    name="diff",
    run=_diff,
    help="""Compare what slaves have with what their master holds for them.

    missing: only the master has it; extra: only the slave has it; changed: other content. Exit code 0 when all are in
    sync, 1 when lists differ, 2 when a list could not be had.""",
    examples=(
        ("jsync diff slave-5000", "what differs"),
        ("jsync diff slaves -q", "nothing when all is well"),
        ("jsync diff slave-5000 -u", "with the lines that differ"),
        ("jsync diff slaves -o json | jq .in_sync", "for scripts"),
    ),
)
