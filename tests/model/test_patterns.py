from __future__ import annotations

import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sync_core.model.errors import UsageError
from sync_core.model.inventory import Group, Inventory
from sync_core.model.patterns import Sign, Term, parse, select
from tests.support.inventories import a_master, a_slave, an_inventory

SITE = an_inventory(
    a_master("scheduler-4440"),
    a_slave("slave-5000"),
    a_slave("slave-5001"),
    a_slave("web.example.net"),
    a_slave("fe80::1"),
    groups={"canary": ("web.example.net", "slave-5000"), "empty": (), "web": ("slave-5001",)},
)
NESTED = Inventory(
    sources=SITE.sources,
    hosts=SITE.hosts,
    groups={
        "all": Group(name="all", hosts=(), children=("top",)),
        "top": Group(name="top", hosts=("slave-5001",), children=("left", "right")),
        "left": Group(name="left", hosts=("web.example.net",), children=("deep",)),
        "right": Group(name="right", hosts=("scheduler-4440",), children=("deep",)),
        "deep": Group(name="deep", hosts=("slave-5000", "slave-5001"), children=()),
    },
    settings={},
)
ALL = ["scheduler-4440", "slave-5000", "slave-5001", "web.example.net", "fe80::1"]
SLAVES = ALL[1:]


def names(pattern: str, inventory: Inventory = SITE) -> list[str]:
    return [host.name for host in select(inventory, pattern)]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("all", ALL),
        ("*", ALL),
        ("slave-5000", ["slave-5000"]),
        (" slave-5000 ", ["slave-5000"]),
        ("slaves", SLAVES),
        ("canary", ["slave-5000", "web.example.net"]),
        ("slave-*", ["slave-5000", "slave-5001"]),
        ("slave-500?", ["slave-5000", "slave-5001"]),
        ("slave-500[!0]", ["slave-5001"]),
        ("slave-500[1-3]", ["slave-5001"]),
        ("web*", ["slave-5001", "web.example.net"]),  # a group and a host
        ("slave-5001,slave-5000", ["slave-5000", "slave-5001"]),
        ("slave-5001:slave-5000", ["slave-5000", "slave-5001"]),
        ("slave-5001 , slave-5000 ,", ["slave-5000", "slave-5001"]),
        ("masters,slave-5000:slave-5001", ["scheduler-4440", "slave-5000", "slave-5001"]),
        ("slaves:&canary", ["slave-5000", "web.example.net"]),
        ("slaves,&canary,!web*", ["slave-5000"]),
        ("!slaves", ["scheduler-4440"]),
        ("&canary", ["slave-5000", "web.example.net"]),
        ("!nobody", ALL),
        ("!slave-5000:slaves:&canary", ["web.example.net"]),  # the order of terms does not matter
        ("& canary", ["slave-5000", "web.example.net"]),
        ("~slave-500[01]", ["slave-5000", "slave-5001"]),
        ("~.*5000", ["slave-5000"]),
        ("~(?:web|slave-5001)", ["slave-5001", "web.example.net"]),
        ("~slave-50{2,3}1,masters", ["scheduler-4440", "slave-5001"]),
        ("!~slave", ["scheduler-4440"]),  # the group slaves begins so too
        ("fe80::1", ["fe80::1"]),
        ("!fe80::1", ALL[:-1]),
        ("slaves,!fe80::1", SLAVES[:-1]),
        ("slaves[0]", ["slave-5000"]),
        ("slaves[-1]", ["fe80::1"]),
        ("slaves[-2]", ["web.example.net"]),
        ("slaves[0:1]", ["slave-5000", "slave-5001"]),
        ("slaves[2:]", ["web.example.net", "fe80::1"]),
        ("slaves[3:9]", ["fe80::1"]),
        ("canary[0]", ["web.example.net"]),  # positions count as the group lists its hosts
        ("slave-*[1]", ["slave-5001"]),
        ("slaves:!slaves[0:2]", ["fe80::1"]),
        ("slave-5000[0]", ["slave-5000"]),
        ("slaves[1-2]", ["slave-5001", "web.example.net"]),  # an old way of Ansible's to write positions
        ("slaves[2-]", ["web.example.net", "fe80::1"]),
        ("slaves:!slaves[0-2]", ["fe80::1"]),
        ("web*[-1]", ["web.example.net"]),
        ("s*[6]", ["slave-5001"]),  # the group slaves has four, then come the hosts that begin so
    ],
)
def test_a_pattern_names_hosts_in_inventory_order(pattern: str, expected: list[str]) -> None:
    assert names(pattern) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("top", ["scheduler-4440", "slave-5000", "slave-5001", "web.example.net"]),
        ("top[0]", ["slave-5001"]),
        ("top[1]", ["web.example.net"]),
        ("top[2]", ["scheduler-4440"]),
        ("top[3]", ["slave-5000"]),
    ],
)
def test_a_group_counts_its_own_hosts_before_those_of_its_children(pattern: str, expected: list[str]) -> None:
    assert names(pattern, NESTED) == expected


