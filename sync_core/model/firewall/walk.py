"""The way of a packet through chains of rules, also where it can't be told whether a rule fits.

nftables and iptables walk alike: rules in their order, jumps that come back, gotos that don't, a policy at the end; an
accept ends one chain of a hook, a drop ends everything (``ports.md``). Where a rule's conditions are not understood,
both ways are walked; only if all ends are alike is anything certain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from sync_core.model.firewall.judgement import Action, FrontEnd, Judgement, printable
from sync_core.model.firewall.packet import Packet

__all__ = ["BaseChain", "End", "Step", "judge_chains"]

_MOST_DEPTH = 32
_MOST_STEPS = 100_000
_TOLD = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rule, as it concerns one packet.

    Attributes:
        matches: whether its conditions hold; ``None``: some of them are not understood.
        action: what it then does, ``None`` where it goes on.
        jump: the chain that it continues in, if any.
        is_final: after that chain, or at once where there is none, its own chain is over (goto, return).
        text: the rule as its front-end writes it.
    """

    matches: bool | None
    action: Action | None = None
    jump: str | None = None
    is_final: bool = False
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseChain:
    """Where the kernel enters.

    Attributes:
        name: of the chain among the others.
        policy: what becomes of a packet that no rule decided.
        place: table and family, as the front-end writes them.
        steps: returns the rules of a chain by its name.
    """

    name: str
    policy: Action
    place: str
    steps: Callable[[str], Iterable[Step]]


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One possible end: in ``chain`` by ``rule``, or by the policy where that is ``None``.

    Attributes:
        is_certain: the rule's own conditions hold; others before it may have ended the way first.
    """

    action: Action
    chain: str
    rule: str | None
    is_certain: bool = True


def judge_chains(
    front_end: FrontEnd, bases: Iterable[BaseChain], packet: Packet, fix_of: Callable[[BaseChain, End], str]
) -> Judgement:
    """Return what the chains do to ``packet`` one after the other.

    Args:
        front_end: whose chains.
        bases: in the kernel's order.
        packet: the one that is asked about.
        fix_of: returns the command that opens the way where a certain end blocks it.
    """
    doubts: list[str] = []
    for base in bases:
        ends, not_understood = _ends(base)
        if all(end.action is Action.ACCEPT for end in ends):
            continue
        if all(end.action.is_block for end in ends):
            end = next((end for end in ends if end.is_certain), ends[0])
            words = _words(front_end, base, end, packet)
            return Judgement(front_end=front_end, action=end.action, evidence=(words,), fix=fix_of(base, end))
        doubts += [_doubt(front_end, base, chain, rule) for chain, rule in not_understood]
    if doubts:
        return Judgement(front_end=front_end, action=Action.UNSURE, evidence=tuple(dict.fromkeys(doubts))[:_TOLD])
    return Judgement(front_end=front_end, action=Action.ACCEPT)


def _words(front_end: FrontEnd, base: BaseChain, end: End, packet: Packet) -> str:
    place = f"{front_end}: {base.place} {end.chain}"
    if end.rule is None:
        return f"{place}: policy {end.action}, no rule accepts {packet.words}"
    return printable(f"{place}: `{end.rule}` {end.action}s it")


def _doubt(front_end: FrontEnd, base: BaseChain, chain: str, rule: str) -> str:
    return printable(f"{front_end}: {base.place} {chain}: not understood, and it may matter: `{rule}`")


def _ends(base: BaseChain) -> tuple[list[End], list[tuple[str, str]]]:
    """Return every end that the packet may find, none of them twice, and the rules that leave it open which."""
    walk = _Walk(base)
    ends, is_through = walk.through(base.name, depth=0)
    if is_through:
        ends.append(End(action=base.policy, chain=base.name, rule=None))
    return list(dict.fromkeys(ends)), walk.not_understood


class _Walk:
    def __init__(self, base: BaseChain) -> None:
        self._base = base
        self._left = _MOST_STEPS
        self.not_understood: list[tuple[str, str]] = []

    def through(self, chain: str, *, depth: int) -> tuple[list[End], bool]:
        """Return the ends inside ``chain``, and whether the packet may come out of it."""
        ends: list[End] = []
        is_out = False
        for step in self._steps(chain, depth):
            if step.matches is False:
                continue
            if step.matches is None or step.action is Action.UNSURE:
                self.not_understood.append((chain, step.text))
            inner, goes_on = self._take(step, chain, depth)
            ends += inner
            if step.is_final and goes_on:
                is_out = True
            if step.matches is True and (step.is_final or not goes_on):
                return ends, is_out
        return ends, True

    def _take(self, step: Step, chain: str, depth: int) -> tuple[list[End], bool]:
        if step.action is not None:
            end = End(action=step.action, chain=chain, rule=step.text, is_certain=step.matches is True)
            return [end], False
        if step.jump is None:
            return [], True
        inner, goes_on = self.through(step.jump, depth=depth + 1)
        if step.matches is None:
            inner = [End(action=end.action, chain=chain, rule=step.text, is_certain=False) for end in inner]
        return inner, goes_on

    def _steps(self, chain: str, depth: int) -> Iterator[Step]:
        if depth > _MOST_DEPTH:
            yield Step(matches=True, action=Action.UNSURE, text="chains without end")
            return
        for step in self._base.steps(chain):
            self._left -= 1
            if self._left < 0:
                yield Step(matches=True, action=Action.UNSURE, text="more rules than are read")
                return
            yield step
