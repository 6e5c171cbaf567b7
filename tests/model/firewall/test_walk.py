from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.firewall.judgement import Action, FrontEnd, Judgement
from sync_core.model.firewall.walk import BaseChain, Step, judge_chains
from tests.support.firewalls import a_packet

ACCEPT, DROP, REJECT, UNSURE = Action.ACCEPT, Action.DROP, Action.REJECT, Action.UNSURE


def yes(action: Action | None = None, **changes: object) -> Step:
    return Step(matches=True, action=action, text="yes", **changes)  # type: ignore[arg-type]


def maybe(action: Action | None = None, **changes: object) -> Step:
    return Step(matches=None, action=action, text="maybe", **changes)  # type: ignore[arg-type]


NO = Step(matches=False, action=DROP, text="no")
LEAVE = yes(is_final=True)


def judged(*bases: tuple[Mapping[str, Sequence[Step]], Action]) -> Judgement:
    chains = [
        BaseChain(name="input", policy=policy, place=f"table{number}", steps=lambda name, rules=rules: rules[name])  # type: ignore[misc]
        for number, (rules, policy) in enumerate(bases)
    ]
    return judge_chains(FrontEnd.NFT, chains, a_packet(), lambda base, end: f"open {base.place} {end.chain} {end.rule}")


@pytest.mark.parametrize(
    ("rules", "policy", "action"),
    [
        ({"input": []}, ACCEPT, ACCEPT),
        ({"input": []}, DROP, DROP),
        ({"input": [NO, yes(ACCEPT), yes(DROP)]}, DROP, ACCEPT),
        ({"input": [NO, yes(REJECT)]}, ACCEPT, REJECT),
        ({"input": [yes()]}, DROP, DROP),
        ({"input": [maybe(ACCEPT)]}, ACCEPT, ACCEPT),
        ({"input": [maybe(DROP)]}, DROP, DROP),
        ({"input": [maybe(ACCEPT)]}, DROP, UNSURE),
        ({"input": [maybe(DROP), yes(ACCEPT)]}, DROP, UNSURE),
        ({"input": [maybe(), yes(DROP)]}, ACCEPT, DROP),
        ({"input": [yes(UNSURE)]}, ACCEPT, UNSURE),
        ({"input": [LEAVE, yes(DROP)]}, ACCEPT, ACCEPT),
        ({"input": [maybe(is_final=True), yes(DROP)]}, ACCEPT, UNSURE),
        ({"input": [yes(jump="other"), yes(DROP)], "other": [yes(ACCEPT)]}, DROP, ACCEPT),
        ({"input": [yes(jump="other"), yes(ACCEPT)], "other": [NO]}, DROP, ACCEPT),
        ({"input": [yes(jump="other"), yes(ACCEPT)], "other": [LEAVE, yes(DROP)]}, DROP, ACCEPT),
        ({"input": [yes(jump="other", is_final=True), yes(ACCEPT)], "other": [NO]}, DROP, DROP),
        ({"input": [maybe(jump="other"), yes(ACCEPT)], "other": [yes(DROP)]}, ACCEPT, UNSURE),
        ({"input": [maybe(jump="other"), yes(DROP)], "other": [yes(DROP)]}, ACCEPT, DROP),
        ({"input": [yes(jump="input")]}, ACCEPT, UNSURE),
    ],
)
def test_ways_through_one_chain(rules: Mapping[str, Sequence[Step]], policy: Action, action: Action) -> None:
    assert judged((rules, policy)).action is action


def test_an_accept_ends_one_chain_and_a_drop_everything() -> None:
    accepts, drops = ({"input": [yes(ACCEPT)]}, DROP), ({"input": [yes(DROP)]}, ACCEPT)
    assert judged(accepts, drops).action is DROP
    assert judged(drops, accepts).action is DROP
    assert judged(accepts, accepts).action is ACCEPT


def test_a_later_chain_that_blocks_for_certain_ends_all_doubt() -> None:
    assert judged(({"input": [maybe(DROP)]}, ACCEPT), ({"input": []}, DROP)).action is DROP


def test_the_words_name_place_and_rule() -> None:
    assert judged(({"input": [NO, yes(DROP)]}, ACCEPT)) == Judgement(
        front_end=FrontEnd.NFT,
        action=DROP,
        evidence=("nft: table0 input: `yes` drops it",),
        fix="open table0 input yes",
    )
    assert judged(({"input": []}, DROP)).evidence == ("nft: table0 input: policy drop, no rule accepts udp dport 5000",)
    assert judged(({"input": [maybe(DROP)]}, ACCEPT)) == Judgement(
        front_end=FrontEnd.NFT,
        action=UNSURE,
        evidence=("nft: table0 input: not understood, and it may matter: `maybe`",),
    )


def test_a_rule_that_blocks_for_certain_is_named_before_one_that_may() -> None:
    found = judged(({"input": [maybe(REJECT), yes(DROP)]}, ACCEPT))
    assert (found.action, found.evidence) == (DROP, ("nft: table0 input: `yes` drops it",))


def test_more_rules_than_anybody_has_are_not_walked() -> None:
    assert judged(({"input": [yes()] * 100_001}, ACCEPT)).action is UNSURE


steps = st.builds(
    Step,
    matches=st.sampled_from([True, False]),
    action=st.none() | st.sampled_from([ACCEPT, DROP, REJECT]),
    jump=st.none() | st.just("other"),
    is_final=st.booleans(),
    text=st.just("rule"),
)


@given(st.lists(steps, max_size=6), st.lists(steps.filter(lambda step: step.jump is None), max_size=6))
def test_where_everything_is_understood_nothing_is_in_doubt(main: list[Step], other: list[Step]) -> None:
    assert judged(({"input": main, "other": other}, ACCEPT)).action is not UNSURE
