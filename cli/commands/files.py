"""``jsync files``: one md5 file list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.choice import choose_one
from cli.command import Call, Command
from cli.errors import ExitCode, error_text
from cli.log import log_of_command
from cli.md5sum import md5sum_lines
from cli.settings import Output
from cli.tables import Table
from cli.times import rfc3339
from sync_core.model.errors import FileTroubleError

if TYPE_CHECKING:
    from sync_core.fleet.lists import FileList
    from sync_core.model.manifest import Entry

__all__ = ["COMMAND"]


def _files(
    call: Call,
    host: Annotated[str, typer.Argument(metavar="HOST", help="A slave, or with --for a master.")],
    slave: Annotated[
        str | None, typer.Option("--for", metavar="SLAVE", help="For which slave a master's list is wanted.")
    ] = None,
) -> int:
    from sync_core.fleet.files import list_files

    log_of_command(call.settings)
    inventory = call.inventory()
    found = list_files(
        inventory,
        choose_one(inventory, host, call.settings.limit),
        slave=None if slave is None else choose_one(inventory, slave, None),
    )
    _show(call, found)
    return _look_for_trouble(call, found)


def _show(call: Call, found: FileList) -> None:
    match call.settings.output:
        case Output.JSON:
            call.sink.document("files", _document(found))
        case Output.XML:
            from sync_core.protocol.listing import encode_list

            call.sink.streams.write_bytes(encode_list(found.manifest.known))
            if call.sink.streams.stdout.isatty():
                call.sink.lines([""])
        case Output.MD5SUM:
            call.sink.streams.write_bytes(md5sum_lines(found.manifest))
        case Output.TABLE:
            rows = tuple(_row(entry) for entry in found.manifest)
            columns = ("MD5", "LAST WRITE TIME", "SIZE", "LAYER", "PATH")
            call.sink.table(Table(columns=columns, rows=rows, right=frozenset({"SIZE"})))


def _document(found: FileList) -> dict[str, object]:
    return {
        "host": found.host,
        "for": found.slave,
        "source": found.source,
        "tree_md5": found.manifest.tree_md5,
        "settling": found.manifest.settling,
        "files": [
            {
                "path": entry.path,
                "kind": entry.kind,
                "md5": entry.md5,
                "last_write_time": rfc3339(entry.last_write_time),
                "size": entry.size_bytes,
                "layer": entry.layer,
            }
            for entry in found.manifest
        ],
    }


def _row(entry: Entry) -> tuple[str, ...]:
    size = "" if entry.size_bytes is None else str(entry.size_bytes)
    path = entry.path if entry.is_file else f"{entry.path}/"
    return (entry.md5 or "", rfc3339(entry.last_write_time) or "", size, entry.layer or "", path)


def _look_for_trouble(call: Call, found: FileList) -> ExitCode:
    settling = found.manifest.settling
    if settling:
        call.sink.note(f"jsync: {settling} file(s) still settle; their old state is shown")
    unreadable = [entry.path for entry in found.manifest if entry.is_unreadable]
    for path in unreadable:
        call.sink.warn(error_text(FileTroubleError(f"{found.host}: {path} can't be read", host=found.host)))
    return ExitCode.TROUBLE if unreadable else ExitCode.DONE


COMMAND = Command(
    name="files",
    run=_files,
    help="""Show an md5 file list: a slave's cache, or what a master holds for a slave.

    xml is the protocol's own document; md5sum is what `md5sum -c` takes.""",
    examples=(
        ("jsync files slave-5000", "what its cache holds"),
        ("jsync files scheduler-4440 --for slave-5000", "what it should hold"),
        ("jsync files slave-5000 -o md5sum > sums", "for `md5sum -c` in the cache"),
    ),
    outputs=Output,
)
