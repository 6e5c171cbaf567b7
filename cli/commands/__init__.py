"""One module per command: typed arguments in, an exit code out."""

from __future__ import annotations

from cli.command import Command
from cli.commands import (
    agent,
    check_ports,
    diff,
    down,
    files,
    firewall,
    init,
    inventory,
    logs,
    notify,
    schema,
    service,
    status,
    sync,
    up,
    validate,
)

__all__ = ["COMMANDS"]

COMMANDS: tuple[Command, ...] = (
    up.COMMAND,
    down.COMMAND,
    agent.COMMAND,
    service.COMMAND,
    status.COMMAND,
    logs.COMMAND,
    sync.COMMAND,
    notify.COMMAND,
    diff.COMMAND,
    files.COMMAND,
    check_ports.COMMAND,
    firewall.COMMAND,
    inventory.COMMAND,
    validate.COMMAND,
    schema.COMMAND,
    init.COMMAND,
)
"""In the order in which ``jsync --help`` lists them."""
