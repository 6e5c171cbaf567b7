"""``jsync firewall``: the rules that the inventory needs."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cli.choice import choose_hosts
from cli.command import Call, Command
from cli.errors import ExitCode

if TYPE_CHECKING:
    from sync_core.model.firewall.needed import Machine

__all__ = ["COMMAND", "FrontEnd"]


class FrontEnd(StrEnum):
    """The choices of ``--format``; said here so that help needs nothing of the library."""

    NFT = "nft"
    IPTABLES = "iptables"
    FIREWALLD = "firewalld"
    UFW = "ufw"


def _firewall(
    call: Call,
    hosts: Annotated[list[str] | None, typer.Argument(metavar="HOST", help="Whose rules; all by default.")] = None,
    kind: Annotated[FrontEnd, typer.Option("--format", help="The front-end that they are written for.")] = FrontEnd.NFT,
) -> int:
    from sync_core.fleet.firewall import Format, needed_rules

    inventory = call.inventory()
    chosen = choose_hosts(inventory, hosts or (), call.settings.limit)
    rules = needed_rules(inventory, chosen, Format(kind.value))
    if call.settings.is_json:
        machines = [_machine(machine, text) for machine, text in rules]
        call.sink.document("firewall", {"format": kind.value, "machines": machines})
    else:
        call.sink.content("\n".join(text for _, text in rules).splitlines())
    return ExitCode.DONE


def _machine(machine: Machine, text: str) -> dict[str, object]:
    ways = [
        {
            "source": way.source_host,
            "address": str(way.source),
            "protocol": way.protocol.value,
            "port": way.port,
            "purpose": way.purpose.value,
        }
        for way in machine.ways
    ]
    addresses = [str(address) for address in machine.addresses]
    return {"hosts": list(machine.hosts), "addresses": addresses, "ways": ways, "text": text}


COMMAND = Command(
    name="firewall",
    run=_firewall,
    help="""Print the firewall rules that the inventory needs.

    For each machine the rules that let the other hosts of the inventory in, and nobody else. They are only printed:
    read them, or load them there. Answers to what a host asked are let in too, so outgoing ports need no rule.""",
    examples=(
        ("jsync firewall slave-5000", "for nft"),
        ("jsync firewall slave-5000 --format ufw", "as ufw commands"),
        ("jsync firewall --format iptables", "every machine, one after the other"),
    ),
)
