from __future__ import annotations

from textwrap import dedent

import pytest

from sync_core.inventory.document import parse
from sync_core.inventory.groups import read_groups
from sync_core.inventory.node import Node
from sync_core.inventory.precedence import Precedence
from sync_core.inventory.problems import Problems
from sync_core.inventory.variable_files import VariableFiles


def node(text: str, problems: Problems) -> Node:
    document = parse(dedent(text).encode(), problems)
    assert document is not None
    return document


def files(text: str, problems: Problems) -> VariableFiles:
    """Return files of variables as ``text`` has them: the tables by name, below ``groups`` and below ``hosts``."""
    groups, hosts = (node(text, problems).table[kind].table for kind in ("groups", "hosts"))
    return VariableFiles(
        groups={name: (table,) for name, table in groups.items()},
        hosts={name: (table,) for name, table in hosts.items()},
    )


def winners(text: str, host: str, *filed: str) -> dict[str, tuple[object, str]]:
    """Return for each variable of ``host`` its value and the origin of that."""
    problems = Problems("f")
    draft = read_groups([node(text, problems)], problems)
    precedence = Precedence(draft, [files(one, problems) for one in filed], problems)
    settings = precedence.settings_of(draft.hosts[host])
    if problems:
        raise problems.error()
    return {name: (setting.node.plain, setting.origin) for name, setting in settings.items()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{all: {vars: {x: 1}}, g: {hosts: {h: }}}", (1, "all")),
        ("{g: {hosts: {h: }, vars: {x: 2}}, all: {vars: {x: 1}}}", (2, "g")),
        ("{p: {children: {c: {hosts: {h: }, vars: {x: 2}}}, vars: {x: 1}}}", (2, "c")),
        ("{c: {hosts: {h: }, vars: {x: 2}}, p: {children: {c: }, vars: {x: 1}}}", (2, "c")),
        ("{z: {hosts: {h: }, vars: {x: 1}}, p: {children: {a: {hosts: {h: }, vars: {x: 2}}}}}", (2, "a")),
        ("{b: {hosts: {h: }, vars: {x: 2}}, a: {hosts: {h: }, vars: {x: 1}}}", (2, "b")),
        ("{a: {hosts: {h: }, vars: {x: 2, ansible_group_priority: 9}}, b: {hosts: {h: }, vars: {x: 1}}}", (2, "a")),
        ("{a: {hosts: {h: }, vars: {x: 2, ansible_group_priority: '9'}}, b: {hosts: {h: }, vars: {x: 1}}}", (2, "a")),
        ("{a: {hosts: {h: }, vars: {x: 1, ansible_group_priority: z}}, b: {hosts: {h: }, vars: {x: 2}}}", (2, "b")),
        ("{a: {hosts: {h: }, vars: {x: 1}}, b: {hosts: {h: }, vars: {x: 2, ansible_group_priority: -1}}}", (1, "a")),
        ("{g: {hosts: {h: {x: 3}}, vars: {x: 2}}}", (3, "h")),
        ("{a: {hosts: {h: {x: 3}}}, b: {hosts: {h: {x: 4}}}}", (4, "h")),
        ("{a: {hosts: {h: {x: 3}}}, b: {hosts: {h: }}}", (3, "h")),
        ("{a: {hosts: {h: }, vars: {x: 1}}, b: {children: {a: {vars: {x: 2}}}}}", (2, "a")),
        ("{p: {children: {q: {children: {g: }, vars: {x: 2}}}}, q: , o: {children: {g: {hosts: {h: }}}, vars: {x: 1}}}",
         (2, "q")),
    ],
)  # fmt: skip
def test_the_later_wins(text: str, expected: tuple[object, str]) -> None:
    assert winners(text, "h")["x"] == expected


def test_values_of_all_levels_come_together() -> None:
    text = "{all: {vars: {a: 1}}, p: {vars: {b: 2}, children: {c: {vars: {c: 3}, hosts: {h: {d: 4}, other: {d: 5}}}}}}"
    assert winners(text, "h") == {"a": (1, "all"), "b": (2, "p"), "c": (3, "c"), "d": (4, "h")}
    assert winners(text, "other")["d"] == (5, "other")


NESTED = "{all: {vars: {x: all}}, p: {vars: {x: p}, children: {c: {vars: {x: c}, hosts: {h: {x: h}}}}}}"

FREE = NESTED.replace("{h: {x: h}}", "{h: }")


@pytest.mark.parametrize(
    ("text", "filed", "expected"),
    [
        (NESTED, ["{groups: {all: {x: 1}, p: {x: 2}, c: {x: 3}}, hosts: {h: {x: 4}}}"], (4, "h")),
        (NESTED, ["{groups: {all: {x: 1}, p: {x: 2}, c: {x: 3}}, hosts: {}}"], ("h", "h")),
        (FREE, ["{groups: {all: {x: 1}, p: {x: 2}, c: {x: 3}}, hosts: {}}"], (3, "c")),
        # the file of a parent, and even that of all, beats what the inventory says of a child
        (FREE, ["{groups: {all: {x: 1}, p: {x: 2}}, hosts: {}}"], (2, "p")),
        (FREE, ["{groups: {all: {x: 1}}, hosts: {}}"], (1, "all")),
        (FREE, [
            "{groups: {p: {x: 2}}, hosts: {}}", "{groups: {all: {x: 1}}, hosts: {}}"
        ], (2, "p")),
        ("{all: {vars: {x: 0}}, g: {hosts: {h: }}}", ["{groups: {all: {x: 1}}, hosts: {}}"], (1, "all")),
        # the later folder beats the earlier one before children beat parents
        (FREE, [
            "{groups: {c: {x: 3}}, hosts: {}}", "{groups: {p: {x: 2}}, hosts: {}}"
        ], (2, "p")),
        (NESTED, ["{groups: {}, hosts: {h: {x: 4}}}", "{groups: {c: {x: 3}}, hosts: {h: {x: 5}}}"], (5, "h")),
        # a priority counts where the inventory sets it, and then for files too
        ("{a: {hosts: {h: }, vars: {ansible_group_priority: 9}}, b: {hosts: {h: }}}", [
            "{groups: {a: {x: 1}, b: {x: 2}}, hosts: {}}"
        ], (1, "a")),
        ("{a: {hosts: {h: }}, b: {hosts: {h: }}}", [
            "{groups: {a: {x: 1, ansible_group_priority: 9}, b: {x: 2}}, hosts: {}}"
        ], (2, "b")),
    ],
)  # fmt: skip
def test_files_of_variables_come_where_ansible_has_them(text: str, filed: list[str], expected: object) -> None:
    assert winners(text, "h", *filed)["x"] == expected


def test_ansibles_words_mean_ours_at_every_level() -> None:
    text = "{g: {vars: {address: a, ansible_port: 22}, hosts: {h: {ansible_host: b}, k: {ssh_port: 23}}}}"
    assert winners(text, "h") == {"address": ("b", "h"), "ssh_port": (22, "g")}
    assert winners(text, "k") == {"address": ("a", "g"), "ssh_port": (23, "k")}


def test_two_words_for_one_variable_in_one_place_are_a_fault() -> None:
    with pytest.raises(Exception) as caught:
        winners("{g: {vars: {ansible_host: a, address: b}, hosts: {h: {become: true, ansible_become: true}}}}", "h")
    assert str(caught.value).splitlines() == [
        "f:1:13: `ansible_host` is another word for `address`, which is given too (at 1:30; remove one)",
        "f:1:69: `ansible_become` is another word for `become`, which is given too (at 1:55; remove one)",
    ]
