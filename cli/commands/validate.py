"""``jsync validate``: is the inventory right?"""

from __future__ import annotations

from cli.command import Call, Command
from cli.errors import ExitCode, error_document
from sync_core.model.errors import InventoryError

__all__ = ["COMMAND"]


def _validate(call: Call) -> int:
    try:
        inventory = call.inventory()
    except InventoryError as error:
        if not call.settings.is_json:
            raise
        call.sink.document("validate", {"ok": False, **error_document(error)})
        return ExitCode.TROUBLE
    if call.settings.is_json:
        call.sink.document("validate", {"ok": True, "errors": [], "warnings": list(inventory.warnings)})
    elif not call.settings.is_quiet:
        counts = {"master": len(inventory.masters), "slave": len(inventory.slaves)}
        words = ", ".join(f"{count} {role}{'' if count == 1 else 's'}" for role, count in counts.items())
        call.sink.lines([f"{inventory.source} is valid: {words}"])
    return ExitCode.DONE


COMMAND = Command(
    name="validate",
    run=_validate,
    help="""Check the inventory.

    Every error names file, line and column, and all errors come in one go. No name is looked up and
    no host is asked.""",
    examples=(
        ("jsync validate", "the inventory that would be used here"),
        ("jsync validate -i site.yaml", "this file and its group_vars/"),
        ("jsync validate -o json | jq .errors", "for scripts and editors"),
    ),
)
