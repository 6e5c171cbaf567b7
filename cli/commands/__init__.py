"""One module per command: typed arguments in, an exit code out."""

from __future__ import annotations

from cli.command import Command
from cli.commands import check_ports, init, inventory, schema, validate

__all__ = ["COMMANDS"]

COMMANDS: tuple[Command, ...] = (
    check_ports.COMMAND,
    inventory.COMMAND,
    validate.COMMAND,
    schema.COMMAND,
    init.COMMAND,
)
"""In the order in which ``jsync --help`` lists them."""
