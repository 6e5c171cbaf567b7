from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from pathlib import Path

import pytest

from cli.documents import plain


class _Word(StrEnum):
    YES = "yes"


class _Number(IntEnum):
    ONE = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inner:
    path: Path
    word: _Word | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outer:
    items: tuple[_Inner, ...]
    level: _Number
    by_name: dict[str, float]


def test_values_become_what_json_knows() -> None:
    outer = _Outer(
        items=(_Inner(path=Path("/srv/x"), word=_Word.YES), _Inner(path=Path("y"), word=None)),
        level=_Number.ONE,
        by_name={"a": 1.5},
    )
    document = plain(outer)
    assert document == {
        "items": [{"path": "/srv/x", "word": "yes"}, {"path": "y", "word": None}],
        "level": 1,
        "by_name": {"a": 1.5},
    }
    assert isinstance(document, dict)
    assert list(document) == ["items", "level", "by_name"]


def test_what_has_no_form_is_a_bug() -> None:
    with pytest.raises(TypeError, match="no form in JSON: object"):
        plain({"x": object()})


@pytest.mark.parametrize(("value", "text"), [(float("inf"), ".inf"), (float("-inf"), "-.inf"), (float("nan"), ".nan")])
def test_numbers_that_json_has_not_are_words(value: float, text: str) -> None:
    assert plain({"x": value}) == {"x": text}
