"""``jsync schema``: what an inventory may hold, for editors."""

from __future__ import annotations

from cli.command import Call, Command
from cli.errors import ExitCode

__all__ = ["COMMAND"]


def _schema(call: Call) -> int:
    from sync_core.inventory import schema

    # a JSON Schema may carry keywords that it does not know, so the key of all our documents does no harm
    head = {"schema": "jsync.schema/1"} if call.settings.is_json else {}
    call.sink.streams.document({**head, **schema()}, indent=2)
    return ExitCode.DONE


COMMAND = Command(
    name="schema",
    run=_schema,
    help="""Print the JSON Schema of an inventory (draft-07).

    Editors with a YAML language server complete and check an inventory by it.""",
    examples=(
        ("jsync schema > inventory.schema.json", "save it for an editor"),
        ("jsync schema -o json | jq .properties", "look at it"),
    ),
)
