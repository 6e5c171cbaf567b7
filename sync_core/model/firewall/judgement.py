"""What the rules of one front-end do to a packet, and the words that go with it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Action", "FrontEnd", "Judgement", "printable"]

_MOST_LETTERS = 300


class Action(StrEnum):
    """What becomes of the packet; ``UNSURE`` where a construct is not understood that matters."""

    ACCEPT = "accept"
    DROP = "drop"
    REJECT = "reject"
    UNSURE = "unsure"

    @property
    def is_block(self) -> bool:
        """Whether the packet certainly does not get through."""
        return self in {Action.DROP, Action.REJECT}


class FrontEnd(StrEnum):
    """The tools by which people write rules."""

    NFT = "nft"
    IPTABLES = "iptables"
    IP6TABLES = "ip6tables"
    FIREWALLD = "firewalld"
    UFW = "ufw"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What one front-end's rules do, and the rules concerned, one sentence each.

    ``fix``: the command that would let the packet through; ``None`` where nothing stops it for certain.
    """

    front_end: FrontEnd
    action: Action
    evidence: tuple[str, ...] = ()
    fix: str | None = None


def printable(text: str) -> str:
    """Return ``text`` from a foreign host on one line of bounded length, without control characters."""
    line = "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))
    return line if len(line) <= _MOST_LETTERS else line[: _MOST_LETTERS - 1] + "…"
