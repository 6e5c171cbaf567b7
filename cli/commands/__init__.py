"""One module per command: typed arguments in, an exit code out. Here stands only what help lists of all of them.

Modules of commands are imported when they are needed: ``jsync --help`` needs none, a command line needs one.
"""

from __future__ import annotations

from importlib import import_module

from cli.command import Command, Listed

__all__ = ["LISTED", "all_commands", "commands_for"]

LISTED: tuple[Listed, ...] = (
    Listed(name="up", summary="Start the agents and stay with them."),
    Listed(name="down", summary="Stop detached agents."),
    Listed(name="reload", summary="Have agents that run take over a changed inventory."),
    Listed(name="agent", summary="Run one agent in the foreground, for systemd."),
    Listed(name="service", summary="Print a systemd unit for an agent."),
    Listed(name="status", summary="Show what each agent is, and whether each slave is in sync."),
    Listed(name="logs", summary="Show what detached agents wrote."),
    Listed(name="sync", summary="Fetch once, now, without an agent."),
    Listed(name="notify", summary="Send the wake-up to slaves, so that they check at once."),
    Listed(name="diff", summary="Compare slaves with what their master holds for them."),
    Listed(name="files", summary="Show the md5 file list of a slave, or a master's for a slave."),
    Listed(name="check-ports", summary="Check that masters and slaves reach each other."),
    Listed(name="firewall", summary="Print the firewall rules that the inventory needs."),
    Listed(name="tls", summary="Make, renew or show the certificates of the hosts."),
    Listed(name="inventory", summary="Show the inventory as jsync understands it."),
    Listed(name="validate", summary="Check the inventory."),
    Listed(name="schema", summary="Print the JSON Schema of an inventory (draft-07)."),
    Listed(name="init", summary="Write a working example to start from."),
)
"""In the order in which ``jsync --help`` lists them; a test compares them with the modules."""

_NAMES = frozenset(listed.name for listed in LISTED)


def all_commands() -> tuple[Command, ...]:
    """Return every command."""
    return tuple(_load(listed.name) for listed in LISTED)


def commands_for(word: str | None) -> tuple[Command | Listed, ...]:
    """Return what a command line needs: the command that it names, and of the others what help lists.

    Args:
        word: what stands for the command; ``None``: nothing does.
    """
    if word is not None and word not in _NAMES:
        return all_commands()
    return tuple(_load(listed.name) if listed.name == word else listed for listed in LISTED)


def _load(name: str) -> Command:
    command: Command = import_module(f"{__name__}.{name.replace('-', '_')}").COMMAND
    return command