def test_a_name_of_both_a_host_and_a_group_means_the_host_unless_a_sign_or_a_position_follows() -> None:
    inventory = an_inventory(a_master("m"), a_slave("web"), a_slave("s"), groups={"web": ("s",)})
    assert names("web", inventory) == ["web"]
    assert names("!web", inventory) == ["m", "web"]
    assert names("all:&web", inventory) == ["s"]
    assert names("web[0]", inventory) == ["s"]


@pytest.mark.parametrize(
    ("pattern", "message", "hint"),
    [
        ("", "the pattern is empty", "name hosts or groups; `all` means everything"),
        (" , :,", "the pattern is empty", "name hosts or groups; `all` means everything"),
        ("slvaes", "no host matches the pattern 'slvaes'", "did you mean slaves?"),
        ("slave-5000,scheduler", "no host matches the pattern 'scheduler'", "did you mean scheduler-4440?"),
        ("xyzzy", "no host matches the pattern 'xyzzy'", "`jsync inventory --graph` shows hosts and groups"),
        ("empty", "no host matches the pattern 'empty'", "the group has no hosts"),
        ("slaves[4]", "no host matches the pattern 'slaves[4]'", "slaves has 4 hosts; positions count from 0"),
        ("slaves[-5]", "no host matches the pattern 'slaves[-5]'", "slaves has 4 hosts; positions count from 0"),
        ("slaves[2:1]", "no host matches the pattern 'slaves[2:1]'", "slaves has 4 hosts; positions count from 0"),
        ("slaves:!all", "no host matches the pattern 'slaves:!all'", "the terms with & and ! leave none"),
        ("&empty", "no host matches the pattern '&empty'", "the pattern takes away every host"),
        ("!", "the pattern has '!' with nothing behind it", "a host, a group or a glob follows"),
        ("slaves:&", "the pattern has '&' with nothing behind it", "a host, a group or a glob follows"),
        ("~", "the pattern has '~' with nothing behind it", "a host, a group or a glob follows"),
        ("~[", "'~[' is no regular expression: unterminated character set at position 0", None),
    ],
)
def test_what_names_nobody_is_an_error_that_says_what_to_do(pattern: str, message: str, hint: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        select(SITE, pattern)
    assert (str(caught.value), caught.value.hint) == (message, hint)


@example("~[[")
@given(pattern=st.text(alphabet="slave-50:,&!~*?[]()0123 \x1b", max_size=20))
def test_any_text_selects_or_is_refused(pattern: str) -> None:
    try:
        found = names(pattern)
    except UsageError:
        return
    assert found
    assert found == [name for name in ALL if name in found]


expressions = st.sampled_from([*ALL[:4], "slaves", "canary", "slave-*", "~web"])
spans = st.one_of(
    st.none(),
    st.integers(-99, 99).map(lambda n: (n, n)),
    st.tuples(st.integers(0, 99), st.one_of(st.none(), st.integers(0, 99))),
)


@st.composite
def terms(draw: st.DrawFn) -> Term:
    expression = draw(expressions)
    span = None if expression.startswith("~") else draw(spans)
    return Term(sign=draw(st.sampled_from(Sign)), expression=expression, span=span)


@given(written=st.lists(terms(), min_size=1, max_size=6), separator=st.sampled_from([",", ":", " , "]))
def test_what_is_printed_parses_to_the_same(written: list[Term], separator: str) -> None:
    assert parse(separator.join(map(str, written)), SITE.hosts) == tuple(written)


@given(
    adding=st.lists(expressions, max_size=3),
    keeping=st.lists(expressions, max_size=2),
    removing=st.lists(expressions, max_size=2),
    shuffled=st.randoms(use_true_random=False),
)
def test_terms_are_set_algebra_in_any_order(
    adding: list[str], keeping: list[str], removing: list[str], shuffled: random.Random
) -> None:
    expected = set(ALL) if not adding else set().union(*(names(text) for text in adding))
    for text in keeping:
        expected &= set(names(text))
    for text in removing:
        expected -= set(names(text))
    written = [*adding, *(f"&{text}" for text in keeping), *(f"!{text}" for text in removing)]
    shuffled.shuffle(written)
    if not written or not expected:
        with pytest.raises(UsageError):
            names(",".join(written))
    else:
        assert set(names(",".join(written))) == expected


@given(first=st.integers(0, 6), last=st.one_of(st.none(), st.integers(0, 6)))
def test_positions_are_a_slice_with_both_ends(first: int, last: int | None) -> None:
    text = str(Term(expression="slaves", span=(first, last)))
    expected = SLAVES[first : None if last is None else last + 1]
    if expected:
        assert names(text) == expected
    else:
        with pytest.raises(UsageError):
            names(text)
