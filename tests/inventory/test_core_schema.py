from __future__ import annotations

import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sync_core.inventory.bounds import MAX_DEPTH, MAX_NODES, TooMuchError, limit_reached
from sync_core.inventory.core_schema import CoreLoader, core_value, is_core_value, kind_of
from sync_core.inventory.node import Octal


def value_of(text: str) -> object:
    node = yaml.compose(text, Loader=CoreLoader)
    assert isinstance(node, yaml.ScalarNode)
    kind = kind_of(node)
    return node.value if kind == "str" else core_value(kind, node.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((word, word) for word in ("no", "yes", "on", "off", "No", "YES", "y", "n", "tRUE", "nULL", "none")),
        *(
            (text, text)
            for text in ("1_000", "12:30", "190:20:30", "2024-01-01", "0b11", "0o8", "0xg", "-0x1", "<<", "=")
        ),
        *((text, text) for text in ("1.2.3", "1e", ".", "+.", "e3", "50%", "127.0.0.1", "::1")),
        *((text, None) for text in ("~", "null", "Null", "NULL")),
        *((text, True) for text in ("true", "True", "TRUE")),
        *((text, False) for text in ("false", "False", "FALSE")),
        ("010", 10),
        ("0o10", Octal(8)),
        ("0x1F", 31),
        ("-7", -7),
        ("+7", 7),
        ("0", 0),
        ("1.5", 1.5),
        ("1.", 1.0),
        (".5", 0.5),
        ("-1e3", -1000.0),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("'7'", "7"),
        ('"true"', "true"),
        ("!!str 7", "7"),
        ("!!int '7'", 7),
        ("!!float 7", 7.0),
        ("!!null ''", None),
    ],
)
def test_scalars_follow_yaml_1_2(text: str, expected: object) -> None:
    value = value_of(text)
    assert (value, type(value)) == (expected, type(expected))


def test_not_a_number_is_a_float() -> None:
    value = value_of(".NaN")
    assert isinstance(value, float)
    assert math.isnan(value)


@given(number=st.integers())
def test_every_integer_reads_back(number: int) -> None:
    assert value_of(str(number)) == number


@given(number=st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_reads_back(number: float) -> None:
    assert value_of(repr(number)) == number


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [("int", "7", True), ("int", "1_0", False), ("bool", "yes", False), ("null", "", True), ("timestamp", "7", None)],
)
def test_a_kind_knows_its_texts(kind: str, text: str, expected: bool | None) -> None:
    assert is_core_value(kind, text) is expected


def test_depth_and_number_are_bounded() -> None:
    with pytest.raises(TooMuchError, match=f"the file has more than {MAX_DEPTH} levels") as caught:
        yaml.compose("[" * (MAX_DEPTH + 1), Loader=CoreLoader)
    assert (caught.value.line, caught.value.column) == (1, MAX_DEPTH + 1)
    deepest = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert yaml.compose(deepest, Loader=CoreLoader) is not None
    assert limit_reached(depth=MAX_DEPTH, nodes=MAX_NODES) is None
    assert limit_reached(depth=1, nodes=MAX_NODES + 1) == f"the file has more than {MAX_NODES} values"
