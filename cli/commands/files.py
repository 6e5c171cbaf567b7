"""``jsync files``: one file list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.choice import choose_one, choose_slave
from cli.command import Call, Command
from cli.errors import ExitCode, error_text
from cli.fleet import Timeout, at_work
from cli.render.files import files_document, files_table, files_troubles
from cli.render.md5sum import md5sum_lines
from cli.settings import Output

if TYPE_CHECKING:
    from sync_core.fleet.file_list import FileList

__all__ = ["COMMAND"]


def _files(
    call: Call,
    host: Annotated[str, typer.Argument(metavar="HOST", help="A slave, or with --for a master.")],
    slave: Annotated[
        str | None, typer.Option("--for", metavar="SLAVE", help="For which slave a master's list is wanted.")
    ] = None,
    timeout: Timeout = 120.0,
) -> int:
    from sync_core.agent.state import state_folder
    from sync_core.fleet.files import list_files

    inventory = call.inventory()
    one = choose_one(inventory, host, call.settings.limit)
    slaves = inventory.slaves_of(one) if one.is_master else inventory.slaves
    other = None if slave is None else choose_slave(inventory, slave, slaves)
    with at_work(call, [one], forks=1, timeout=timeout) as options:
        found = list_files(inventory, one, slave=other, state_folder=state_folder(call.environ), options=options)
    _show(call, found)
    if settling := found.tree.totals.settling:
        call.sink.note(f"jsync: still settling: {settling}; the old state is shown")
    troubles = files_troubles(found)
    for trouble in troubles:
        call.sink.warn(error_text(trouble))
    return ExitCode.TROUBLE if troubles else ExitCode.DONE


def _show(call: Call, found: FileList) -> None:
    match call.settings.output:
        case Output.JSON:
            call.sink.document("files", files_document(found))
        case Output.XML:
            from sync_core.protocol.messages import FetchUpdatedFiles
            from sync_core.protocol.requests import encode_request

            call.sink.streams.write_bytes(encode_request(FetchUpdatedFiles(listed=found.tree)))
            if call.sink.streams.stdout.isatty():
                call.sink.lines([""])
        case Output.MD5SUM:
            call.sink.streams.write_bytes(md5sum_lines(found.tree))
        case Output.TABLE:
            call.sink.note(f"jsync: {found.host.name}: list read by {found.source}")
            call.sink.table(files_table(found))


COMMAND = Command(
    name="files",
    run=_files,
    help="""Show the md5 file list of a slave, or a master's for a slave.

    It comes from the agent, else by SSH from the folder, where nothing of jsync is needed, else from the folder here.
    xml is the protocol's own document; md5sum is what `md5sum -c` takes.""",
    examples=(
        ("jsync files slave-5000", "what its cache holds"),
        ("jsync files scheduler-4440 --for slave-5000", "what it should hold"),
        ("jsync files slave-5000 -o md5sum > sums", "for `md5sum -c` in the cache"),
    ),
    outputs=Output,
)
